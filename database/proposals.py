"""Proposals: asked by the controller, claimed and answered (or refused) by workers, closed by the controller."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from database.engine import Connection
from database.leases import Lease
from database.programs import NewProgram
from evolution.evaluation import EvaluationState, Verdict
from evolution.proposal import Choice, Operator, ProposalState, Refusal, TuningStep


@dataclass(frozen=True, slots=True)
class ClaimedProposal:
    """A child to be made.

    `parent` and `inspirations` are numbers of programs of the run; `run_seed` feeds the named random streams;
    `attempt` is 1 the first time; `problem` is a revision.
    """

    lease: Lease
    run: int
    number: int
    attempt: int
    operator: Operator
    island: int
    parent: int
    inspirations: tuple[int, ...]
    model: str | None
    tuning: TuningStep | None
    seen_event: int
    problem: str
    run_seed: int


@dataclass(frozen=True, slots=True)
class Answered:
    """The child is stored and its evaluation queued."""

    number: int


@dataclass(frozen=True, slots=True)
class DuplicateOf:
    """The run has this program already, as `number`; the proposal is refused DUPLICATE."""

    number: int


@dataclass(frozen=True, slots=True)
class LeaseLost:
    """The work was given to someone else; nothing was written."""


Answer = Answered | DuplicateOf | LeaseLost


@dataclass(frozen=True, slots=True)
class NewRefusal:
    """A proposal that brings no program, and why, in words that a language model or a person can use."""

    lease: Lease
    reason: Refusal
    detail: str = ""


@dataclass(frozen=True, slots=True)
class OpenProposal:
    """A proposal that the controller has not taken in yet, with all that came of it so far.

    `program` is the number of the program that stands for the answer: its own, or the one that it repeated, or None.
    The fields from `program_id` to `features` belong to that program and its search evaluation, and are None as
    long as there is none; `features` are the judge's, by name.
    """

    id: int
    number: int
    seen_event: int
    operator: Operator
    island: int
    parent: int | None
    model: str | None
    tuning: TuningStep | None
    state: ProposalState
    refusal: Refusal | None
    duplicate_of: int | None
    program: int | None
    program_id: int | None
    length: int | None
    literals: int | None
    evaluation: int | None
    evaluation_state: EvaluationState | None
    verdict: Verdict | None
    score: float | None
    features: dict[str, float] | None
    duration_s: float | None


async def ask(connection: Connection, run: int, asked: Sequence[tuple[int, int, Choice]]) -> None:
    """Queue proposals, each given as (number, number of the newest event that the choice saw, choice)."""
    raise NotImplementedError


async def claim(
    connection: Connection, owner: str, limit: int, lease_s: float, kinds: Collection[Operator]
) -> list[ClaimedProposal]:
    """Lease up to `limit` queued proposals of unfinished runs whose operator is among `kinds`, oldest first."""
    raise NotImplementedError


async def answer(connection: Connection, claimed: ClaimedProposal, child: NewProgram) -> Answer:
    """Store one child: see `answer_many`."""
    return (await answer_many(connection, [(claimed, child)]))[0]


async def answer_many(connection: Connection, answers: Sequence[tuple[ClaimedProposal, NewProgram]]) -> list[Answer]:
    """Store children and queue their evaluations, fenced by their leases, in a constant number of statements.

    Results are in the order of `answers`. Answering again with the lease that was answered gives the same result and
    writes nothing. One batch per transaction, so that batches with common programs cannot deadlock.
    """
    raise NotImplementedError


async def refuse(connection: Connection, refusals: Sequence[NewRefusal]) -> frozenset[int]:
    """End proposals without a program. Returns the ids written; the leases of all others were lost."""
    raise NotImplementedError


async def open_proposals(connection: Connection, run: int) -> list[OpenProposal]:
    """All proposals in flight or not yet taken in, in number order; costs as much as there are of them, no more."""
    raise NotImplementedError


async def close(connection: Connection, run: int, taken_in: Sequence[tuple[int, int]]) -> None:
    """Mark proposals as taken in, each given as (number, number of the event that did it)."""
    raise NotImplementedError
