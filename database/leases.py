"""Ownership of queued work: a lease with a fencing token, renewed by heartbeats, taken away when they stop.

A result is written only by who holds the newest lease of its row; everyone else's write changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from database.engine import Connection

MAX_ATTEMPTS = 5
"""So often is one row given out before it is given up."""


class Queue(StrEnum):
    """The two kinds of queued work, by the name of their table."""

    PROPOSAL = "proposal"
    EVALUATION = "evaluation"


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to answer row `id`, as long as `token` is the newest one given out for it."""

    id: int
    token: int


@dataclass(frozen=True, slots=True)
class Expired:
    """What the reaper found: rows put back into their queue, and rows given up after too many attempts."""

    proposals_requeued: int
    proposals_refused: int
    evaluations_requeued: int
    evaluations_abandoned: int


async def extend(connection: Connection, queue: Queue, leases: Sequence[Lease], lease_s: float) -> frozenset[int]:
    """Let the leases run `lease_s` seconds from now. Returns the ids still held: drop the work on all others."""
    raise NotImplementedError


async def expire(connection: Connection) -> Expired:
    """Take back what is overdue: to its queue, or, after `MAX_ATTEMPTS`, refused WORKER_LOST or abandoned.

    Follow it by `completions.settle_lost` in the same transaction, and notify who has new work.
    """
    raise NotImplementedError
