"""Whose queued work is claimed next: that of the project which was served least for its weight, and of its run likewise.

A row of `turn` tells how much a project, or a run within its project, was served in one kind of share: seconds of slots, or
of GPUs, divided by its weight. Whoever is claimed from moves on by what that will take. Nobody hoards turns while it has
nothing to do: who is further behind than two full claims of everybody's is put there (start-time fair queueing, Goyal, Vin and
Cheng 1996).

A claim reads at most as many queued rows of each run as it may take, so its cost does not grow with the queues.
"""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from database.engine import Connection
from evolution.limits import Share

MOST = (4, 16, 64, 256, 4096)
"""Claims of at most so many rows have a statement each. A bound that it knows lets the planner keep one plan: else it expects
so much of an unknown limit that it plans every claim anew, which takes longer than the claim."""


def picked(table: str, wanted: str, seconds: str, most: int, runs: str = "true") -> tuple[str, str]:
    """Common table expressions of which `picked` (id) locks the rows to lease; and a query of how many were `chosen`.

    Lease `WHERE id = ANY(ARRAY(SELECT id FROM picked))`: of a join the planner expects so many rows that it reads the table.

    `wanted` is the condition on a row `t` of `table` that may be claimed, `runs` that on its run `r`; `seconds` is what one
    takes. Parameters are `limit`, at most `most`, and `share`. Turns that somebody else is moving just now stay where they
    are, so that nobody waits.
    """
    expressions = f"""
    waiting AS MATERIALIZED (
        SELECT r.id AS run, r.project, q.queued, {seconds} / r.priority AS run_step, {seconds} / p.weight AS project_step,
            mine.id AS run_turn, mine.at AS run_at, ours.id AS project_turn, ours.at AS project_at
        FROM run r JOIN project p ON p.id = r.project
        JOIN turn mine ON mine.run = r.id AND mine.share = CAST(CAST(:share AS text) AS share)
        JOIN turn ours ON ours.project = r.project AND ours.share = CAST(CAST(:share AS text) AS share)
        CROSS JOIN LATERAL (
            SELECT count(*) AS queued FROM (
                SELECT FROM (SELECT FROM {table} t WHERE t.run = r.id AND {wanted} LIMIT {most}) few LIMIT :limit
            ) one
        ) q
        WHERE r.state <> 'finished' AND {runs} AND q.queued > 0
    ),
    begun AS (
        SELECT *, greatest(project_at, max(project_at) OVER () - 2 * :limit * max(project_step) OVER ()) AS project_from,
            greatest(run_at, max(run_at) OVER ours - 2 * :limit * max(run_step) OVER ours) AS run_from
        FROM waiting WINDOW ours AS (PARTITION BY project)
    ),
    in_project AS (
        SELECT b.*, b.run_from + k * b.run_step AS run_key FROM begun b CROSS JOIN LATERAL generate_series(0, b.queued - 1) k
    ),
    in_line AS (
        SELECT *, project_from + coalesce(sum(project_step) OVER (
            PARTITION BY project ORDER BY run_key, run ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS project_key
        FROM in_project
    ),
    taken AS (
        SELECT * FROM (SELECT * FROM in_line ORDER BY project_key, run_key, run LIMIT {most}) few
        ORDER BY project_key, run_key, run LIMIT :limit
    ),
    chosen AS (SELECT run, count(*) AS n FROM taken GROUP BY run),
    steps AS (
        SELECT run_turn AS id, max(run_from) + sum(run_step) AS at FROM taken GROUP BY run_turn
        UNION ALL
        SELECT project_turn, max(project_from) + sum(project_step) FROM taken GROUP BY project_turn
    ),
    free AS (SELECT id FROM turn WHERE id IN (SELECT id FROM steps) FOR NO KEY UPDATE SKIP LOCKED),
    moved AS (UPDATE turn t SET at = s.at FROM steps s JOIN free f ON f.id = s.id WHERE t.id = s.id),
    picked AS (
        SELECT e.id FROM chosen c CROSS JOIN LATERAL (
            SELECT t.id FROM {table} t WHERE t.run = c.run AND {wanted} ORDER BY t.id LIMIT c.n FOR NO KEY UPDATE SKIP LOCKED
        ) e
    )"""  # noqa: S608 - made of constants
    return expressions, "SELECT coalesce(sum(n), 0) AS rows FROM chosen"


def picked_by_anybody(table: str, wanted: str, runs: str = "true") -> tuple[str, str]:
    """The same without regard to turns, for a claim whose chosen rows others were claiming at the same time."""
    expressions = f"""
    picked AS (
        SELECT e.id FROM run r CROSS JOIN LATERAL (
            SELECT t.id FROM {table} t WHERE t.run = r.id AND {wanted} ORDER BY t.id LIMIT :limit
            FOR NO KEY UPDATE SKIP LOCKED
        ) e WHERE r.state <> 'finished' AND {runs} LIMIT :limit
    )"""  # noqa: S608 - made of constants
    return expressions, "SELECT 0 AS rows"


async def claim(
    connection: Connection,
    fair: Mapping[int, sa.TextClause],
    anybody: sa.TextClause,
    row: Mapping[str, Any],
    share: Share,
) -> list[sa.Row[Any]]:
    """Run a claim, one of `fair` by `MOST`; where others were claiming the rows that it chose, take what else there is."""
    limit = min(row["limit"], MOST[-1])
    most = next(most for most in MOST if limit <= most)
    found = (await connection.execute(fair[most], {**row, "limit": limit, "share": share.value})).all()
    rows = [one for one in found if one.id is not None]
    missing = int(found[0].chosen) - len(rows)
    if missing > 0:
        more = await connection.execute(anybody, {**row, "limit": missing})
        rows += [one for one in more if one.id is not None]
    return rows
