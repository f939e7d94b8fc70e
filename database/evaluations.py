"""Evaluations: queued with their program, claimed by evaluators, finished with an outcome or given back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from database.engine import Connection
from database.leases import Lease
from evolution.evaluation import EvaluationState, Outcome, Purpose, Tier, Verdict


@dataclass(frozen=True, slots=True)
class ClaimedEvaluation:
    """A program to be judged: its evolvable `files`, the revision of its problem, and the run's 32 secret bytes."""

    lease: Lease
    run: int
    number: int
    attempt: int
    purpose: Purpose
    problem: str
    files: Mapping[str, str]
    secret: bytes


@dataclass(frozen=True, slots=True)
class FinishedEvaluation:
    """What the cascade found. `machine` is a fingerprint from `machines.register`; `picture` SVG text of the judge."""

    lease: Lease
    outcome: Outcome
    duration_s: float
    machine: bytes
    picture: str | None = None


@dataclass(frozen=True, slots=True)
class OpenVerification:
    """A verification that the controller has not taken in yet."""

    id: int
    number: int
    state: EvaluationState
    verdict: Verdict | None
    score: float | None
    host_fault: str | None


async def claim(connection: Connection, owner: str, limit: int, lease_s: float, tier: Tier) -> list[ClaimedEvaluation]:
    """Lease up to `limit` queued evaluations of unfinished runs of `tier`, oldest first."""
    raise NotImplementedError


async def finish(connection: Connection, finished: Sequence[FinishedEvaluation]) -> frozenset[int]:
    """Store outcomes, fenced by their leases. Returns the ids written; the leases of all others were lost.

    Raises:
        ValueError: a number that is not finite; failure is a verdict, never a number.
    """
    raise NotImplementedError


async def give_back(connection: Connection, lease: Lease, host_fault: str) -> EvaluationState | None:
    """Put an evaluation back after a failure that was not the candidate's, or abandon it after too many attempts.

    Returns its new state, QUEUED or ABANDONED, or None if the lease was lost.
    """
    raise NotImplementedError


async def ask_verification(connection: Connection, run: int, numbers: Sequence[int]) -> None:
    """Queue a verification of each of these programs."""
    raise NotImplementedError


async def open_verifications(connection: Connection, run: int) -> list[OpenVerification]:
    """Verifications asked and not yet taken in, oldest first."""
    raise NotImplementedError


async def close_verifications(connection: Connection, taken_in: Sequence[tuple[int, int]]) -> None:
    """Mark verifications as taken in, each given as (evaluation id, number of the event that did it)."""
    raise NotImplementedError
