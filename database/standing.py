"""How much waits and what it has cost, over all unfinished runs: for those who watch the whole, at a constant cost."""

from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from database import gpus
from database.engine import Connection
from database.gpus import StoredGpu


@dataclass(frozen=True, slots=True)
class Money:
    """What one run spent, in micro-dollars and milliseconds of GPUs; what is left is None without a limit."""

    run: int
    spent_micro_dollars: int
    reserved_micro_dollars: int
    left_micro_dollars: int | None
    gpu_milliseconds: int
    left_gpu_milliseconds: int | None


@dataclass(frozen=True, slots=True)
class Standing:
    """Rows of each queue by (queue, state), the money of each unfinished run, and the GPUs."""

    queues: Mapping[tuple[str, str], int]
    money: tuple[Money, ...]
    gpus: tuple[StoredGpu, ...]


# Each count goes over one partial index that holds these rows and no others.
_QUEUES = sa.text("""
    SELECT 'proposal' AS queue, 'queued' AS state, count(*) AS rows FROM proposal WHERE state = 'queued'
    UNION ALL SELECT 'proposal', 'leased', count(*) FROM proposal WHERE state = 'leased'
    UNION ALL SELECT 'evaluation', 'queued', count(*) FROM evaluation WHERE state = 'queued'
    UNION ALL SELECT 'evaluation', 'leased', count(*) FROM evaluation WHERE state = 'leased'
""")
_MONEY = sa.text("""
    SELECT a.run, a.spent_micro_dollars, a.reserved_micro_dollars,
        a.limit_micro_dollars - a.spent_micro_dollars - a.reserved_micro_dollars AS left_micro_dollars,
        coalesce(w.spent, 0) AS gpu_milliseconds, w.most - w.spent - w.reserved AS left_gpu_milliseconds
    FROM run r JOIN account a ON a.run = r.id LEFT JOIN allowance w ON w.run = r.id AND w.resource = 'gpu_milliseconds'
    WHERE r.state <> 'finished' ORDER BY a.run
""")


async def read(connection: Connection) -> Standing:
    """Three statements, whatever is stored."""
    queues = {(row.queue, row.state): row.rows for row in await connection.execute(_QUEUES)}
    money = tuple(Money(**row) for row in (await connection.execute(_MONEY)).mappings())
    return Standing(queues, money, tuple(await gpus.known(connection)))
