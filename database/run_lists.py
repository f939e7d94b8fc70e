"""Which runs there are: pages of them, newest first, at a cost that does not grow with the runs."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import sqlalchemy as sa

from database.engine import Connection
from evolution.evaluation import Tier
from evolution.run import RunState, StopReason


@dataclass(frozen=True, slots=True)
class RunLine:
    """A run in a list. `verified_score` is the best verified one; `evaluations` counts search evaluations.

    `problem` is its name and `revision` its content's hash. `score_isolated` says whether scores are made where candidates
    cannot reach them. `best_known` is the best of the problem's known values, in whatever way it was found. Scores are as
    recorded; times `sign` they are raw.
    """

    id: int
    project: int
    problem: str
    revision: str
    title: str
    sign: float
    state: RunState
    stop_reason: StopReason | None
    tier: Tier
    score_isolated: bool
    created_at: datetime
    finished_at: datetime | None
    active_s: float
    evaluations: int
    best_score: float | None
    verified_score: float | None
    spent_micro_dollars: int
    limit_micro_dollars: int | None
    limit_evaluations: int | None
    limit_seconds: float | None
    gpus: int
    gpu_milliseconds: int
    limit_gpu_milliseconds: int | None
    unit: str
    seed_score: float | None
    best_known: float | None


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs: those of these projects (None: all), of one revision, in one state, with ids below `before` or in `ids`."""

    projects: Sequence[int] | None = None
    problem: str | None = None
    state: RunState | None = None
    before: int | None = None
    ids: Sequence[int] | None = None


# A damaged state must hide neither its own run nor the others of a list.
EVALUATIONS = "CASE jsonb_typeof(s.state -> 'evaluations') WHEN 'number' THEN CAST(s.state -> 'evaluations' AS integer) END"
"""How many search evaluations the search state `s` counts, in SQL."""


def _limit(name: str) -> str:
    limit = f"r.config -> 'budget' -> '{name}'"
    return f"CASE jsonb_typeof({limit}) WHEN 'number' THEN CAST({limit} AS double precision) END AS limit_{name}"


_LIST = sa.text(f"""
    SELECT r.id, r.project, p.name AS problem, r.problem AS revision, p.definition ->> 'title' AS title,
        CASE p.definition -> 'score' ->> 'direction' WHEN 'minimize' THEN -1.0 ELSE 1.0 END AS sign,
        CAST(r.state AS text) AS state, CAST(r.stop_reason AS text) AS stop_reason, CAST(r.tier AS text) AS tier,
        p.definition ->> 'peer' IS NULL AS score_isolated, r.created_at, r.finished_at, r.active_s,
        {EVALUATIONS} AS evaluations, CAST(s.state -> 'best' AS text) AS best, CAST(s.state -> 'verified' AS text) AS verified,
        a.spent_micro_dollars, a.limit_micro_dollars, {_limit("evaluations")}, {_limit("seconds")},
        r.gpus, coalesce(w.spent, 0) AS gpu_milliseconds, w.most AS limit_gpu_milliseconds,
        coalesce(p.definition -> 'score' ->> 'unit', '') AS unit, CAST(p.definition -> 'known' AS text) AS known,
        (SELECT e.score FROM program g JOIN evaluation e ON e.program = g.id AND e.purpose = 'search'
            WHERE g.run = r.id AND g.number = 0 LIMIT 1) AS seed_score
    FROM (
        SELECT * FROM run
        WHERE (CAST(:projects AS bigint[]) IS NULL OR project = ANY(CAST(:projects AS bigint[])))
            AND (CAST(:problem AS text) IS NULL OR problem = :problem)
            AND (CAST(:state AS text) IS NULL OR state = CAST(CAST(:state AS text) AS runstate))
            AND (CAST(:ids AS bigint[]) IS NULL OR id = ANY(CAST(:ids AS bigint[])))
            AND (CAST(:before AS bigint) IS NULL OR id < :before)
        ORDER BY id DESC LIMIT :limit
    ) r JOIN problem p ON p.revision = r.problem JOIN account a ON a.run = r.id
    LEFT JOIN allowance w ON w.run = r.id AND w.resource = 'gpu_milliseconds'
    LEFT JOIN search_state s ON s.run = r.id ORDER BY r.id DESC
""")  # noqa: S608 - made of constants


async def list_runs(connection: Connection, limit: int = 1000, among: RunFilter | None = None) -> list[RunLine]:
    """The newest runs, newest first."""
    chosen = among or RunFilter()
    row = {
        "projects": None if chosen.projects is None else list(chosen.projects),
        "problem": chosen.problem,
        "state": None if chosen.state is None else chosen.state.value,
        "before": chosen.before,
        "ids": None if chosen.ids is None else list(chosen.ids),
        "limit": limit,
    }
    return [_line(found) for found in await connection.execute(_LIST, row)]


def _line(row: sa.Row[Any]) -> RunLine:
    sign = float(row.sign)
    known = [sign * float(one["value"]) for one in json.loads(row.known or "[]")]
    return RunLine(
        id=row.id,
        project=row.project,
        problem=row.problem,
        revision=row.revision,
        title=row.title,
        sign=sign,
        state=RunState(row.state),
        stop_reason=None if row.stop_reason is None else StopReason(row.stop_reason),
        tier=Tier(row.tier),
        score_isolated=row.score_isolated,
        created_at=row.created_at,
        finished_at=row.finished_at,
        active_s=row.active_s,
        evaluations=row.evaluations or 0,
        best_score=best_of(row.best)[1],
        verified_score=verified_of(row.verified)[1],
        spent_micro_dollars=row.spent_micro_dollars,
        limit_micro_dollars=row.limit_micro_dollars,
        limit_evaluations=None if row.limit_evaluations is None else int(row.limit_evaluations),
        limit_seconds=row.limit_seconds,
        gpus=row.gpus,
        gpu_milliseconds=row.gpu_milliseconds,
        limit_gpu_milliseconds=row.limit_gpu_milliseconds,
        unit=row.unit,
        seed_score=row.seed_score,
        best_known=max(known, default=None),
    )


def best_of(stored: str | None) -> tuple[int | None, float | None]:
    """Number and recorded score of the best program, from the JSON of a search state's `best`."""
    match None if stored is None else json.loads(stored):
        case [int(number), (int() | float()) as score, *_]:
            return number, score
        case _:
            return None, None


def verified_of(stored: str | None) -> tuple[int | None, float | None]:
    """Number and recorded score of the best verified program, from the JSON of a search state's `verified`."""
    found: Any = json.loads(stored or "[]")
    pairs = cast("list[Any]", found) if isinstance(found, list) else []
    scored: list[tuple[float, int]] = []
    for pair in pairs:
        # No score: its verification brought none.
        match pair:
            case [int(number), (int() | float()) as score]:
                scored.append((score, -number))
            case _:
                pass
    if not scored:
        return None, None
    score, number = max(scored)
    return -number, score
