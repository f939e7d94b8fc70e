"""How much waits and what it has cost, over all unfinished runs: for those who watch the whole, at a constant cost."""

from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from database.engine import Connection


@dataclass(frozen=True, slots=True)
class Money:
    """What one run spent, in micro-dollars; `left_micro_dollars` is None without a limit."""

    run: int
    spent_micro_dollars: int
    reserved_micro_dollars: int
    left_micro_dollars: int | None


@dataclass(frozen=True, slots=True)
class Standing:
    """Rows of each queue by (queue, state), and the money of each unfinished run."""

    queues: Mapping[tuple[str, str], int]
    money: tuple[Money, ...]


# Each count goes over one partial index that holds these rows and no others.
_QUEUES = sa.text("""
    SELECT 'proposal' AS queue, 'queued' AS state, count(*) AS rows FROM proposal WHERE state = 'queued'
    UNION ALL SELECT 'proposal', 'leased', count(*) FROM proposal WHERE state = 'leased'
    UNION ALL SELECT 'evaluation', 'queued', count(*) FROM evaluation WHERE state = 'queued'
    UNION ALL SELECT 'evaluation', 'leased', count(*) FROM evaluation WHERE state = 'leased'
""")
_MONEY = sa.text("""
    SELECT a.run, a.spent_micro_dollars, a.reserved_micro_dollars,
        a.limit_micro_dollars - a.spent_micro_dollars - a.reserved_micro_dollars AS left_micro_dollars
    FROM run r JOIN account a ON a.run = r.id WHERE r.state <> 'finished' ORDER BY a.run
""")


async def read(connection: Connection) -> Standing:
    """Two statements, whatever is stored."""
    queues = {(row.queue, row.state): row.rows for row in await connection.execute(_QUEUES)}
    money = tuple(Money(**row) for row in (await connection.execute(_MONEY)).mappings())
    return Standing(queues, money)
