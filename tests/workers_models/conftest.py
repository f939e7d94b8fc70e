"""A stored run of the sample problem, with proposals of a model claimed by this test."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest
import sqlalchemy as sa

from database import proposals, runs
from database.engine import Database
from database.proposals import ClaimedProposal
from database.run_rows import Account
from database.tables import completion
from evolution.evaluation import Tier
from evolution.problem import Problem
from evolution.proposal import MODEL_OPERATORS, Choice, Operator, Propensity
from evolution.run import Budget, ModelChoice, RunConfig
from tests.workers_models.samples import problem


@dataclass
class StoredRun:
    """What a test does with its run."""

    database: Database
    problem: Problem
    id: int
    asked: int = 0

    async def claim(self, count: int = 1, operator: Operator = Operator.DIFF, *, parent: int = 0) -> list[ClaimedProposal]:
        """Ask for proposals and claim them."""
        await self.ask(count, operator, parent=parent)
        return await self.claim_again(count)

    async def ask(self, count: int, operator: Operator = Operator.DIFF, *, parent: int = 0) -> None:
        choice = Choice(operator, 0, parent, (), "small", None, Propensity(1, 1, 1, 1, 1))
        numbers = range(self.asked + 1, self.asked + count + 1)
        self.asked += count
        async with self.database.begin() as connection:
            await proposals.ask(connection, self.id, [(number, 1, choice) for number in numbers])

    async def claim_again(self, count: int = 1, lease_s: float = 60) -> list[ClaimedProposal]:
        async with self.database.begin() as connection:
            return await proposals.claim(connection, "test", count, lease_s, MODEL_OPERATORS)

    async def account(self) -> Account:
        async with self.database.begin() as connection:
            return (await runs.load(connection, self.id)).account

    async def completions(self) -> list[sa.Row[tuple[object, ...]]]:
        async with self.database.begin() as connection:
            return list(await connection.execute(sa.select(completion).order_by(completion.c.id)))


async def create_run(database: Database, micro_dollars: int | None) -> StoredRun:
    sample = problem()
    config = RunConfig(models=(ModelChoice(name="small"),), budget=Budget(micro_dollars=micro_dollars))
    async with database.begin() as connection:
        run = await runs.create(connection, sample, config, 1, Tier.PLAIN, normalised_hash=b"seed", length=30, literals=1)
    return StoredRun(database, sample, run)


@pytest.fixture
async def stored_run(database: Database) -> Callable[[int | None], Awaitable[StoredRun]]:
    async def create(micro_dollars: int | None) -> StoredRun:
        return await create_run(database, micro_dollars)

    return create
