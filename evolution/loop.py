"""The paper's loop as rules: what the controller asks for, takes in, verifies and when it stops.

Every function that returns events has applied them to the state already; the caller writes them to the log, in this
order and in the same transaction as the rows that they describe. If that transaction fails the state is thrown away
and restored. One event of the log is one `state.apply`: events that the controller makes itself (`Resumed`) are
applied by it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from evolution import bandit, islands, tuning
from evolution.archive import Placement, cell_of, features_of, place
from evolution.choice import choose
from evolution.evaluation import Verdict
from evolution.events import Admitted, Cell, Event, Finished, NewBest, Proposed, Refused, Stopping, VerificationAsked, Verified
from evolution.proposal import MODEL_OPERATORS, Choice, Refusal
from evolution.run import Order, StopReason
from evolution.state import LogError, SearchState

FINALISTS = 3
FINALISTS_TRIED = 12
VERIFY_AFTER = 20
VERIFY_AFTER_SHARE = 0.5
MONEY_DROUGHT = 8
FAULT_DROUGHT = 20
PROGRAM_DROUGHT = 1000


@dataclass(frozen=True, slots=True)
class Evaluated:
    """A finished search evaluation. `program` and `evaluation` are row ids; `features` are those that the judge returned."""

    number: int
    program: int
    evaluation: int
    verdict: Verdict
    score: float | None
    features: Mapping[str, float]
    length: int
    literals: int


def may_close(state: SearchState, number: int) -> bool:
    """Whether proposal `number` may be admitted or refused now.

    As completed: any that is in flight. Under `FIXED_LAG`: only `state.next_to_close`, and only when no proposal may
    be chosen first; so the order of events does not depend on timing. Ask again after every admission.
    """
    if state.config.order is Order.AS_COMPLETED:
        return number in state.pending
    return number == state.next_to_close and not may_propose(state)


def admit(state: SearchState, found: Evaluated) -> list[Event]:
    """Take in a finished search evaluation: Admitted, then NewBest and TuningEnded where they apply.

    If `found.score` is not None the program's `valid_number` is `state.valid_total - 1` afterwards.

    Raises:
        MissingFeatureError: the judge scored it without a feature that an axis needs; stop with JUDGE_FAILED.
        LogError: the proposal is not in flight.
    """
    pending = state.pending.get(found.number)
    if pending is None:
        raise LogError(f"proposal {found.number} is not in flight: it was closed already, or never asked for")
    placement, features, cell = Placement.NO_SCORE, None, None
    if found.score is not None:
        features = features_of(state.axes, found.features, found.length, found.literals)
        cell = cell_of(state.axes, features)
        placement = placement_of(state, found.number, found.score, found.length, cell)
    admitted = Admitted(
        number=found.number,
        program=found.program,
        evaluation=found.evaluation,
        verdict=found.verdict,
        score=found.score,
        features=features,
        length=found.length,
        literals=found.literals,
        cell=cell,
        placement=placement.value,
    )
    state.apply(admitted)
    events: list[Event] = [admitted]
    record = new_best(state, found.number, found.score)
    if record is not None:
        state.apply(record)
        events.append(record)
    return events + _end_tuning(state)


def placement_of(state: SearchState, number: int, score: float, length: int, cell: Cell) -> Placement:
    """Where a scored program in flight goes: a banned one nowhere, and one that holds a cell is beaten by any other."""
    if number in state.banned:
        return Placement.NOT_BETTER
    elite = state.islands[state.pending[number].island].archive.get(cell) if state.islands else None
    return place(state.seed, number, score, length, None if elite is None or elite.number in state.banned else elite)


def new_best(state: SearchState, number: int, score: float | None) -> NewBest | None:
    """The record that program `number`, admitted just now, set; None if it set none."""
    if score is None or number in state.banned or (state.best is not None and score <= state.best.score):
        return None
    return NewBest(number=number, score=score, evaluations=state.evaluations)


def refuse(state: SearchState, number: int, reason: Refusal, duplicate_of: int | None = None) -> list[Event]:
    """Close a proposal that brought no evaluated program (HOST_FAULT: its evaluation was abandoned).

    Raises:
        LogError: the proposal is not in flight.
    """
    refused = Refused(number=number, reason=reason, duplicate_of=duplicate_of)
    state.apply(refused)
    return [refused, *_end_tuning(state)]


def _end_tuning(state: SearchState) -> list[Event]:
    ended = tuning.end(state)
    if ended is None:
        return []
    state.apply(ended)
    return [ended]


def may_propose(state: SearchState) -> bool:
    """Whether the next proposal may be chosen now.

    The run goes on, has a valid program, an operator, and evaluations left in its budget; fewer than
    `config.in_flight` proposals are open, and, under `FIXED_LAG`, all up to the next number less the lag are closed.
    """
    if state.stopping is not None or state.paused or not state.islands or not has_way(state):
        return False
    limit = state.config.budget.evaluations
    if limit is not None and state.evaluations + len(state.pending) >= limit:
        return False
    return within_lag(state)


def has_way(state: SearchState) -> bool:
    """Whether there is an operator, and, where all of them ask models, one of these has room."""
    return bool(state.operators.keys() - MODEL_OPERATORS or (state.operators and bandit.with_room(state)))


def within_lag(state: SearchState) -> bool:
    """Whether one more proposal may be in flight.

    Numbers are closed in their order under `FIXED_LAG`, so the lag is the number of open proposals; where `in_flight`
    is smaller, it is the lag.
    """
    if state.config.order is Order.FIXED_LAG:
        return len(state.pending) < min(state.config.lag, state.config.in_flight)
    return len(state.pending) < state.config.in_flight


def propose(state: SearchState, room: int, progress: float, most: int | None = None) -> list[Event]:
    """Choose up to `room` proposals: Proposed, each preceded by IslandSpawned, IslandReset or TuningStarted where due.

    `progress` is the share of the budget used (`progress_of`). Evaluations in flight never exceed what the budget
    leaves. Under `FIXED_LAG` the lag decides how many, not `room`. Never more than `most`.
    """
    events: list[Event] = []
    fixed = state.config.order is Order.FIXED_LAG
    asked = 0
    while (fixed or asked < room) and (most is None or asked < most) and may_propose(state):
        for rule in (islands.plan, partial(tuning.start, progress=progress), partial(choose, progress=progress)):
            event = rule(state)
            if event is not None:
                state.apply(event)
                events.append(event)
        asked += 1
    return events


def choice_of(event: Proposed) -> Choice:
    """The choice as the program database stores it with its proposal."""
    return Choice(
        operator=event.operator,
        island=event.island,
        parent=event.parent,
        inspirations=event.inspirations,
        model=event.model,
        tuning=event.tuning,
        propensity=event.propensity,
        ideas=event.ideas,
        injection=event.injection,
    )


def progress_of(state: SearchState, seconds: float, micro_dollars: int, tokens: int = 0, gpu_milliseconds: int = 0) -> float:
    """The share of the budget that is used, 0 to 1: the largest over its limits; 0 without limits.

    Under `FIXED_LAG` evaluations alone count: choices must not depend on the clock.
    """
    budget = state.config.budget
    shares = [0.0]
    if budget.evaluations is not None:
        shares.append(state.evaluations / budget.evaluations)
    if state.config.order is not Order.FIXED_LAG:
        if budget.seconds is not None:
            shares.append(seconds / budget.seconds)
        if budget.micro_dollars:
            shares.append(micro_dollars / budget.micro_dollars)
        if budget.tokens:
            shares.append(tokens / budget.tokens)
        if budget.gpu_milliseconds:
            shares.append(gpu_milliseconds / budget.gpu_milliseconds)
    return min(max(shares), 1.0)


def verification_due(state: SearchState) -> list[Event]:
    """VerificationAsked for the seed program, for a new best now and then, and for the finalists when stopping."""
    events: list[Event] = []
    for number in due_numbers(state):
        asked = VerificationAsked(number=number)
        state.apply(asked)
        events.append(asked)
    return events


def due_numbers(state: SearchState) -> list[int]:
    """The programs whose verification should be asked for now.

    While the run goes on: one new best at a time, not before `VERIFY_AFTER` evaluations, or their share, have passed
    since the last; none while it is paused. When everything in flight is closed: the best `FINALISTS` by recorded score;
    one that fails is replaced by the next, down to place `FINALISTS_TRIED`.
    """
    if state.best is None or state.paused:
        return []
    known = state.verifying | state.verified.keys()
    due = [] if 0 in known else [0]
    if state.stopping is not None:
        return [*due, *_finalists_due(state)] if not state.pending else due
    waited = state.evaluations - state.verification_asked_at
    calm = not state.verifying and waited >= max(VERIFY_AFTER, VERIFY_AFTER_SHARE * state.evaluations)
    return [*due, state.best.number] if calm and state.best.number not in {*known, *due} else due


def _finalists_due(state: SearchState) -> list[int]:
    ranking = {state.best.number: state.best.score} if state.best is not None else {}
    for island in state.islands:
        elites = island.archive.elites()
        ranking.update((elite.number, elite.score) for elite in elites if elite.number not in state.banned)
    ranking.pop(0, None)
    due: list[int] = []
    hopeful = 0
    for number in sorted(ranking, key=lambda number: (-ranking[number], number))[:FINALISTS_TRIED]:
        if hopeful == FINALISTS:
            break
        failed = number in state.verified and state.verified[number] is None
        hopeful += not failed
        if number not in state.verified and number not in state.verifying:
            due.append(number)
    return due


def verified(state: SearchState, number: int, evaluation: int, verdict: Verdict | None, score: float | None) -> list[Event]:
    """Take in a finished verification; `verdict` None: the host failed too often."""
    event = Verified(number=number, evaluation=evaluation, verdict=verdict, score=score)
    state.apply(event)
    return [event]


def champion_of(state: SearchState) -> int | None:
    """The number of the program with the best verified score, of equals the oldest; None if none is verified."""
    scores = [(score, -number) for number, score in state.verified.items() if score is not None]
    return -max(scores)[1] if scores else None


def stop_reason(state: SearchState, seconds: float, micro_dollars: int, sign: float) -> tuple[StopReason, str] | None:
    """Why the run should stop now, with a sentence for people; None to go on.

    `seconds` and `micro_dollars` are what was spent so far; `sign` is the problem's `score.sign`, for the target.
    """
    if 0 not in state.pending and not state.islands:
        if state.seed_refused:
            return StopReason.JUDGE_FAILED, "the seed program could not be evaluated; `galapagos check` shows why"
        return StopReason.SEED_FAILED, "the seed program has no score; `galapagos check` shows why"
    return _limit_reached(state, seconds, micro_dollars, sign) or _drought(state)


def _limit_reached(state: SearchState, seconds: float, micro_dollars: int, sign: float) -> tuple[StopReason, str] | None:
    budget, best = state.config.budget, state.best
    if budget.target is not None and best is not None and best.score >= sign * budget.target:
        return StopReason.TARGET, f"program {best.number} reached the target {budget.target:g}"
    if budget.evaluations is not None and state.evaluations >= budget.evaluations:
        return StopReason.EVALUATIONS, f"{state.evaluations} of {budget.evaluations} evaluations are done"
    if budget.seconds is not None and seconds >= budget.seconds:
        return StopReason.SECONDS, f"{seconds:.0f} of {budget.seconds:g} seconds are over"
    if budget.micro_dollars is not None and state.config.models and micro_dollars >= budget.micro_dollars:
        return StopReason.MONEY, f"{micro_dollars / 1e6:.6f} of {budget.micro_dollars / 1e6:.6f} dollars are spent"
    return None


def _drought(state: SearchState) -> tuple[StopReason, str] | None:
    droughts = state.droughts
    if not state.operators:
        return StopReason.EXHAUSTED, "there is no operator: name a model, or let the run mutate"
    if droughts.money >= MONEY_DROUGHT:
        return StopReason.MONEY, f"the rest of the budget was too small for {droughts.money} model calls in a row"
    if droughts.models >= FAULT_DROUGHT and not state.config.mutate:
        return StopReason.EXHAUSTED, f"the models failed {droughts.models} times in a row"
    if droughts.host >= FAULT_DROUGHT:
        return StopReason.JUDGE_FAILED, f"{droughts.host} proposals in a row were lost by the host or by the judge"
    if droughts.programs >= PROGRAM_DROUGHT:
        return StopReason.EXHAUSTED, f"{droughts.programs} proposals in a row brought no new program"
    return None


def stop(state: SearchState, reason: StopReason, detail: str) -> list[Event]:
    """Stopping, unless the run is stopping already."""
    if state.stopping is not None:
        return []
    event = Stopping(reason=reason, detail=detail)
    state.apply(event)
    return [event]


def finish(state: SearchState) -> list[Event]:
    """Finished with the champion, once nothing is in flight and nothing is left to verify; empty until then."""
    if state.stopping is None or state.finished or state.pending or state.verifying or due_numbers(state):
        return []
    event = Finished(reason=state.stopping, champion=champion_of(state))
    state.apply(event)
    return [event]
