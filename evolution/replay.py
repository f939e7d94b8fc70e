"""Check a run against its log: every choice and every placement is made again and compared."""

from collections.abc import Iterable, Sequence

from evolution import events as ev
from evolution import islands, loop, tuning
from evolution.archive import Placement, cell_of
from evolution.choice import choose
from evolution.events import Event
from evolution.loop import has_way, within_lag
from evolution.problem import FeatureAxis
from evolution.run import Order, RunConfig
from evolution.state import LogError, SearchState


def fold(events: Iterable[Event], config: RunConfig, axes: tuple[FeatureAxis, ...], seed: int) -> SearchState:
    """The state that a log leads to.

    Raises:
        LogError: the log is not one of a run.
    """
    state = SearchState.begin(config, axes, seed)
    for event in events:
        state.apply(event)
    return state


def compare(folded: SearchState, loaded: SearchState) -> list[str]:
    """Each difference between the fold of a log and the state that was loaded from its tables, in words."""
    found = [
        f"{name}: the log gives {getattr(folded, name)!r}, the tables {getattr(loaded, name)!r}"
        for name in sorted(set(SearchState.__slots__) - {"touched", "islands"})
        if getattr(folded, name) != getattr(loaded, name)
    ]
    if len(folded.islands) != len(loaded.islands):
        return [*found, f"islands: the log gives {len(folded.islands)}, the tables {len(loaded.islands)}"]
    for index, (ours, theirs) in enumerate(zip(folded.islands, loaded.islands, strict=True)):
        cells = {*ours.archive.cells(), *theirs.archive.cells()}
        found += [
            f"island {index}, cell {cell}: the log gives {ours.archive.get(cell)}, the tables {theirs.archive.get(cell)}"
            for cell in sorted(cells)
            if ours.archive.get(cell) != theirs.archive.get(cell)
        ]
        if ours != theirs and ours.archive.elites() == theirs.archive.elites():
            found.append(f"island {index}: its counts, founder or valid programs differ between the log and the tables")
    return found


def verify(events: Sequence[Event], config: RunConfig, axes: tuple[FeatureAxis, ...], seed: int) -> list[str]:
    """Each discrepancy between a log and the rules, in words; empty for an honest log.

    Every event is compared with what the rules make of the state just before it; a log that cannot be folded ends
    with the reason. `seed` is the run's.
    """
    state = SearchState.begin(config, axes, seed)
    found: list[str] = []
    owed: Event | None = None
    for event, ahead in zip(events, _progress_ahead(events), strict=True):
        expected = _expected(state, event, ahead) if owed is None else _unless(event, owed)
        if expected is not None:
            found.append(f"event {state.events + 1}: the rules give {expected}, the log has {event!r}")
        try:
            state.apply(event)
        except LogError as error:
            return [*found, str(error)]
        owed = _owed(state, event)
    if owed is not None:
        found.append(f"event {state.events + 1}: the rules give {owed!r}, the log has ended")
    return found


def _owed(state: SearchState, event: Event) -> Event | None:
    """What must come next in the log, now that `event` was taken in; None if nothing must."""
    if isinstance(event, ev.Admitted):
        record = loop.new_best(state, event.number, event.score)
        if record is not None:
            return record
    return tuning.end(state) if isinstance(event, ev.Admitted | ev.Refused | ev.NewBest) else None


def _progress_ahead(events: Sequence[Event]) -> list[float]:
    """For each event the progress that the next proposal was chosen at: what plans before it were made with."""
    ahead, latest = [0.0] * len(events), 0.0
    for index in range(len(events) - 1, -1, -1):
        event = events[index]
        latest = event.progress if isinstance(event, ev.Proposed) else latest
        ahead[index] = latest
    return ahead


def _expected(state: SearchState, event: Event, progress: float) -> object | None:
    """What should stand in the log instead of `event`; None if it is right, or a fact from outside that nothing foretells."""
    expected: object | None = None
    match event:
        case ev.Proposed():
            expected = _expected_proposal(state, event)
        case ev.Admitted() | ev.Refused():
            expected = _expected_closing(state, event)
        case ev.IslandSpawned() | ev.IslandReset():
            expected = _unless(event, islands.plan(state))
        case ev.TuningStarted():
            expected = _unless(event, tuning.start(state, progress))
        case ev.VerificationAsked():
            due = loop.due_numbers(state) if event.command is None else [event.number]
            expected = None if event.number in due else f"a verification of one of {due}"
        case ev.Finished():
            expected = _unless(event.champion, loop.champion_of(state))
        case ev.NewBest() | ev.TuningEnded():
            expected = "nothing of the kind"
        case _:
            # A fact from outside: what was measured, what people told the run, who serves it, what was spent.
            pass
    return expected


def _expected_proposal(state: SearchState, event: ev.Proposed) -> object | None:
    if state.stopping is not None or state.paused or not state.islands or not has_way(state) or not within_lag(state):
        return "no proposal"
    planned = islands.plan(state) or tuning.start(state, event.progress)
    return _unless(event, planned or choose(state, event.progress))


def _expected_closing(state: SearchState, event: ev.Admitted | ev.Refused) -> object | None:
    if state.config.order is Order.FIXED_LAG and event.number != state.next_to_close:
        return f"the closing of proposal {state.next_to_close}"
    pending = state.pending.get(event.number)
    if isinstance(event, ev.Refused) or pending is None:
        return None
    if event.score is None or event.features is None:
        return _unless((event.cell, event.placement), (None, Placement.NO_SCORE.value))
    cell = cell_of(state.axes, event.features)
    placement = loop.placement_of(state, event.number, event.score, event.length, cell)
    return _unless((event.cell, event.placement), (cell, placement.value))


def _unless(event: object, expected: object) -> object | None:
    if event == expected:
        return None
    return "nothing" if expected is None else repr(expected)
