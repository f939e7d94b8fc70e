"""What runs have come to: pages of their archives, and their records side by side."""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from database.archive import Elite, Record
from database.engine import Connection


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A record of one of several runs."""

    run: int
    record: Record


_LAST_ISLAND = (1 << 15) - 1
_CELLS = sa.text("""
    SELECT island, cell, number, score, length, literals, at_event FROM elite
    WHERE run = :run AND (island, cell) > (CAST(:island AS smallint), CAST(:cell AS smallint[])) AND island <= :last
    ORDER BY island, cell LIMIT :limit
""")
_RECORDS = sa.text("""
    SELECT run, number, score, evaluations, seconds, micro_dollars, gpu_milliseconds FROM record
    WHERE run = ANY(CAST(:runs AS bigint[])) ORDER BY run, evaluations, number
""")


async def cells(
    connection: Connection, run: int, island: int | None, after: tuple[int, Sequence[int]] | None, limit: int
) -> list[Elite]:
    """Filled cells of the archive, of one island or of all, in their order, from after the one that `after` names."""
    at, cell = (-1 if island is None else island, ()) if after is None else after
    row = {"run": run, "island": at, "cell": list(cell), "last": _LAST_ISLAND if island is None else island, "limit": limit}
    found = await connection.execute(_CELLS, row)
    return [
        Elite(item.island, tuple(item.cell), item.number, item.score, item.length, item.literals, item.at_event)
        for item in found
    ]


async def records(connection: Connection, runs: Sequence[int]) -> list[RunRecord]:
    """The best-so-far curves of several runs."""
    found = await connection.execute(_RECORDS, {"runs": list(runs)})
    return [
        RunRecord(
            item.run,
            Record(item.number, item.score, item.evaluations, item.seconds, item.micro_dollars, item.gpu_milliseconds),
        )
        for item in found
    ]
