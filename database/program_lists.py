"""Pages of a run's programs, each found by one index, whatever the size of the run."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from database.engine import Connection
from evolution.evaluation import Verdict
from evolution.proposal import Operator


class Listed(StrEnum):
    """Which programs are listed: those of one island, operator, model or verdict, or all; by number, or by score.

    A verdict's are in the order in which they were stored, which is that of the numbers but for those made at one time.
    """

    NUMBER = "number"
    ISLAND = "island"
    OPERATOR = "operator"
    MODEL = "model"
    VERDICT = "verdict"
    SCORE = "score"
    ISLAND_SCORE = "island_score"


@dataclass(frozen=True, slots=True)
class ProgramLine:
    """A program in a list; `score` is as recorded, `place` what the next page begins after."""

    number: int
    operator: Operator
    model: str | None
    island: int
    parent: int | None
    generation: int
    length: int
    literals: int
    verdict: Verdict | None
    score: float | None
    duration_s: float | None
    created_at: datetime
    place: tuple[float | int, ...]


_SOURCES = {
    Listed.NUMBER: ("program s", "true", "s.number", "s.number AS place, NULL AS score"),
    Listed.ISLAND: ("program s", "s.island = CAST(:value AS smallint)", "s.number", "s.number AS place, NULL AS score"),
    Listed.OPERATOR: (
        "proposal s",
        "s.state = 'answered' AND s.operator = CAST(CAST(:value AS text) AS operator)",
        "s.number",
        "s.number AS place, NULL AS score",
    ),
    Listed.MODEL: (
        "proposal s",
        "s.state = 'answered' AND s.model IS NOT NULL AND s.model = :value",
        "s.number",
        "s.number AS place, NULL AS score",
    ),
    Listed.SCORE: ("scored s", "true", "s.score, s.number", "s.number AS place, s.score"),
    Listed.ISLAND_SCORE: (
        "scored s",
        "s.island = CAST(:value AS smallint)",
        "s.score, s.number",
        "s.number AS place, s.score",
    ),
    Listed.VERDICT: (
        "evaluation s",
        "s.purpose = 'search' AND s.verdict IS NOT NULL AND s.verdict = CAST(CAST(:value AS text) AS verdict)",
        "s.program",
        "s.program AS place, NULL AS score",
    ),
}


def _query(listed: Listed, falling: bool) -> sa.TextClause:
    source, where, key, columns = _SOURCES[listed]
    beyond, order = ("<", "DESC") if falling else (">", "ASC")
    ordered = ", ".join(f"{part} {order}" for part in key.split(", "))
    by_score = ", " in key
    after = "(CAST(:score AS double precision), CAST(:place AS bigint))" if by_score else "CAST(:place AS bigint)"
    found = "g.id = n.place" if listed is Listed.VERDICT else "g.run = :run AND g.number = n.place"
    return sa.text(f"""
        SELECT g.number, CAST(p.operator AS text) AS operator, p.model, g.island, g.parent, g.generation, g.length, g.literals,
            CAST(e.verdict AS text) AS verdict, e.score, e.duration_s, g.created_at, n.place, n.score AS score_place
        FROM (
            SELECT row_number() OVER (ORDER BY {ordered}) AS nth, {columns}
            FROM (
                SELECT * FROM {source} WHERE s.run = :run AND {where} AND ({key}) {beyond} {after}
                ORDER BY {ordered} LIMIT :limit
            ) s
        ) n
        CROSS JOIN LATERAL (SELECT * FROM program g WHERE {found} LIMIT 1) g
        CROSS JOIN LATERAL (SELECT p.operator, p.model FROM proposal p WHERE p.run = :run AND p.number = g.number LIMIT 1) p
        LEFT JOIN LATERAL (
            SELECT e.verdict, e.score, e.duration_s FROM evaluation e WHERE e.program = g.id AND e.purpose = 'search' LIMIT 1
        ) e ON true
        ORDER BY n.nth
    """)  # noqa: S608 - made of constants


_LAST = 1 << 62
_QUERIES = {(listed, falling): _query(listed, falling) for listed in Listed for falling in (False, True)}


async def listing(
    connection: Connection,
    run: int,
    listed: Listed,
    value: str | int | None,
    after: Sequence[float | int] | None,
    limit: int,
    *,
    falling: bool,
) -> list[ProgramLine]:
    """Programs of a run in rising or falling order, from after the `place` of the last one of the page before."""
    # Always a bound, and never "or null": a plan that is made for every value must find the page by the index too.
    start = (math.inf, _LAST) if falling else (-math.inf, -1)
    row: dict[str, Any] = {"run": run, "place": start[1] if after is None else after[-1], "limit": limit}
    if listed in {Listed.SCORE, Listed.ISLAND_SCORE}:
        row["score"] = start[0] if after is None else after[0]
    if listed not in {Listed.NUMBER, Listed.SCORE}:
        row["value"] = value
    return [_line(found) for found in await connection.execute(_QUERIES[listed, falling], row)]


def _line(row: sa.Row[Any]) -> ProgramLine:
    return ProgramLine(
        number=row.number,
        operator=Operator(row.operator),
        model=row.model,
        island=row.island,
        parent=row.parent,
        generation=row.generation,
        length=row.length,
        literals=row.literals,
        verdict=None if row.verdict is None else Verdict(row.verdict),
        score=row.score,
        duration_s=row.duration_s,
        created_at=row.created_at,
        place=(row.place,) if row.score_place is None else (row.score_place, row.place),
    )


_CHILDREN = sa.text("""
    SELECT g.number, CAST(p.operator AS text) AS operator, p.model, g.island, g.parent, g.generation, g.length, g.literals,
        CAST(e.verdict AS text) AS verdict, e.score, e.duration_s, g.created_at, g.number AS place, NULL AS score_place
    FROM (
        SELECT * FROM program WHERE run = :run AND parent = :parent AND number > :after ORDER BY number LIMIT :limit
    ) g
    CROSS JOIN LATERAL (SELECT p.operator, p.model FROM proposal p WHERE p.run = :run AND p.number = g.number LIMIT 1) p
    LEFT JOIN LATERAL (
        SELECT e.verdict, e.score, e.duration_s FROM evaluation e WHERE e.program = g.id AND e.purpose = 'search' LIMIT 1
    ) e ON true
    ORDER BY g.number
