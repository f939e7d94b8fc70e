"""Single steps of a run, chosen by a test."""

from evolution import loop, steering
from evolution.commands import Command
from evolution.evaluation import Verdict
from evolution.events import Event, Proposed, TuningEnded
from evolution.loop import Evaluated
from evolution.proposal import Operator, Propensity
from evolution.state import SearchState
from tests.evolution.simulation import AXES, config_of

CERTAIN = Propensity(1.0, 1.0, 1.0, 1.0, 1.0)


def found(number: int, score: float | None, verdict: Verdict = Verdict.SCORED, literals: int = 9, cell: int = 0) -> Evaluated:
    """A result; `cell` says where along the axis of length it falls."""
    features = {} if score is None else {"speed": 0.5}
    return Evaluated(number, number, number, verdict, score, features, 120 * 2**cell, literals)


def begun(score: float | None = 0.0, **changes: object) -> SearchState:
    state = SearchState.begin(config_of(**{"in_flight": 100, "budget": {}, **changes}), AXES, 1)
    loop.admit(state, found(0, score, Verdict.SCORED if score is not None else Verdict.CRASHED))
    return state


def grow(state: SearchState, evaluations: int, score: float | None = -1.0, island: int = 0) -> None:
    """Mutants up to a count of evaluations, without asking the rules."""
    verdict = Verdict.SCORED if score is not None else Verdict.WRONG
    while state.evaluations < evaluations:
        loop.admit(state, found(ask(state, Operator.MUTATE, island=island), score, verdict))


def drive(state: SearchState, room: int = 1, score: float | None = -1.0) -> list[TuningEnded]:
    """Ask the rules for up to `room` proposals and give all the same score."""
    loop.propose(state, room, 0.0)
    verdict = Verdict.SCORED if score is not None else Verdict.WRONG
    taken = [event for number in list(state.pending) for event in loop.admit(state, found(number, score, verdict))]
    return [event for event in taken if isinstance(event, TuningEnded)]


def ask(state: SearchState, operator: Operator, **changes: object) -> int:
    """A proposal that the rules did not choose."""
    number = state.next_number
    fields = {"operator": operator, "island": 0, "parent": 0, "parent_score": 0.0, "inspirations": (), "model": None}
    state.apply(Proposed(**{"number": number, "tuning": None, "propensity": CERTAIN, "progress": 0.0, **fields, **changes}))
    return number


def take(state: SearchState, command: Command, number: int = 1, descendants: tuple[int, ...] = ()) -> list[Event]:
    return steering.take(state, command, number, descendants)
