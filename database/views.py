"""What people look at: read models with a fixed number of queries each.

Scores are as recorded: higher is better whatever the problem's direction; times the sign of the score they are raw.
`live` and a `tally` of the newest events are cheap at any size of a run; `points` is bounded; the rest is for reports.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from database import blobs, runs
from database.archive import Elite, Record
from database.engine import Connection
from database.programs import outcome_of
from database.retention import Removal
from database.run_lists import EVALUATIONS, best_of, verified_of
from database.run_rows import RunRow
from evolution.evaluation import EvaluationState, Outcome, Verdict
from evolution.proposal import Operator, Refusal

RATE_EVENTS = 4000
RATE_S = 60.0


@dataclass(frozen=True, slots=True)
class Live:
    """A run at one moment, at a cost that does not grow with the run.

    `evaluations` counts the search evaluations taken in, `programs` what is stored; `rate` is evaluations per second
    over the last minute, or over the newest events if there were many. `cells` counts filled cells by island;
    `gpu_milliseconds` is for how long evaluations held GPUs.
    `verified_score` is the best of the verified ones, `verified` its program; `as_of_event` the newest event; `removal` says
    which texts retention took.
    """

    row: RunRow
    evaluations: int
    programs: int
    rate: float
    seed_score: float | None
    best: int | None
    best_score: float | None
    verified: int | None
    verified_score: float | None
    cells: Mapping[int, int]
    gpu_milliseconds: int
    removal: Removal | None


@dataclass(frozen=True, slots=True)
class Tally:
    """How many proposals of one operator were asked (no verdict, no refusal), evaluated (verdict) or refused.

    `improved` counts those that scored above their parent.
    """

    operator: Operator
    verdict: Verdict | None
    refusal: Refusal | None
    count: int
    improved: int


@dataclass(frozen=True, slots=True)
class Point:
    """A scored program: its place among the run's scored ones in order of admission, and who made it."""

    place: int
    number: int
    score: float
    operator: Operator


@dataclass(frozen=True, slots=True)
class Ancestor:
    """A program on the way from the seed to another; `model` made it, or None."""

    number: int
    operator: Operator
    model: str | None
    score: float | None
    files: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Verification:
    """The newest verification of a program. `picture` is SVG text; `machine` describes where it ran."""

    number: int
    state: EvaluationState
    outcome: Outcome | None
    host_fault: str | None
    picture: str | None
    machine: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class ModelSpend:
    """What the calls of one model brought: settled and open calls, those that failed, tokens, money, mean seconds."""

    model: str
    calls: int
    failed: int
    tokens_in: int
    tokens_out: int
    cost_micro_dollars: int
    mean_latency_s: float | None


@dataclass(frozen=True, slots=True)
class OperatorSpend:
    """What the calls for one operator brought: settled and open calls, tokens, money."""

    operator: Operator
    calls: int
    tokens: int
    cost_micro_dollars: int


