"""Workers against a real program database: children, duplicates, tuning, lost leases, lost servers, and a real process."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import sqlalchemy as sa

from database import evaluations, leases, machines, programs, proposals, runs, tuning_views
from database import tables as t
from database.engine import WORKERS, Database, notify
from database.evaluations import FinishedEvaluation
from database.proposals import ClaimedProposal
from evolution.evaluation import Outcome, Tier, Verdict
from evolution.evolve_blocks import check_only_blocks_changed
from evolution.language import Language
from evolution.normalise import normalise
from evolution.problem import Problem, problem_from_files
from evolution.program import Program
from evolution.proposal import MODEL_OPERATORS, Choice, Operator, Propensity, Refusal, TuningStep
from evolution.run import Order, RunConfig
from tests.workers_mutation.samples import RULE
from workers.child import Child, Refused
from workers.mutation.mutation_proposer import MutationProposer
from workers.mutation.tuning import TuningSession
from workers.worker import Worker

ROOT = Path(__file__).parents[2]
DEFINITION = """
name = "rule"
title = "Rule"
statement = "A rule."
seed = ["rule.py"]
[mutation]
vocabulary = ["np.sign(a)"]
"""


def problem(text: str = RULE) -> Problem:
    judge = b"def evaluate(candidate, context):\n    return {'score': 1.0}\n"
    return problem_from_files({"problem.toml": DEFINITION.encode(), "rule.py": text.encode(), "judge.py": judge})


async def new_run(database: Database, text: str = RULE, config: RunConfig | None = None) -> int:
    submitted = problem(text)
    seed = normalise(submitted.seed_files, submitted.definition.language)
    async with database.begin() as connection:
        return await runs.create(
            connection,
            submitted,
            config or RunConfig(),
            seed=7,
            tier=Tier.PLAIN,
            normalised_hash=seed.hash,
            length=seed.length,
            literals=seed.literals,
        )


def choice(
    operator: Operator = Operator.MUTATE,
    parent: int = 0,
    inspirations: tuple[int, ...] = (),
    tuning: TuningStep | None = None,
) -> Choice:
    return Choice(operator, 0, parent, inspirations, None, tuning, Propensity(1, 1, 1, 1, 1))


async def ask(database: Database, run: int, numbers: range, what: Choice | None = None) -> None:
    async with database.begin() as connection:
        await proposals.ask(connection, run, [(number, 0, what or choice()) for number in numbers])
        await notify(connection, WORKERS)


async def states(database: Database, run: int) -> dict[int, tuple[str, str | None, int | None]]:
    p = t.proposal.c
    async with database.begin() as connection:
        rows = await connection.execute(
            sa.select(p.number, p.state, p.refusal, p.duplicate_of).where(p.run == run, p.number > 0)
        )
        return {number: (str(state), refusal and str(refusal), other) for number, state, refusal, other in rows}


async def all_closed(
    database: Database, run: int, count: int, within_s: float = 30.0
) -> dict[int, tuple[str, str | None, int | None]]:
    deadline = time.monotonic() + within_s
    while True:
        found = await states(database, run)
        if len(found) == count and all(state in {"answered", "refused"} for state, _, _ in found.values()):
            return found
        assert time.monotonic() < deadline, found
        await asyncio.sleep(0.02)


async def texts(database: Database, run: int, numbers: range) -> dict[int, str]:
    async with database.begin() as connection:
        return {number: one.files["rule.py"] for number, one in (await programs.load(connection, run, list(numbers))).items()}


@asynccontextmanager
async def working(worker: Worker) -> AsyncGenerator[asyncio.Task[None]]:
    stop = asyncio.Event()
    task = asyncio.create_task(worker.serve(stop))
    try:
        yield task
    finally:
        stop.set()
        async with asyncio.timeout(20):
            await task


async def test_children_are_stored_and_queued(database: Database) -> None:
    run = await new_run(database)
    async with working(Worker(database, "w", 30.0)):
        await ask(database, run, range(1, 41))
        found = await all_closed(database, run, 40)
    answered = [number for number, (state, _, _) in found.items() if state == "answered"]
    assert len(answered) > 20
    stored = await texts(database, run, range(1, 41))
    assert sorted(stored) == answered
    assert all(check_only_blocks_changed({"rule.py": RULE}, {"rule.py": text}) is None for text in stored.values())
    assert all(state == ("refused", "duplicate", state[2]) for state in found.values() if state[0] != "answered")
    async with database.begin() as connection:
        queued = await evaluations.claim(connection, "e", 100, 10.0, Tier.PLAIN)
    assert {one.number for one in queued} == {0, *answered}


async def test_the_same_run_has_the_same_children_in_any_batches(database: Database) -> None:
    """Under a fixed lag what a proposal may see is fixed, so batches and the number of workers change no child."""
    config = RunConfig(order=Order.FIXED_LAG, lag=64)
    one, other = await new_run(database, config=config), await new_run(database, config=config)
    await ask(database, one, range(1, 31))
    async with working(Worker(database, "w", 30.0)):
        await all_closed(database, one, 30)
    async with working(Worker(database, "a", 30.0)), working(Worker(database, "b", 30.0)):
        for number in range(1, 31):
            await ask(database, other, range(number, number + 1))
        await all_closed(database, other, 30)
    first, second = await texts(database, one, range(31)), await texts(database, other, range(31))
    # Of two equal children the one that is stored first stands: only its number may differ.
    assert set(first.values()) == set(second.values())
    assert len(first) > 15


async def test_children_that_the_run_has_are_drawn_again(database: Database) -> None:
    """A program with two numbers to toggle soon repeats itself; most repetitions are replaced before they are refused."""
    run = await new_run(database, "# EVOLVE-BLOCK-START\nX = 5\n# EVOLVE-BLOCK-END\n")
    async with working(Worker(database, "w", 30.0)):
        for start in range(1, 61, 4):
            await ask(database, run, range(start, start + 4))
            found = await all_closed(database, run, start + 3)
    assert sum(state == "answered" for state, _, _ in found.values()) > 25


async def test_a_program_without_anything_to_change_is_refused(database: Database) -> None:
    run = await new_run(database, "# EVOLVE-BLOCK-START\n# EVOLVE-BLOCK-END\nX = 5\n")
    step = TuningStep(session=2, generation=0, index=0, population=4)
    async with working(Worker(database, "w", 30.0)):
        await ask(database, run, range(1, 2))
        await ask(database, run, range(2, 3), choice(Operator.TUNE, tuning=step))
        found = await all_closed(database, run, 2)
    assert found == dict.fromkeys((1, 2), ("refused", Refusal.NOTHING_TO_CHANGE.value, None))


async def score(database: Database, scores: dict[int, float | None]) -> None:
    """Finish all queued evaluations; None is a crash."""
    async with database.begin() as connection:
        machine = await machines.register(connection, {"cpu": "toy", "cores": 2})
        taken = await evaluations.claim(connection, "e", 100, 10.0, Tier.PLAIN)
        finished = [FinishedEvaluation(one.lease, _outcome(scores.get(one.number)), 0.01, machine) for one in taken]
        await evaluations.finish(connection, finished)


def _outcome(value: float | None) -> Outcome:
    return Outcome(Verdict.CRASHED if value is None else Verdict.SCORED, value, {}, {}, ())


async def test_tuning_goes_on_from_the_scores_in_the_database(database: Database) -> None:
    text = RULE.replace("lr * g", "(0.5 * lr + 0.25) * g")
    run = await new_run(database, text)
    population, first = 4, 1
    expected: TuningSession | None = None
    for generation in range(3):
        # A fresh worker each time: it knows nothing but the database.
        async with working(Worker(database, "w", 30.0)):
            numbers = range(first + generation * population, first + (generation + 1) * population)
            for index, number in enumerate(numbers):
                step = TuningStep(session=first, generation=generation, index=index, population=population)
                await ask(database, run, range(number, number + 1), choice(Operator.TUNE, tuning=step))
            await all_closed(database, run, numbers[-1])
        proposer = MutationProposer()
        expected = expected or TuningSession(proposer._read(*await _seed(database, run)), 7, first, population)
        stored = await texts(database, run, numbers)
        assert [stored[number] for number in numbers] == [expected.candidate(i).files["rule.py"] for i in range(population)]
        scores = {number: None if index == 1 else -float(index) for index, number in enumerate(numbers)}
        await score(database, scores)
        expected.tell(list(scores.values()))
    async with database.begin() as connection:
        earlier = await tuning_views.earlier_scores(connection, run, first, 2)
        assert earlier == {(g, i): -float(i) for g in (0, 1) for i in (0, 2, 3)}
        assert await tuning_views.earlier_scores(connection, run, first, 0) == {}


async def _seed(database: Database, run: int) -> tuple[Program, Language]:
    async with database.begin() as connection:
        return (await programs.load(connection, run, [0]))[0], problem().definition.language


class Scripted:
    """A proposer that answers as the test says, like a model that takes its time."""

    def __init__(self, result: Child | Refused, wait_s: float = 0.0) -> None:
        self.result = result
        self.wait_s = wait_s
        self.at_once = 0
        self.most = 0
        self.asked: list[int] = []
        self.called = asyncio.Event()

    def held_up(self) -> dict[str, int]:
        return {}

    async def propose(self, claimed: ClaimedProposal, problem: Problem) -> Child | Refused:
        assert problem.definition.name == "rule"
        self.called.set()
        self.asked.append(claimed.number)
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        await asyncio.sleep(self.wait_s)
        self.at_once -= 1
        if isinstance(self.result, Child):
            return Child({path: text.replace("NUMBER", str(claimed.number)) for path, text in self.result.files.items()})
        return self.result


async def test_models_are_asked_side_by_side_while_mutation_goes_on(database: Database) -> None:
    run = await new_run(database)
    model = Scripted(Child({"rule.py": RULE.replace("0.1", "0.NUMBER1")}), wait_s=0.7)
    started = time.monotonic()
    async with working(Worker(database, "w", 30.0, model, 64)):
        await ask(database, run, range(1, 71), choice(Operator.DIFF))
        await ask(database, run, range(71, 91))
        found = await all_closed(database, run, 90)
    assert model.most == 64
    assert time.monotonic() - started < 5.0
    assert all(found[number][0] == "answered" for number in range(11, 71))


async def test_what_a_model_answers_is_checked(database: Database) -> None:
    run = await new_run(database)
    cases = {
        Refusal.SYNTAX_ERROR: Child({"rule.py": RULE.replace("p - lr", "p - - (lr")}),
        Refusal.OUTSIDE_EVOLVE_BLOCK: Child({"rule.py": RULE.replace("# EVOLVE-BLOCK-END", "")}),
        Refusal.DUPLICATE: Child({"rule.py": RULE.replace("# the step", "")}),
        Refusal.BUDGET: Refused(Refusal.BUDGET, "nothing is left"),
    }
    for number, (reason, result) in enumerate(cases.items(), start=1):
        async with working(Worker(database, "w", 30.0, Scripted(result))):
            await ask(database, run, range(number, number + 1), choice(Operator.REWRITE))
            found = await all_closed(database, run, number)
        assert found[number][1] == reason.value


async def test_programs_of_people_are_checked_as_any_child_is(database: Database) -> None:
    run = await new_run(database)
    cases = {
        None: RULE.replace("p - lr", "p - 2 * lr"),
        Refusal.SYNTAX_ERROR: RULE.replace("p - lr", "p - - (lr"),
        Refusal.OUTSIDE_EVOLVE_BLOCK: RULE.replace("# EVOLVE-BLOCK-END", ""),
        Refusal.DUPLICATE: RULE.replace("# the step", ""),
        Refusal.TOO_LONG: RULE.replace("# EVOLVE-BLOCK-END", f"# {'x' * 200_000}\n# EVOLVE-BLOCK-END"),
    }
    inserted = sa.text(
        "INSERT INTO command (run, kind, payload) VALUES (:run, 'inject_program', "
        "jsonb_build_object('files', jsonb_build_object('rule.py', CAST(:text AS text)))) RETURNING id"
    )
    for number, text in enumerate(cases.values(), start=1):
        async with database.begin() as connection:
            command = (await connection.execute(inserted, {"run": run, "text": text})).scalar_one()
            given = replace(choice(Operator.INJECT), injection=command)
            await proposals.ask(connection, run, [(number, 0, given)])
    async with working(Worker(database, "w", 30.0)):
        found = await all_closed(database, run, len(cases))
    assert [found[number][1] for number in sorted(found)] == [None if reason is None else reason.value for reason in cases]
    assert (await texts(database, run, range(1, 2)))[1] == cases[None]


async def test_without_models_their_proposals_are_left_to_others(database: Database) -> None:
    run = await new_run(database)
    async with working(Worker(database, "w", 30.0)):
        await ask(database, run, range(1, 2), choice(Operator.DIFF))
        await ask(database, run, range(2, 3))
        await asyncio.sleep(0.3)
        assert {number: state[0] for number, state in (await states(database, run)).items()} == {1: "queued", 2: "answered"}


async def test_leases_of_slow_calls_are_renewed(database: Database) -> None:
    run = await new_run(database)
    model = Scripted(Refused(Refusal.NO_ANSWER), wait_s=2.5)
    async with working(Worker(database, "w", 1.0, model)):
        await ask(database, run, range(1, 3), choice(Operator.DIFF))
        for _ in range(8):
            await asyncio.sleep(0.25)
            async with database.begin() as connection:
                assert (await leases.expire(connection)).proposals_requeued == 0
        await all_closed(database, run, 2)
    assert sorted(model.asked) == [1, 2]


async def test_a_call_whose_lease_is_lost_is_dropped(database: Database) -> None:
    run = await new_run(database)
    model = Scripted(Refused(Refusal.NO_ANSWER), wait_s=60.0)
    async with working(Worker(database, "w", 1.0, model)):
        await ask(database, run, range(1, 2), choice(Operator.DIFF))
        await model.called.wait()
        async with database.begin() as connection:
            await connection.execute(sa.update(t.proposal).values(lease=10**9, lease_owner="other"))
        await asyncio.sleep(0.8)
        assert model.at_once == 1, "the call goes on, or was dropped without being noticed"
        assert (await states(database, run))[1][0] == "leased"
    async with database.begin() as connection:
        assert await proposals.claim(connection, "x", 1, 1.0, MODEL_OPERATORS) == []


async def test_a_lost_database_is_waited_for(database: Database, database_url: str) -> None:
    run = await new_run(database)
    async with Database(database_url) as own, working(Worker(own, "w", 30.0)):
        await ask(database, run, range(1, 9))
        await all_closed(database, run, 8)
        async with database.begin() as connection:
            backend = sa.func.pg_backend_pid()
            others = sa.text("pid FROM pg_stat_activity WHERE datname = current_database()")
            pids = [
                pid
                for (pid,) in await connection.execute(sa.select(others))
                if pid != await connection.scalar(sa.select(backend))
            ]
            assert [await connection.scalar(sa.select(sa.func.pg_terminate_backend(pid))) for pid in pids]
        await database.engine.dispose()
        await ask(database, run, range(9, 17))
        await all_closed(database, run, 16)


async def test_the_process_works_and_stops_when_told(database: Database, database_url: str) -> None:
    run = await new_run(database)
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith("GALAPAGOS_")},
        "GALAPAGOS_DATABASE_URL": database_url,
    }
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "workers", cwd=ROOT, env=environment)
    try:
        await ask(database, run, range(1, 33))
        await all_closed(database, run, 32)
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(15):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_settings_and_imports(database_url: str) -> None:
    base = {"PATH": os.environ["PATH"], "GALAPAGOS_DATABASE_URL": database_url}
    wrong = {
        "GALAPAGOS_LEASE": {**base, "GALAPAGOS_LEASE": "3"},
        "GALAPAGOS_MODELS": {**base, "GALAPAGOS_MODELS": "/nowhere/models.toml"},
        "scheme": {**base, "GALAPAGOS_DATABASE_URL": "mysql://x/y"},
    }
    for word, environment in wrong.items():
        command = [sys.executable, "-m", "workers"]
        done = await asyncio.to_thread(
            subprocess.run, command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=30, check=False
        )
        assert done.returncode == 2, done.stderr
        assert word in done.stderr
    code = "import sys, workers.__main__; print(sorted({'openai', 'rich', 'pyarrow', 'httpx'} & set(sys.modules)))"
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout.strip() == "[]"
