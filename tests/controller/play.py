"""A run whose workers and evaluators are played by the test, pass by pass."""

from collections.abc import Mapping
from dataclasses import dataclass

from controller.active_run import ActiveRun
from controller.one_pass import one_pass
from database import evaluations as queue
from database import events, machines, runs
from database.engine import Database
from database.evaluations import FinishedEvaluation
from database.run_rows import RunRow
from evolution.evaluation import Tier
from evolution.events import Event
from evolution.problem import Problem, problem_from_files
from evolution.run import RunConfig
from tests.database.scene import SEED, answered_all, new_run, outcome

AXIS = """
name = "wide"
title = "Wide"
statement = "make it wide"
seed = ["program.py"]
[[axes]]
feature = "width"
low = 0.0
high = 1.0
cells = 4
"""
WIDE = {"width": 0.5}


def wide_problem(title: str = "Wide") -> Problem:
    """A problem whose judge must return the feature `width`; another title makes it another problem."""
    judge = b"def evaluate(candidate, context): ...\n"
    return problem_from_files(
        {"problem.toml": AXIS.replace("Wide", title).encode(), "program.py": SEED.encode(), "judge.py": judge}
    )


@dataclass
class Played:
    """One run under a controller's hands."""

    database: Database
    active: ActiveRun

    @property
    def id(self) -> int:
        return self.active.id

    async def one_pass(self) -> bool:
        async with self.database.begin() as connection:
            return await one_pass(connection, self.active)

    async def judge(self, score: float = 1.0, features: Mapping[str, float] = WIDE) -> int:
        """Finish all queued evaluations alike; returns how many."""
        async with self.database.begin() as connection:
            machine = await machines.register(connection, {"cpu": "toy"})
            taken = await queue.claim(connection, "evaluator", 100, 60, Tier.PLAIN)
            found = outcome(score, features=dict(features))
            await queue.finish(connection, [FinishedEvaluation(item.lease, found, 0.1, machine) for item in taken])
        return len(taken)

    async def answer(self) -> int:
        """Answer all queued proposals with new programs; returns how many."""
        return await answered_all(self.database)

    async def to_its_end(self, most: int = 20) -> None:
        for _ in range(most):
            if not await self.one_pass():
                return
            await self.judge()
        raise AssertionError(f"the run does not end within {most} passes")

    async def row(self) -> RunRow:
        async with self.database.begin() as connection:
            return await runs.load(connection, self.id)

    async def log(self) -> list[Event]:
        async with self.database.begin() as connection:
            return [item.event for item in await events.read(connection, self.id)]


async def played(database: Database, config: RunConfig | None = None, problem: Problem | None = None) -> Played:
    """A new run whose seed is judged and taken in, and whose first proposals are asked for."""
    run = await new_run(database, problem=problem or wide_problem(), config=config or RunConfig(in_flight=4))
    async with database.begin() as connection:
        active = await ActiveRun.adopt(connection, run)
    found = Played(database, active)
    await found.judge()
    assert await found.one_pass()
    return found