_LIVE = sa.text(f"""
    SELECT {EVALUATIONS} AS evaluations, CAST(s.state -> 'best' AS text) AS best,
        CAST(s.state -> 'verified' AS text) AS verified,
        (SELECT count(*) FROM proposal WHERE run = :run AND closed_event IS NULL AND state = 'answered') AS waiting,
        (SELECT e.score FROM program g JOIN evaluation e ON e.program = g.id AND e.purpose = 'search'
            WHERE g.run = :run AND g.number = 0) AS seed_score,
        (SELECT CAST(json_object_agg(island, filled) AS text) FROM
            (SELECT island, count(*) AS filled FROM elite WHERE run = :run GROUP BY island) c) AS cells,
        (SELECT spent FROM allowance WHERE run = :run AND resource = 'gpu_milliseconds') AS gpu_milliseconds,
        m.began_at, m.ended_at, m.programs AS removed_programs, m.prompts AS removed_prompts
    FROM (SELECT 1) one LEFT JOIN search_state s ON s.run = :run LEFT JOIN removal m ON m.run = :run
""")  # noqa: S608 - made of constants
_RATE = sa.text("""
    SELECT count(*) FILTER (WHERE kind = 'admitted') AS admitted, extract(epoch FROM now() - min(at)) AS seconds
    FROM (
        SELECT kind, at FROM event WHERE run = :run AND number > CAST(:newest AS bigint) - CAST(:events AS bigint)
        ORDER BY number DESC LIMIT :events
    ) newest WHERE at > now() - make_interval(secs => CAST(:seconds AS double precision))
""")
_TALLY = sa.text("""
    SELECT CAST(p.operator AS text) AS operator, v.kind, v.payload ->> 'reason' AS refusal,
        CAST(e.verdict AS text) AS verdict, count(*) AS proposals,
        count(*) FILTER (WHERE e.score > parent.score) AS improved
    FROM event v
    CROSS JOIN LATERAL (
        SELECT p.operator, p.number, p.parent FROM proposal p
        WHERE p.run = v.run AND p.number = CAST(v.payload ->> 'number' AS integer) LIMIT 1
    ) p
    LEFT JOIN LATERAL (
        SELECT e.verdict, e.score FROM program g JOIN evaluation e ON e.program = g.id AND e.purpose = 'search'
        WHERE v.kind = 'admitted' AND g.run = v.run AND g.number = p.number LIMIT 1
    ) e ON true
    LEFT JOIN LATERAL (
        SELECT e2.score FROM program g JOIN evaluation e2 ON e2.program = g.id AND e2.purpose = 'search'
        WHERE v.kind = 'admitted' AND g.run = v.run AND g.number = p.parent LIMIT 1
    ) parent ON true
    WHERE v.run = :run AND v.number > :after AND v.number <= :until AND v.kind IN ('proposed', 'admitted', 'refused')
    GROUP BY p.operator, v.kind, refusal, e.verdict ORDER BY p.operator, v.kind, refusal, e.verdict
""")
_RECORDS = sa.text("""
    SELECT number, score, evaluations, seconds, micro_dollars FROM record r
    WHERE run = :run AND NOT EXISTS (
        SELECT FROM search_state s
        WHERE s.run = r.run AND jsonb_typeof(s.state) = 'object' AND s.state -> 'banned' @> to_jsonb(r.number)
    )
    ORDER BY evaluations, number
""")
_ELITES = sa.text(
    "SELECT island, cell, number, score, length, literals, at_event FROM elite WHERE run = :run ORDER BY island, cell"
)
_SCORED_TOTAL = sa.text("SELECT coalesce(max(place) + 1, 0) FROM scored WHERE run = :run")
_POINTS = sa.text("""
    SELECT s.place, s.number, s.score, CAST(p.operator AS text) AS operator
    FROM generate_series(CAST(0 AS bigint), CAST(:limit AS bigint) - 1) AS n
    CROSS JOIN LATERAL (
        SELECT s.* FROM scored s WHERE s.run = :run AND s.place = n * :total / CAST(:limit AS bigint) LIMIT 1
    ) s
    CROSS JOIN LATERAL (SELECT p.operator FROM proposal p WHERE p.run = :run AND p.number = s.number LIMIT 1) p
    ORDER BY s.place
""")
_LINEAGE = sa.text("""
    WITH RECURSIVE line AS (
        SELECT g.*, 0 AS depth FROM program g WHERE g.run = :run AND g.number = :number
        UNION ALL
        SELECT g.*, line.depth + 1 FROM line JOIN program g ON g.run = line.run AND g.number = line.parent
    )
    SELECT line.number, CAST(p.operator AS text) AS operator, p.model, e.score, b.content
    FROM line JOIN proposal p ON p.run = line.run AND p.number = line.number
    JOIN blob b ON b.hash = line.files
    LEFT JOIN evaluation e ON e.program = line.id AND e.purpose = 'search'
    ORDER BY line.depth DESC
""")
_VERIFICATION = sa.text("""
    SELECT g.number, CAST(e.state AS text) AS state, CAST(e.verdict AS text) AS verdict, e.score,
        CAST(e.metrics AS text) AS metrics, CAST(e.features AS text) AS features, CAST(e.stages AS text) AS stages,
        e.host_fault, b.content AS picture, CAST(m.description AS text) AS machine
    FROM program g JOIN evaluation e ON e.program = g.id AND e.purpose = 'verify'
    LEFT JOIN blob b ON b.hash = e.picture LEFT JOIN machine m ON m.fingerprint = e.machine
    WHERE g.run = :run AND g.number = :number ORDER BY e.id DESC LIMIT 1
""")
_SPEND = sa.text("""
    SELECT model, count(*) AS calls, count(failure) AS failed, coalesce(sum(tokens_in), 0) AS tokens_in,
        coalesce(sum(tokens_out), 0) AS tokens_out,
        CAST(coalesce(sum(cost_micro_dollars), 0) AS bigint) AS cost, avg(latency_s) AS mean_latency_s
    FROM completion WHERE run = :run GROUP BY model ORDER BY model
""")
_SPEND_BY_OPERATOR = sa.text("""
    SELECT CAST(p.operator AS text) AS operator, count(*) AS calls,
        coalesce(sum(c.tokens_in), 0) + coalesce(sum(c.tokens_out), 0) AS tokens,
        CAST(coalesce(sum(c.cost_micro_dollars), 0) AS bigint) AS cost
    FROM completion c JOIN proposal p ON p.id = c.proposal WHERE c.run = :run GROUP BY p.operator ORDER BY p.operator
""")


