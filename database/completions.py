"""Model calls and their money: reserved before the call, stored before it is parsed, settled at what it cost."""

from dataclasses import dataclass

from database.engine import Connection
from database.proposals import ClaimedProposal, LeaseLost


@dataclass(frozen=True, slots=True)
class OverBudget:
    """The call could cost more than is left; nothing was written. `left_micro_dollars` is what could be reserved."""

    left_micro_dollars: int


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """A paid answer of a proposal whose worker died before it made a program of it."""

    completion: int
    model: str
    template: str
    prompt: str
    text: str
    finish_reason: str | None


async def reserve(
    connection: Connection, claimed: ClaimedProposal, *, model: str, template: str, prompt: str, micro_dollars: int
) -> int | OverBudget | LeaseLost:
    """Record a model call about to be made and set aside the most that it can cost; returns the completion's id.

    Commit before calling the model: only then is the money safe from others.
    """
    raise NotImplementedError


async def settle(
    connection: Connection,
    completion: int,
    *,
    answer: str | None,
    failure: str | None,
    finish_reason: str | None,
    tokens_in: int,
    tokens_out: int,
    micro_dollars: int,
    latency_s: float,
) -> int | None:
    """Store what a call brought and book its cost; returns the micro-dollars booked, None if it was settled before.

    A call that cost less than reserved frees the rest. One that cost more is booked in full as far as the limit
    allows; beyond it the limit is booked and the difference logged as an error: the endpoint's declared price or
    token limit is wrong, and a budget never shows more spent than its limit. The money was spent whoever holds the
    proposal's lease now, so settling is not fenced by it.
    """
    raise NotImplementedError


async def settle_lost(connection: Connection) -> int:
    """Settle calls whose worker lost its lease, at their reservation: nobody knows what they cost. Returns how many."""
    raise NotImplementedError


async def stored_answer(connection: Connection, claimed: ClaimedProposal) -> StoredAnswer | None:
    """The newest answer paid for this proposal, which is still to be parsed; None if the model must be asked."""
    raise NotImplementedError
