"""A run in rows for other programs: every proposal with all that came of it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from database import blobs
from database.engine import Connection
from evolution.evaluation import Verdict
from evolution.proposal import Operator, ProposalState, Refusal


@dataclass(frozen=True, slots=True)
class Call:
    """One model call: `answer` is None where it failed, and money in micro-dollars None while it is in flight."""

    model: str
    template: str
    prompt: str
    answer: str | None
    failure: str | None
    finish_reason: str | None
    tokens_in: int | None
    tokens_out: int | None
    cost_micro_dollars: int | None
    latency_s: float | None


@dataclass(frozen=True, slots=True)
class ExportRow:
    """A proposal, its program if it has one, that program's evaluations, and the model calls for it.

    `ideas` are the commands whose ideas the prompts held, `injection` the one that holds the program of an `INJECT`. Scores are
    as recorded: higher is better. GPUs were held for the program's search evaluation for `gpu_s` seconds. `verified_score` is
    that of the newest verification. `twin` is the number of the program that behaves alike, whose result the
    program was given.
    """

    number: int
    operator: Operator
    island: int
    parent: int | None
    inspirations: tuple[int, ...]
    model: str | None
    ideas: tuple[int, ...]
    injection: int | None
    state: ProposalState
    refusal: Refusal | None
    detail: str | None
    duplicate_of: int | None
    created_at: datetime
    files: Mapping[str, str] | None
    generation: int | None
    length: int | None
    literals: int | None
    verdict: Verdict | None
    score: float | None
    metrics: Mapping[str, float] | None
    features: Mapping[str, float] | None
    duration_s: float | None
    gpu_s: float | None
    twin: int | None
    verified_score: float | None
    calls: tuple[Call, ...]


_ROWS = sa.text("""
    SELECT p.id, p.number, CAST(p.operator AS text) AS operator, p.island, p.parent, p.inspirations, p.model,
        p.ideas, p.injection,
        CAST(p.state AS text) AS state, CAST(p.refusal AS text) AS refusal, p.detail, p.duplicate_of, p.created_at,
        b.content, g.generation, g.length, g.literals, CAST(e.verdict AS text) AS verdict, e.score,
        CAST(e.metrics AS text) AS metrics, CAST(e.features AS text) AS features, e.duration_s, e.gpu_s, e.twin,
        (SELECT v.score FROM evaluation v WHERE v.program = g.id AND v.purpose = 'verify' ORDER BY v.id DESC LIMIT 1)
            AS verified_score
    FROM proposal p
    LEFT JOIN program g ON g.run = p.run AND g.number = p.number
    LEFT JOIN blob b ON b.hash = g.files
    LEFT JOIN evaluation e ON e.program = g.id AND e.purpose = 'search'
    WHERE p.run = :run AND p.number > :after ORDER BY p.number LIMIT :limit
""")
_CALLS = sa.text("""
    SELECT c.proposal, c.model, c.template, q.content AS prompt, a.content AS answer, c.failure, c.finish_reason,
        c.tokens_in, c.tokens_out, c.cost_micro_dollars, c.latency_s
    FROM completion c JOIN blob q ON q.hash = c.prompt LEFT JOIN blob a ON a.hash = c.answer
    WHERE c.proposal = ANY(CAST(:proposals AS bigint[])) ORDER BY c.id
""")


async def export_rows(connection: Connection, run: int, after: int = -1, limit: int = 500) -> list[ExportRow]:
    """Proposals with numbers above `after`, in order: call again with the last number until none comes."""
    rows = (await connection.execute(_ROWS, {"run": run, "after": after, "limit": limit})).all()
    calls: dict[int, list[Call]] = {}
    for found in await connection.execute(_CALLS, {"proposals": [row.id for row in rows]}):
        calls.setdefault(found.proposal, []).append(call_of(found))
    return [_row(row, tuple(calls.get(row.id, ()))) for row in rows]


def _row(row: Any, calls: tuple[Call, ...]) -> ExportRow:
    return ExportRow(
        number=row.number,
        operator=Operator(row.operator),
        island=row.island,
        parent=row.parent,
        inspirations=tuple(row.inspirations),
        model=row.model,
        ideas=tuple(row.ideas or ()),
        injection=row.injection,
        state=ProposalState(row.state),
        refusal=None if row.refusal is None else Refusal(row.refusal),
        detail=row.detail,
        duplicate_of=row.duplicate_of,
        created_at=row.created_at,
        files=None if row.content is None else blobs.unpack_files(row.content),
        generation=row.generation,
        length=row.length,
        literals=row.literals,
        verdict=None if row.verdict is None else Verdict(row.verdict),
        score=row.score,
        metrics=None if row.metrics is None else json.loads(row.metrics),
        features=None if row.features is None else json.loads(row.features),
        duration_s=row.duration_s,
        gpu_s=row.gpu_s,
        twin=row.twin,
        verified_score=row.verified_score,
        calls=calls,
    )


def call_of(row: Any) -> Call:
    """The call in a row with all its columns."""
    return Call(
        model=row.model,
        template=row.template,
        prompt=row.prompt.decode(),
        answer=None if row.answer is None else row.answer.decode(),
        failure=row.failure,
        finish_reason=row.finish_reason,
        tokens_in=row.tokens_in,
        tokens_out=row.tokens_out,
        cost_micro_dollars=row.cost_micro_dollars,
        latency_s=row.latency_s,
    )