async def live(connection: Connection, run: int) -> Live:
    """A run as it stands now.

    Raises:
        NotFound: no such run.
    """
    row = await runs.load(connection, run)
    found = (await connection.execute(_LIVE, {"run": run})).one()
    span = {"run": run, "newest": row.as_of_event, "events": RATE_EVENTS, "seconds": RATE_S}
    recent = (await connection.execute(_RATE, span)).one()
    best, best_score = best_of(found.best)
    verified, verified_score = verified_of(found.verified)
    evaluations: int = found.evaluations or 0
    return Live(
        row=row,
        evaluations=evaluations,
        programs=evaluations + found.waiting,
        rate=recent.admitted / max(float(recent.seconds), 1.0) if recent.seconds is not None else 0.0,
        seed_score=found.seed_score,
        best=best,
        best_score=best_score,
        verified=verified,
        verified_score=verified_score,
        cells={int(island): filled for island, filled in json.loads(found.cells or "{}").items()},
        gpu_milliseconds=found.gpu_milliseconds or 0,
        removal=None
        if found.began_at is None
        else Removal(run, found.began_at, found.ended_at, found.removed_programs, found.removed_prompts),
    )


async def tally(connection: Connection, run: int, after: int = 0, until: int | None = None) -> list[Tally]:
    """What became of proposals in the events above `after` and up to `until` (None: the newest).

    Add the tallies of successive stretches to follow a run: each costs as much as its stretch is long.
    """
    row = {"run": run, "after": after, "until": (1 << 62) if until is None else until}
    return [
        Tally(
            operator=Operator(found.operator),
            verdict=Verdict(found.verdict) if found.kind == "admitted" else None,
            refusal=Refusal(found.refusal) if found.kind == "refused" else None,
            count=found.proposals,
            improved=found.improved,
        )
        for found in await connection.execute(_TALLY, row)
    ]


async def records(connection: Connection, run: int) -> list[Record]:
    """The best-so-far curve, which rises all along: a record that was set behind a banned program is none any more."""
    curve: list[Record] = []
    for row in await connection.execute(_RECORDS, {"run": run}):
        if not curve or row.score > curve[-1].score:
            curve.append(Record(row.number, row.score, row.evaluations, row.seconds, row.micro_dollars))
    return curve


async def elites(connection: Connection, run: int) -> list[Elite]:
    """The archives of all islands."""
    rows = await connection.execute(_ELITES, {"run": run})
    return [Elite(row.island, tuple(row.cell), row.number, row.score, row.length, row.literals, row.at_event) for row in rows]


async def points(connection: Connection, run: int, limit: int = 5000) -> tuple[list[Point], bool]:
    """At most `limit` scored programs, evenly spaced in order of admission, and whether they are all there are."""
    total: int = (await connection.execute(_SCORED_TOTAL, {"run": run})).scalar_one()
    rows = await connection.execute(_POINTS, {"run": run, "limit": min(limit, total), "total": total}) if total else ()
    return [Point(row.place, row.number, row.score, Operator(row.operator)) for row in rows], total <= limit


async def lineage(connection: Connection, run: int, number: int) -> list[Ancestor]:
    """The line of descent from the seed to program `number`; empty if there is no such program."""
    return [
        Ancestor(row.number, Operator(row.operator), row.model, row.score, blobs.unpack_files(row.content))
        for row in await connection.execute(_LINEAGE, {"run": run, "number": number})
    ]


async def verification(connection: Connection, run: int, number: int) -> Verification | None:
    """The newest verification of a program; None if none was asked."""
    row = (await connection.execute(_VERIFICATION, {"run": run, "number": number})).first()
    if row is None:
        return None
    return Verification(
        number=row.number,
        state=EvaluationState(row.state),
        outcome=None if row.verdict is None else outcome_of(row),
        host_fault=row.host_fault,
        picture=None if row.picture is None else row.picture.decode(),
        machine=None if row.machine is None else json.loads(row.machine),
    )


async def model_spend(connection: Connection, run: int) -> list[ModelSpend]:
    """Calls, tokens and money by model."""
    return [
        ModelSpend(row.model, row.calls, row.failed, row.tokens_in, row.tokens_out, row.cost, row.mean_latency_s)
        for row in await connection.execute(_SPEND, {"run": run})
    ]


async def operator_spend(connection: Connection, run: int) -> list[OperatorSpend]:
    """Calls, tokens and money by the operator that they were made for; those that need no model are left out."""
    return [
        OperatorSpend(Operator(row.operator), row.calls, row.tokens, row.cost)
        for row in await connection.execute(_SPEND_BY_OPERATOR, {"run": run})
    ]
