"""Runs with queued evaluations, as controller and workers leave them, and what became of them."""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from database import proposals, runs
from database.engine import Database
from database.errors import DatabaseUnavailable
from database.programs import NewProgram
from database.tables import evaluation, program
from evolution.evaluation import EvaluationState, Tier
from evolution.problem import Problem
from evolution.proposal import Choice, Operator, Propensity
from evolution.run import RunConfig
from tests.evaluators.small_problems import program as files_of

CHOICE = Choice(Operator.MUTATE, 0, 0, (), None, None, Propensity(1.0, 1.0, 1.0, 1.0, 1.0))


async def new_run(database: Database, of: Problem, tier: Tier = Tier.NAMESPACES) -> int:
    """A run whose seed waits for its evaluation."""
    async with database.begin() as connection:
        return await runs.create(connection, of, RunConfig(), 1, tier, normalised_hash=b"seed", length=10, literals=1)


async def queue_programs(database: Database, run: int, bodies: Sequence[str], seen: int = 0) -> None:
    """Programs 1, 2, … of the run, chosen when event `seen` was the newest, each with its evaluation queued."""
    async with database.begin() as connection:
        await proposals.ask(connection, run, [(number, seen, CHOICE) for number in range(1, len(bodies) + 1)])
        claimed = await proposals.claim(connection, "test", len(bodies), 60.0, [Operator.MUTATE])
        children: list[NewProgram] = []
        for item in claimed:
            body = bodies[item.number - 1]
            mark = hashlib.sha256(f"{item.number} {body}".encode()).digest()
            children.append(NewProgram(files_of(body), mark, len(body), 1))
        await proposals.answer_many(connection, list(zip(claimed, children, strict=True)))


@dataclass(frozen=True)
class Row:
    """An evaluation as it stands."""

    number: int
    state: EvaluationState
    verdict: str | None
    score: float | None
    attempt: int
    host_fault: str | None
    stored: dict[str, Any]


async def rows(database: Database, run: int) -> list[Row]:
    """All evaluations of the run in order of their making."""
    query = (
        sa.select(evaluation, program.c.number)
        .join(program, program.c.id == evaluation.c.program)
        .where(evaluation.c.run == run)
        .order_by(evaluation.c.id)
    )
    async with database.begin() as connection:
        found = (await connection.execute(query)).mappings().all()
    return [
        Row(
            row["number"],
            EvaluationState(row["state"]),
            row["verdict"],
            row["score"],
            row["attempt"],
            row["host_fault"],
            dict(row),
        )
        for row in found
    ]


async def until(database: Database, run: int, condition: Callable[[list[Row]], bool], timeout_s: float = 60.0) -> list[Row]:
    """Wait until the run's evaluations meet the condition."""
    async with asyncio.timeout(timeout_s):
        while True:
            with suppress(DatabaseUnavailable):
                found = await rows(database, run)
                if condition(found):
                    return found
            await asyncio.sleep(0.03)


async def settled(database: Database, run: int, timeout_s: float = 60.0) -> list[Row]:
    """Wait until no evaluation of the run is queued or leased."""
    ends = {EvaluationState.FINISHED, EvaluationState.ABANDONED}
    return await until(database, run, lambda found: all(row.state in ends for row in found), timeout_s)


async def leased(database: Database, run: int) -> list[Row]:
    """Wait until an evaluation of the run is under way."""
    return await until(database, run, lambda found: any(row.state is EvaluationState.LEASED for row in found))
