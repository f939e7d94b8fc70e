"""What many tests of the database need: a problem, a run, and candidates on their way through it."""

import asyncio
from hashlib import sha256

import sqlalchemy as sa

from database import evaluations, machines, proposals, runs
from database.engine import Connection, Database
from database.evaluations import ClaimedEvaluation, FinishedEvaluation
from database.leases import Lease
from database.programs import NewProgram
from database.proposals import ClaimedProposal
from evolution.evaluation import Outcome, StageResult, Tier, Verdict
from evolution.problem import Problem, problem_from_files
from evolution.proposal import Choice, Operator, Propensity, TuningStep
from evolution.run import Budget, RunConfig

EVERY_KIND = frozenset(Operator)
SEED = "# EVOLVE-BLOCK-START\nx = 1\n# EVOLVE-BLOCK-END\n"
PROPENSITY = Propensity(1.0, 1.0, 1.0, 1.0, 1.0)


def toy_problem(statement: str = "make x large", direction: str = "maximize") -> Problem:
    definition = f"""
name = "toy"
title = "Toy"
statement = "{statement}"
seed = ["program.py"]
[score]
direction = "{direction}"
"""
    return problem_from_files(
        {
            "problem.toml": definition.encode(),
            "program.py": SEED.encode(),
            "judge.py": b"def evaluate(candidate, context):\n    return {'score': 1.0}\n",
            "data.bin": bytes(range(256)),
        }
    )


async def new_run(
    database: Database,
    *,
    budget: Budget | None = None,
    tier: Tier = Tier.PLAIN,
    problem: Problem | None = None,
    config: RunConfig | None = None,
) -> int:
    async with database.begin() as connection:
        return await runs.create(
            connection,
            problem or toy_problem(),
            config or RunConfig(budget=budget or Budget()),
            seed=7,
            tier=tier,
            normalised_hash=sha256(b"seed").digest(),
            length=len(SEED),
            literals=1,
        )


def choice(
    operator: Operator = Operator.MUTATE,
    parent: int = 0,
    inspirations: tuple[int, ...] = (),
    model: str | None = None,
    tuning: TuningStep | None = None,
    island: int = 0,
) -> Choice:
    return Choice(operator, island, parent, inspirations, model, tuning, PROPENSITY)


async def asked(database: Database, run: int, *numbers: int, what: Choice | None = None) -> None:
    async with database.begin() as connection:
        await proposals.ask(connection, run, [(number, 0, what or choice()) for number in numbers])


async def claimed(database: Database, limit: int = 100, owner: str = "worker", lease_s: float = 60.0) -> list[ClaimedProposal]:
    async with database.begin() as connection:
        return await proposals.claim(connection, owner, limit, lease_s, EVERY_KIND)


def child(text: str, length: int | None = None) -> NewProgram:
    return NewProgram({"program.py": text}, sha256(text.encode()).digest(), length or len(text), 1)


async def answered(database: Database, run: int, *numbers: int) -> list[ClaimedProposal]:
    """Proposals with these numbers, asked, claimed and answered, each by a program of its own."""
    await asked(database, run, *numbers)
    taken = await claimed(database)
    async with database.begin() as connection:
        await proposals.answer_many(connection, [(item, child(f"x = {item.run}, {item.number}")) for item in taken])
    return taken


def outcome(
    score: float | None, verdict: Verdict = Verdict.SCORED, features: dict[str, float] | None = None, gpu_s: float = 0.0
) -> Outcome:
    stage = StageResult(
        stage="score",
        hidden=False,
        verdict=verdict,
        score=score,
        metrics={"m": 1.5},
        features=features or {"f": 2.0},
        samples=() if score is None else (score,),
        duration_s=0.01,
        cpu_s=0.01,
        peak_memory_mib=1.0,
        feedback="fine\0, \\u0000 said \ud800 it",
        log_tail="",
        gpu_s=gpu_s,
    )
    return Outcome(verdict, score, {"m": 1.5}, features or {"f": 2.0}, (stage,))


async def machine(connection: Connection) -> bytes:
    return await machines.register(connection, {"cpu": "toy", "cores": 2})


async def claimed_evaluations(
    database: Database, limit: int = 100, tier: Tier = Tier.PLAIN, lease_s: float = 60.0
) -> list[ClaimedEvaluation]:
    async with database.begin() as connection:
        return await evaluations.claim(connection, "evaluator", limit, lease_s, tier)


async def finished(database: Database, scores: dict[int, float | None]) -> None:
    """Claim all that is queued and finish it; `scores` by number, None is a crash, missing numbers score their number."""
    taken = await claimed_evaluations(database)
    async with database.begin() as connection:
        fingerprint = await machine(connection)
        results = [
            FinishedEvaluation(item.lease, _outcome_of(scores.get(item.number, float(item.number))), 0.01, fingerprint)
            for item in taken
        ]
        assert len(await evaluations.finish(connection, results)) == len(taken)


def _outcome_of(score: float | None) -> Outcome:
    return outcome(None, Verdict.CRASHED) if score is None else outcome(score)


def stale(lease: Lease) -> Lease:
    return Lease(lease.id, lease.token + 1_000_000)


async def count(database: Database, table: sa.Table) -> int:
    async with database.begin() as connection:
        return (await connection.execute(sa.select(sa.func.count()).select_from(table))).scalar_one()


async def answered_all(database: Database) -> int:
    """Answer every queued proposal with a program of its own; returns how many there were."""
    taken = await claimed(database)
    async with database.begin() as connection:
        await proposals.answer_many(connection, [(item, child(f"x = {item.run}, {item.number}")) for item in taken])
    return len(taken)


async def blocked(database: Database, sessions: int) -> None:
    """Wait until so many sessions wait for a lock."""
    waiting = sa.text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
    async with asyncio.timeout(10):
        while True:
            async with database.begin() as connection:
                if (await connection.execute(waiting)).scalar_one() == sessions:
                    return
            await asyncio.sleep(0.01)
