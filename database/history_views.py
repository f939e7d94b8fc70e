"""The admitted programs of a run in columns: what charts are drawn from, for a fraction of what the log itself would take."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from database.engine import Connection


@dataclass(frozen=True, slots=True)
class Admission:
    """A program that was taken in by event `event`, `seconds` after the run was made, or is in flight (`event` is None).

    `score` is as recorded. `cell` and `placement` are those of the event, null for what is in flight.
    """

    event: int | None
    seconds: float | None
    number: int
    operator: str
    model: str | None
    island: int
    parent: int | None
    verdict: str | None
    score: float | None
    placement: str | None
    cell: Sequence[int] | None


@dataclass(frozen=True, slots=True)
class History:
    """The admissions of the events behind `after` and up to `until`, in order; `newest` is the run's newest event.

    What is in flight is told where nothing follows: then `until` is `newest`. `founded` are the islands that were founded
    later than the run, or emptied and founded anew, as (event, island, founder).
    """

    until: int
    newest: int
    admissions: Sequence[Admission]
    founded: Sequence[tuple[int, int, int]] = ()


# One statement sees one moment: what is in flight is what the events up to the newest one have left open.
_HISTORY = sa.text("""
    WITH span AS (
        SELECT r.as_of_event AS newest, r.created_at,
            least(CAST(:after AS bigint) + CAST(:limit AS bigint), r.as_of_event) AS until
        FROM run r WHERE r.id = :run
    ),
    founded AS (
        SELECT CAST(json_agg(
            json_build_array(v.number, v.payload -> 'island', v.payload -> 'founder') ORDER BY v.number
        ) AS text) AS founded
        FROM span s CROSS JOIN event v
        WHERE v.run = :run AND v.number > :after AND v.number <= s.until AND v.kind IN ('island_spawned', 'island_reset')
    ),
    found AS (
        SELECT v.number AS event, extract(epoch FROM v.at - s.created_at) AS seconds,
            CAST(v.payload ->> 'number' AS integer) AS number, v.payload
        FROM span s CROSS JOIN event v
        WHERE v.run = :run AND v.number > :after AND v.number <= s.until AND v.kind = 'admitted'
    )
    SELECT s.until, s.newest, f.event, CAST(f.seconds AS double precision) AS seconds, p.number,
        CAST(p.operator AS text) AS operator, p.model, p.island, p.parent, f.payload ->> 'verdict' AS verdict,
        CAST(f.payload ->> 'score' AS double precision) AS score, f.payload ->> 'placement' AS placement,
        CAST(f.payload -> 'cell' AS text) AS cell, d.founded
    FROM span s CROSS JOIN founded d LEFT JOIN (
        found f CROSS JOIN LATERAL (
            SELECT p.number, p.operator, p.model, p.island, p.parent FROM proposal p
            WHERE p.run = :run AND p.number = f.number LIMIT 1
        ) p
    ) ON true
    UNION ALL
    SELECT s.until, s.newest, NULL, NULL, p.number, CAST(p.operator AS text), p.model, p.island, p.parent,
        NULL, NULL, NULL, NULL, NULL
    FROM span s CROSS JOIN proposal p WHERE s.until = s.newest AND p.run = :run AND p.closed_event IS NULL
    ORDER BY event NULLS LAST, number
""")


async def history(connection: Connection, run: int, after: int, limit: int) -> History:
    """What the run took in by the at most `limit` events behind event `after`."""
    rows = list(await connection.execute(_HISTORY, {"run": run, "after": after, "limit": limit}))
    until, newest = (rows[0].until, rows[0].newest) if rows else (after, after)
    founded = next((row.founded for row in rows if row.founded is not None), "[]")
    admissions = [_admission(row) for row in rows if row.number is not None]
    return History(max(until, after), newest, admissions, [tuple(item) for item in json.loads(founded)])


def _admission(row: sa.Row[Any]) -> Admission:
    return Admission(
        event=row.event,
        seconds=row.seconds,
        number=row.number,
        operator=row.operator,
        model=row.model,
        island=row.island,
        parent=row.parent,
        verdict=row.verdict,
        score=row.score,
        placement=row.placement,
        cell=None if row.cell is None else json.loads(row.cell),
    )
