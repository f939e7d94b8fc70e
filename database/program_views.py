"""One program with all that is known of it, for people."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from database import blobs
from database.engine import Connection
from database.errors import NotFound
from database.export_views import Call, call_of
from database.programs import outcome_of
from evolution.evaluation import EvaluationState, Outcome, Tier
from evolution.program import Program
from evolution.proposal import Operator


@dataclass(frozen=True, slots=True)
class EvaluationView:
    """One evaluation of a program, with the sandbox's tier and what is known of the machine; scores are as recorded.

    `picture` is SVG text of the judge, `host_fault` why the machine could not judge it. `series` numbers verifications.
    `twin` is the number of the program that behaves alike, whose result it is.
    """

    id: int
    state: EvaluationState
    outcome: Outcome | None
    tier: Tier
    machine: Mapping[str, str | int] | None
    duration_s: float | None
    finished_at: datetime | None
    series: int
    twin: int | None
    host_fault: str | None
    picture: str | None


@dataclass(frozen=True, slots=True)
class ProgramView:
    """A program and its search evaluation, if it has one yet.

    `banned` programs are never chosen; one that is pinned is parent of the share `pinned` of the children.
    """

    program: Program
    operator: Operator
    model: str | None
    inspirations: tuple[int, ...]
    length: int
    literals: int
    evaluation: EvaluationView | None
    banned: bool
    pinned: float | None


_EVALUATION = """
    e.id AS evaluation, CAST(e.state AS text) AS state, CAST(e.verdict AS text) AS verdict, e.score,
    CAST(e.metrics AS text) AS metrics, CAST(e.features AS text) AS features, CAST(e.stages AS text) AS stages,
    CAST(e.tier AS text) AS tier, e.duration_s, e.finished_at, e.series, e.twin,
    e.host_fault,
    CAST(m.description AS text) AS machine, v.content AS picture
"""
_PROGRAM = sa.text(f"""
    SELECT g.id, g.run, g.number, g.island, g.parent, b.content, g.normalised_hash, g.generation, g.length, g.literals,
        CAST(p.operator AS text) AS operator, p.model, p.inspirations, {_EVALUATION},
        coalesce(s.state -> 'banned' @> to_jsonb(g.number), false) AS banned,
        (SELECT CAST(pin ->> 1 AS double precision) FROM jsonb_array_elements(s.state -> 'pins') pin
            WHERE CAST(pin ->> 0 AS integer) = g.number) AS pinned
    FROM program g JOIN blob b ON b.hash = g.files JOIN proposal p ON p.run = g.run AND p.number = g.number
    LEFT JOIN evaluation e ON e.program = g.id AND e.purpose = 'search'
    LEFT JOIN machine m ON m.fingerprint = e.machine LEFT JOIN blob v ON v.hash = e.picture
    LEFT JOIN search_state s ON s.run = g.run
    WHERE g.run = :run AND g.number = :number
""")  # noqa: S608 - made of constants
_VERIFICATIONS = sa.text(f"""
    SELECT {_EVALUATION}
    FROM (
        SELECT e.* FROM program g JOIN evaluation e ON e.program = g.id AND e.purpose = 'verify'
        WHERE g.run = :run AND g.number = :number AND e.id < :before ORDER BY e.id DESC LIMIT :limit
    ) e
    LEFT JOIN machine m ON m.fingerprint = e.machine LEFT JOIN blob v ON v.hash = e.picture
    ORDER BY e.id DESC
""")  # noqa: S608 - made of constants
_NEWEST = 1 << 62
_CALLS = sa.text("""
    SELECT c.model, c.template, q.content AS prompt, a.content AS answer, c.failure, c.finish_reason, c.tokens_in, c.tokens_out,
        c.cost_micro_dollars, c.latency_s
    FROM proposal p JOIN completion c ON c.proposal = p.id
    JOIN blob q ON q.hash = c.prompt LEFT JOIN blob a ON a.hash = c.answer
    WHERE p.run = :run AND p.number = :number ORDER BY c.id
""")


async def program(connection: Connection, run: int, number: int) -> ProgramView:
    """One program.

    Raises:
        NotFound: there is none of this number.
    """
    row = (await connection.execute(_PROGRAM, {"run": run, "number": number})).first()
    if row is None:
        raise no_program(run, number)
    return ProgramView(
        program=Program(
            id=row.id,
            run=row.run,
            number=row.number,
            island=row.island,
            parent=row.parent,
            files=blobs.unpack_files(row.content),
            normalised_hash=row.normalised_hash,
            generation=row.generation,
        ),
        operator=Operator(row.operator),
        model=row.model,
        inspirations=tuple(row.inspirations),
        length=row.length,
        literals=row.literals,
        evaluation=None if row.state is None else _evaluation(row),
        banned=row.banned,
        pinned=row.pinned,
    )


async def verifications(
    connection: Connection, run: int, number: int, limit: int, before: int | None = None
) -> list[EvaluationView]:
    """The verifications of one program, newest first, from before evaluation `before`; none of a program that is not there."""
    row = {"run": run, "number": number, "limit": limit, "before": _NEWEST if before is None else before}
    return [_evaluation(found) for found in await connection.execute(_VERIFICATIONS, row)]


def _evaluation(row: sa.Row[Any]) -> EvaluationView:
    return EvaluationView(
        id=row.evaluation,
        state=EvaluationState(row.state),
        outcome=None if row.verdict is None else outcome_of(row),
        tier=Tier(row.tier),
        machine=None if row.machine is None else json.loads(row.machine),
        duration_s=row.duration_s,
        finished_at=row.finished_at,
        series=row.series,
        twin=row.twin,
        host_fault=row.host_fault,
        picture=None if row.picture is None else row.picture.decode(),
    )


async def calls(connection: Connection, run: int, number: int) -> list[Call]:
    """The model calls of one proposal, in order: those of a program, or of one that was refused."""
    return [call_of(row) for row in await connection.execute(_CALLS, {"run": run, "number": number})]


def no_program(run: int, number: int) -> NotFound:
    """That a run has no such program."""
    return NotFound(f"run {run} has no program {number}: it was refused, or is not made yet")
