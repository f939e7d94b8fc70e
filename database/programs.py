"""Programs: written once with their proposal's answer, read by number."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import sqlalchemy as sa

from database import blobs
from database.engine import Connection
from evolution.evaluation import Outcome, StageResult, Verdict
from evolution.program import Program


@dataclass(frozen=True, slots=True)
class NewProgram:
    """A child to be stored. `length` counts characters of evolvable text, `literals` the numeric literals in it.

    Its island, parent and number come from its proposal; its generation is that of its parent plus one.
    """

    files: Mapping[str, str]
    normalised_hash: bytes
    length: int
    literals: int


@dataclass(frozen=True, slots=True)
class EvaluatedProgram:
    """A program with its search evaluation; `outcome` is None while, or if, there is none."""

    program: Program
    outcome: Outcome | None


_LOAD = sa.text("""
    SELECT p.id, p.run, p.number, p.island, p.parent, b.content, p.normalised_hash, p.generation
    FROM program p JOIN blob b ON b.hash = p.files
    WHERE p.run = :run AND p.number = ANY(CAST(:numbers AS integer[]))
""")
_OUTCOMES = sa.text("""
    SELECT e.program, CAST(e.verdict AS text) AS verdict, e.score, CAST(e.metrics AS text) AS metrics,
        CAST(e.features AS text) AS features, CAST(e.stages AS text) AS stages
    FROM evaluation e WHERE e.program = ANY(CAST(:programs AS bigint[])) AND e.purpose = 'search' AND e.state = 'finished'
""")
_EXISTS = sa.text("SELECT EXISTS (SELECT FROM program WHERE run = :run AND number = :number)")
# A program is younger than its parent, so that one pass in their order finds every family.
_PARENTS = sa.text("""
    SELECT number, parent FROM program WHERE run = :run AND number > :number AND parent >= :number ORDER BY number
""")
_KNOWN = sa.text(
    "SELECT normalised_hash, number FROM program WHERE run = :run AND normalised_hash = ANY(CAST(:hashes AS bytea[]))"
)


async def load(connection: Connection, run: int, numbers: Sequence[int]) -> dict[int, Program]:
    """Programs by number; numbers without a program are missing from the answer. Programs never change: cache them."""
    rows = await connection.execute(_LOAD, {"run": run, "numbers": list(numbers)})
    return {
        row.number: Program(
            id=row.id,
            run=row.run,
            number=row.number,
            island=row.island,
            parent=row.parent,
            files=blobs.unpack_files(row.content),
            normalised_hash=row.normalised_hash,
            generation=row.generation,
        )
        for row in rows
    }


async def load_evaluated(connection: Connection, run: int, numbers: Sequence[int]) -> dict[int, EvaluatedProgram]:
    """The same with what the judge said (metrics, feedback, log tails), as prompts need it."""
    programs = await load(connection, run, numbers)
    rows = await connection.execute(_OUTCOMES, {"programs": [program.id for program in programs.values()]})
    outcomes = {row.program: outcome_of(row) for row in rows}
    return {number: EvaluatedProgram(program, outcomes.get(program.id)) for number, program in programs.items()}


def outcome_of(row: sa.Row[Any]) -> Outcome:
    """The outcome in a row of a finished evaluation, its JSON columns read as text."""
    return Outcome(
        verdict=Verdict(row.verdict),
        score=row.score,
        metrics=json.loads(row.metrics),
        features=json.loads(row.features),
        stages=msgspec.convert(json.loads(row.stages), tuple[StageResult, ...]),
    )


async def exists(connection: Connection, run: int, number: int) -> bool:
    """Whether the run has a program with this number."""
    return bool((await connection.execute(_EXISTS, {"run": run, "number": number})).scalar_one())


async def descendants(connection: Connection, run: int, number: int) -> tuple[int, ...]:
    """The numbers of all stored programs that descend from program `number` by their first parent, sorted.

    Reads the family of every later program: a person's question, not one of the search.
    """
    family = {number}
    for row in await connection.execute(_PARENTS, {"run": run, "number": number}):
        if row.parent in family:
            family.add(row.number)
    return tuple(sorted(family - {number}))


async def known_hashes(connection: Connection, run: int, hashes: Sequence[bytes]) -> dict[bytes, int]:
    """Which of the normalised hashes the run has already, and the numbers of their programs.

    A hint for workers, which may try again cheaply; `proposals.answer` is what decides.
    """
    rows = await connection.execute(_KNOWN, {"run": run, "hashes": list(hashes)})
    return {row.normalised_hash: row.number for row in rows}
