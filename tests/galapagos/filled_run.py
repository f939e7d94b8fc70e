"""A run made by the functions that the processes use, without the processes: what reports and exports are made of."""

import hashlib
import random
from dataclasses import dataclass

from controller.active_run import ActiveRun
from controller.one_pass import one_pass
from database import evaluations, machines, proposals, runs
from database.engine import Database
from database.evaluations import FinishedEvaluation
from database.programs import NewProgram
from evolution.evaluation import Outcome, Purpose, StageResult, Tier, Verdict
from evolution.problem import Problem, problem_from_files
from evolution.proposal import Operator, Refusal
from evolution.run import Budget, RunConfig, RunState

EVIL = "<script>alert('x')</script>"
EVIL_SVG = "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 1 1' onload='alert(1)'><script>alert(2)</script></svg>"
TOML = f"""
name = "evil"
title = "Evil {EVIL}"
statement = "s"
seed = ["p.py"]
picture = "picture"
[score]
unit = "{EVIL}"
direction = "DIRECTION"
[[axes]]
feature = "width"
low = 0.0
high = 1.0
cells = 6
[[axes]]
feature = "length"
low = 10
high = 1000
cells = 4
scale = "log"
[[known]]
name = "{EVIL}"
value = 2.0
source = "nowhere"
[[known]]
name = "far away"
value = 1e9
source = "A paper, table 2"
date = "2024-05"
recomputed = true
"""
SEED = f"# {EVIL}\n# EVOLVE-BLOCK-START\nx = 0\n# EVOLVE-BLOCK-END\n"


def evil_problem(direction: str = "maximize") -> Problem:
    judge = b"def evaluate(candidate, context): ...\n"
    return problem_from_files(
        {"problem.toml": TOML.replace("DIRECTION", direction).encode(), "p.py": SEED.encode(), "judge.py": judge}
    )


@dataclass
class Filler:
    """Plays workers and evaluators for one run, with its own dice."""

    database: Database
    problem: Problem
    run: int
    dice: random.Random
    children: int = 0

    async def work(self) -> None:
        async with self.database.begin() as connection:
            claimed = await proposals.claim(connection, "test", 64, 60, list(Operator))
            refused = [item for item in claimed if self.dice.random() < 0.2]
            await proposals.refuse(
                connection, [proposals.NewRefusal(item.lease, Refusal.SYNTAX_ERROR, EVIL) for item in refused]
            )
            made = [(item, self._child()) for item in claimed if item not in refused]
            await proposals.answer_many(connection, made)
        async with self.database.begin() as connection:
            machine = await machines.register(connection, {"cpu": f"fast {EVIL}", "cores": 2})
            found = await evaluations.claim(connection, "test", 64, 60, Tier.PLAIN)
            await evaluations.finish(connection, [self._judged(item, machine) for item in found])

    def _child(self) -> NewProgram:
        self.children += 1
        text = SEED.replace("x = 0", f"x = {self.children}  # {EVIL}")
        return NewProgram({"p.py": text}, hashlib.sha256(text.encode()).digest(), len(text), 1)

    def _judged(self, item: evaluations.ClaimedEvaluation, machine: bytes) -> FinishedEvaluation:
        score = 1.0 + self.dice.random() * item.number / 100
        if item.number and self.dice.random() < 0.2:
            return FinishedEvaluation(item.lease, self._outcome(None), 0.1, machine)
        picture = EVIL_SVG if item.purpose is Purpose.VERIFY else None
        return FinishedEvaluation(item.lease, self._outcome(score), 0.1, machine, picture)

    def _outcome(self, score: float | None) -> Outcome:
        verdict = Verdict.CRASHED if score is None else Verdict.SCORED
        features = {"width": self.dice.random()}
        stage = StageResult(
            stage="score",
            hidden=False,
            verdict=verdict,
            score=score,
            metrics={"m": 1.5},
            features=features,
            samples=() if score is None else (score,),
            duration_s=0.1,
            cpu_s=0.1,
            peak_memory_mib=20.0,
            feedback=EVIL,
            log_tail=EVIL,
        )
        return Outcome(verdict, score, stage.metrics, features, (stage,))


async def fill(database: Database, problem: Problem, evaluations_wanted: int = 60, seed: int = 7) -> int:
    """A finished run of some dozens of programs, all choices and scores drawn from `seed`."""
    filler, active = await begin(database, problem, evaluations_wanted, seed)
    await serve(filler, active, RunState.FINISHED)
    return active.id


async def begin(database: Database, problem: Problem, evaluations_wanted: int, seed: int = 7) -> tuple[Filler, ActiveRun]:
    """A new run, and who plays its processes."""
    text = problem.seed_files["p.py"]
    config = RunConfig(budget=Budget(evaluations=evaluations_wanted), tune=False)
    async with database.begin() as connection:
        known = hashlib.sha256(text.encode()).digest()
        run = await runs.create(
            connection, problem, config, seed, Tier.PLAIN, normalised_hash=known, length=len(text), literals=1
        )
    async with database.begin() as connection:
        active = await ActiveRun.adopt(connection, run)
    return Filler(database, problem, run, random.Random(seed)), active


async def serve(filler: Filler, active: ActiveRun, until: RunState) -> None:
    """Let the run go on until its row says `until`."""
    for _ in range(200):
        await filler.work()
        async with filler.database.begin() as connection:
            await one_pass(connection, active)
            if (await runs.load(connection, active.id)).state is until:
                return
    raise AssertionError(f"the run did not become {until}")