""")
_ANCESTORS = sa.text("""
    WITH RECURSIVE line AS (
        SELECT g.*, 0 AS depth FROM program g WHERE g.run = :run AND g.number = :number
        UNION ALL
        SELECT g.*, line.depth + 1 FROM line JOIN program g ON g.run = line.run AND g.number = line.parent
        WHERE line.depth < :limit
    )
    SELECT g.number, CAST(p.operator AS text) AS operator, p.model, g.island, g.parent, g.generation, g.length, g.literals,
        CAST(e.verdict AS text) AS verdict, e.score, e.duration_s, g.created_at, g.number AS place, NULL AS score_place
    FROM line g
    CROSS JOIN LATERAL (SELECT p.operator, p.model FROM proposal p WHERE p.run = :run AND p.number = g.number LIMIT 1) p
    LEFT JOIN LATERAL (
        SELECT e.verdict, e.score, e.duration_s FROM evaluation e WHERE e.program = g.id AND e.purpose = 'search' LIMIT 1
    ) e ON true
    WHERE g.depth > 0 ORDER BY g.depth
""")


async def children(connection: Connection, run: int, parent: int, after: int, limit: int) -> list[ProgramLine]:
    """The programs that were made of program `parent`, in the order of their numbers, which are above `after`."""
    row = {"run": run, "parent": parent, "after": after, "limit": limit}
    return [_line(found) for found in await connection.execute(_CHILDREN, row)]


async def ancestors(connection: Connection, run: int, number: int, limit: int) -> list[ProgramLine]:
    """The parent of program `number`, its parent and so on, at most `limit` of them."""
    row = {"run": run, "number": number, "limit": limit}
    return [_line(found) for found in await connection.execute(_ANCESTORS, row)]
