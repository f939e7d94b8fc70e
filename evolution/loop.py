"""The paper's loop as rules: what the controller asks for, takes in, verifies and when it stops.

Every function that returns events has applied them to the state already; the caller writes them to the log, in this
order and in the same transaction as the rows that they describe. If that transaction fails the state is thrown away
and restored. One event of the log is one `state.apply`: events that the controller makes itself (`Resumed`) are
applied by it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from evolution.evaluation import Verdict
from evolution.events import Event, Proposed
from evolution.proposal import Choice, Refusal
from evolution.run import StopReason
from evolution.state import SearchState


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
    raise NotImplementedError


def admit(state: SearchState, found: Evaluated) -> list[Event]:
    """Take in a finished search evaluation: Admitted, then NewBest and TuningEnded where they apply.

    If `found.score` is not None the program's `valid_number` is `state.valid_total - 1` afterwards.

    Raises:
        MissingFeature: the judge scored it without a feature that an axis needs; stop with JUDGE_FAILED.
        LogError: the proposal is not in flight.
    """
    raise NotImplementedError


def refuse(state: SearchState, number: int, reason: Refusal, duplicate_of: int | None = None) -> list[Event]:
    """Close a proposal that brought no evaluated program (HOST_FAULT: its evaluation was abandoned).

    Raises:
        LogError: the proposal is not in flight.
    """
    raise NotImplementedError


def may_propose(state: SearchState) -> bool:
    """Whether the next proposal may be chosen now: the run goes on, has a valid program, an operator, evaluations left
    in its budget, and, under `FIXED_LAG`, all proposals up to (next number - lag) closed."""
    raise NotImplementedError


def propose(state: SearchState, room: int, progress: float) -> list[Event]:
    """Choose up to `room` proposals: Proposed, each preceded by IslandSpawned, IslandReset or TuningStarted where due.

    `progress` is the share of the budget used (`progress_of`). Evaluations in flight never exceed what the budget
    leaves. Under `FIXED_LAG` the lag decides how many, not `room`.
    """
    raise NotImplementedError


def choice_of(event: Proposed) -> Choice:
    """The choice as the program database stores it with its proposal."""
    raise NotImplementedError


def progress_of(state: SearchState, seconds: float, micro_dollars: int) -> float:
    """The share of the budget that is used, 0 to 1: the largest over its limits; 0 without limits.

    Under `FIXED_LAG` evaluations alone count: choices must not depend on the clock.
    """
    raise NotImplementedError


def verification_due(state: SearchState) -> list[Event]:
    """VerificationAsked for the seed program, for a new best now and then, and for the finalists when stopping."""
    raise NotImplementedError


def verified(state: SearchState, number: int, evaluation: int, verdict: Verdict | None, score: float | None) -> list[Event]:
    """Take in a finished verification; `verdict` None: the host failed too often."""
    raise NotImplementedError


def champion_of(state: SearchState) -> int | None:
    """The number of the program with the best verified score; None if none is verified."""
    raise NotImplementedError


def stop_reason(state: SearchState, seconds: float, micro_dollars: int, sign: float) -> tuple[StopReason, str] | None:
    """Why the run should stop now, with a sentence for people; None to go on.

    `seconds` and `micro_dollars` are what was spent so far; `sign` is the problem's `score.sign`, for the target.
    """
    raise NotImplementedError


def stop(state: SearchState, reason: StopReason, detail: str) -> list[Event]:
    """Stopping, unless the run is stopping already."""
    raise NotImplementedError


def finish(state: SearchState) -> list[Event]:
    """Finished with the champion, once nothing is in flight and nothing is left to verify; empty until then."""
    raise NotImplementedError
