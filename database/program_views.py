"""One program with all that is known of it, for people."""

from dataclasses import dataclass

import sqlalchemy as sa

from database import blobs
from database.engine import Connection
from database.errors import NotFound
from database.export_views import Call, call_of
from database.programs import outcome_of
from evolution.evaluation import EvaluationState, Outcome
from evolution.program import Program
from evolution.proposal import Operator


@dataclass(frozen=True, slots=True)
class ProgramView:
    """A program; `outcome` is that of its search evaluation, if that has ended. Scores are as recorded."""

    program: Program
    operator: Operator
    model: str | None
    inspirations: tuple[int, ...]
    length: int
    literals: int
    evaluation: EvaluationState | None
    outcome: Outcome | None
    duration_s: float | None


_PROGRAM = sa.text("""
    SELECT g.id, g.run, g.number, g.island, g.parent, b.content, g.normalised_hash, g.generation, g.length, g.literals,
        CAST(p.operator AS text) AS operator, p.model, p.inspirations, CAST(e.state AS text) AS state, e.duration_s,
        CAST(e.verdict AS text) AS verdict, e.score, CAST(e.metrics AS text) AS metrics, CAST(e.features AS text) AS features,
        CAST(e.stages AS text) AS stages
    FROM program g JOIN blob b ON b.hash = g.files JOIN proposal p ON p.run = g.run AND p.number = g.number
    LEFT JOIN evaluation e ON e.program = g.id AND e.purpose = 'search'
    WHERE g.run = :run AND g.number = :number
""")
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
        evaluation=None if row.state is None else EvaluationState(row.state),
        outcome=None if row.verdict is None else outcome_of(row),
        duration_s=row.duration_s,
    )


async def calls(connection: Connection, run: int, number: int) -> list[Call]:
    """The model calls of one proposal, in order: those of a program, or of one that was refused."""
    return [call_of(row) for row in await connection.execute(_CALLS, {"run": run, "number": number})]


def no_program(run: int, number: int) -> NotFound:
    """That a run has no such program."""
    return NotFound(f"run {run} has no program {number}: it was refused, or is not made yet")
