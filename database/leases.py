"""Ownership of queued work: a lease with a fencing token, renewed by heartbeats, taken away when they stop.

A result is written only by who holds the newest lease of its row; everyone else's write changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeVar

import sqlalchemy as sa

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


class Leased(Protocol):
    """Whatever is written under a lease."""

    @property
    def lease(self) -> Lease:
        """The lease."""
        ...


Item = TypeVar("Item", bound=Leased)


def by_lease(items: Sequence[Item]) -> list[Item]:
    """In the order in which rows are locked everywhere, so that a heartbeat and a result wait and never deadlock."""
    return sorted(items, key=lambda item: item.lease.id)


@dataclass(frozen=True, slots=True)
class Expired:
    """What the reaper found: rows put back into their queue, and rows given up after too many attempts."""

    proposals_requeued: int
    proposals_refused: int
    evaluations_requeued: int
    evaluations_abandoned: int


def _extend(table: str) -> sa.TextClause:
    return sa.text(f"""
        WITH held AS (
            SELECT t.id FROM {table} t
            JOIN unnest(CAST(:ids AS bigint[]), CAST(:tokens AS bigint[])) AS mine(id, token) ON mine.id = t.id
            WHERE t.lease = mine.token AND t.state = 'leased' ORDER BY t.id FOR NO KEY UPDATE OF t
        )
        UPDATE {table} t SET lease_until = clock_timestamp() + make_interval(secs => CAST(:lease_s AS double precision))
        FROM held WHERE t.id = held.id RETURNING t.id
    """)  # noqa: S608 - the table is one of two names in this module


_EXTEND = {queue: _extend(queue.value) for queue in Queue}
# now(), unlike clock_timestamp(), may be compared by index.
_EXPIRE_PROPOSALS = sa.text("""
    WITH due AS (
        SELECT id FROM proposal WHERE state = 'leased' AND lease_until < now() ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
    )
    UPDATE proposal p SET lease = NULL, lease_owner = NULL, lease_until = NULL,
        state = CASE WHEN attempt < :attempts THEN CAST('queued' AS proposalstate) ELSE 'refused' END,
        refusal = CASE WHEN attempt < :attempts THEN refusal ELSE 'worker_lost' END,
        detail = CASE WHEN attempt < :attempts THEN detail ELSE :detail END
    FROM due WHERE p.id = due.id RETURNING CAST(p.state AS text)
""")
_EXPIRE_EVALUATIONS = sa.text("""
    WITH due AS (
        SELECT id FROM evaluation WHERE state = 'leased' AND lease_until < now() ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
    )
    UPDATE evaluation e SET lease = NULL, lease_owner = NULL, lease_until = NULL,
        state = CASE WHEN attempt < :attempts THEN CAST('queued' AS evaluationstate) ELSE 'abandoned' END,
        finished_at = CASE WHEN attempt < :attempts THEN NULL ELSE clock_timestamp() END,
        host_fault = coalesce(host_fault, :detail)
    FROM due WHERE e.id = due.id RETURNING CAST(e.state AS text)
""")


async def extend(connection: Connection, queue: Queue, leases: Sequence[Lease], lease_s: float) -> frozenset[int]:
    """Let the leases run `lease_s` seconds from now. Returns the ids still held: drop the work on all others."""
    row = {"ids": [lease.id for lease in leases], "tokens": [lease.token for lease in leases], "lease_s": lease_s}
    return frozenset((await connection.execute(_EXTEND[queue], row)).scalars())


async def expire(connection: Connection) -> Expired:
    """Take back what is overdue: to its queue, or, after `MAX_ATTEMPTS`, refused WORKER_LOST or abandoned.

    Follow it by `completions.settle_lost` in the same transaction, and notify who has new work.
    """
    row = {"attempts": MAX_ATTEMPTS, "detail": "its worker was lost too often"}
    proposals = (await connection.execute(_EXPIRE_PROPOSALS, row)).scalars().all()
    row = {"attempts": MAX_ATTEMPTS, "detail": "an evaluator that held it died, or lost the database"}
    evaluations = (await connection.execute(_EXPIRE_EVALUATIONS, row)).scalars().all()
    return Expired(
        proposals_requeued=proposals.count("queued"),
        proposals_refused=proposals.count("refused"),
        evaluations_requeued=evaluations.count("queued"),
        evaluations_abandoned=evaluations.count("abandoned"),
    )
