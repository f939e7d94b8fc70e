"""The pool on a real Postgres with real sandboxes."""

import asyncio
import shutil
import tempfile
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from database import evaluations, leases, proposals
from database.embedded import EmbeddedPostgres
from database.engine import CONTROLLER, Database
from database.migrate import upgrade
from database.tables import evaluation, machine
from evaluators.machine import describe
from evaluators.pool import Pool
from evaluators.settings import EvaluatorSettings
from evolution.evaluation import EvaluationState, Tier, Verdict
from tests.evaluators.queue_kit import leased, new_run, queue_programs, rows, settled, until
from tests.evaluators.small_problems import problem

STAGE_OF_MINUTES = '[[stages]]\nname = "score"\ntimeout_s = 300\n'
SLEEPS = "# EVOLVE-BLOCK-START\ndef answer(x):\n    import time; time.sleep(2.5)\n    return 2 * x\n# EVOLVE-BLOCK-END\n"


@asynccontextmanager
async def serving(
    url: str, cache: Path, slots: int = 2, lease_s: float = 30.0, slot_folder: Path | None = None
) -> AsyncGenerator[asyncio.Event]:
    """A pool at work, in containers where `slot_folder` is given; the event stops it."""
    tier = Tier.NAMESPACES if slot_folder is None else Tier.CONTAINER
    settings = EvaluatorSettings(
        database_url=url, slots=slots, tier=tier, cache=cache, lease_s=lease_s, slot_folder=slot_folder
    )
    stop = asyncio.Event()
    async with Database(url) as opened:
        task = asyncio.create_task(Pool(opened, settings).run(stop))
        try:
            yield stop
        finally:
            stop.set()
            await task


async def test_everything_queued_is_judged_and_stored_with_its_machine(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    run = await new_run(database, problem())
    bodies = [f"return {number} * x" for number in range(1, 21)] + ["raise ValueError('mine')"]
    await queue_programs(database, run, bodies)
    async with database.listen(CONTROLLER) as listener, serving(database_url, tmp_path):
        assert CONTROLLER in await listener.wait(30)
        found = await settled(database, run)
    assert {row.number: row.score for row in found} == {0: 6.0, **{k: 3.0 * k for k in range(1, 21)}, 21: None}
    assert found[-1].verdict == Verdict.CRASHED
    assert {row.attempt for row in found} == {1}
    async with database.begin() as connection:
        ((fingerprint, description),) = (await connection.execute(sa.select(machine))).all()
    assert description == describe(Tier.NAMESPACES)
    assert {(row.stored["machine"], row.stored["tier"]) for row in found} == {(fingerprint, Tier.NAMESPACES)}
    assert all(row.stored["duration_s"] > 0 for row in found)
    assert found[0].stored["stages"][0]["samples"] == [6.0]


async def test_work_that_comes_later_is_found_without_a_notification(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    async with serving(database_url, tmp_path, slots=1):
        await asyncio.sleep(0.3)
        run = await new_run(database, problem())
        (row,) = await settled(database, run)
    assert row.score == 6.0


async def test_a_judge_that_always_raises_ends_abandoned_with_its_words(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    run = await new_run(database, problem("def evaluate(candidate, context):\n    raise KeyError('my data')\n"))
    async with serving(database_url, tmp_path, slots=1):
        (row,) = await settled(database, run)
    assert (row.state, row.verdict, row.score) == (EvaluationState.ABANDONED, None, None)
    assert row.attempt == leases.MAX_ATTEMPTS
    assert row.host_fault is not None
    assert "the judge failed in stage 'score', repeat 0" in row.host_fault
    assert "KeyError: 'my data'" in row.host_fault


async def test_packages_that_cannot_be_installed_end_in_words_too(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    wanted = '[environment]\npackages = ["galapagos-no-such-package-zq"]\n'
    run = await new_run(database, problem(tables=wanted))
    async with serving(database_url, tmp_path, slots=1):
        (row,) = await settled(database, run)
    assert row.state is EvaluationState.ABANDONED
    assert "galapagos-no-such-package-zq" in str(row.host_fault)


async def test_one_slot_serves_many_problems(database: Database, database_url: str, tmp_path: Path) -> None:
    found = [await new_run(database, problem(name=f"small_{letter}")) for letter in "abc"]
    async with serving(database_url, tmp_path, slots=1):
        scores = [(await settled(database, run))[0].score for run in found]
    assert scores == [6.0, 6.0, 6.0]


LOOKS = """
def look(candidate, context):
    return {"score": candidate.call("answer", 2.0), "fingerprint": str(candidate.call("answer", 2.0))}
def evaluate(candidate, context):
    return {"score": candidate.call("answer", 3.0)}
"""


async def test_a_program_that_behaves_as_one_taken_in_before_is_not_judged_to_the_end(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    stages = '[[stages]]\nname = "look"\nentry = "look"\n[[stages]]\nname = "score"\n'
    run = await new_run(database, problem(LOOKS, stages=stages))
    async with serving(database_url, tmp_path, slots=1):
        await settled(database, run)
        async with database.begin() as connection:
            await proposals.close(connection, run, [(0, 5)])
        await queue_programs(database, run, ["return 2 * x if x < 3 else 1 / 0", "return 4.5"], seen=5)
        found = await settled(database, run)
    assert [(row.verdict, row.score, row.stored["twin"]) for row in found] == [
        (Verdict.SCORED, 6.0, None),
        (Verdict.SCORED, 6.0, 0),
        (Verdict.SCORED, 4.5, None),
    ]


async def test_verifications_are_judged_with_their_picture(database: Database, database_url: str, tmp_path: Path) -> None:
    judge = """
def evaluate(candidate, context):
    return {"score": float(context.rng.integers(2**40))}
def draw(candidate, context):
    return "<svg/>"
"""
    run = await new_run(database, problem(judge, top='picture = "draw"'))
    async with serving(database_url, tmp_path, slots=1):
        await settled(database, run)
        async with database.begin() as connection:
            await evaluations.ask_verification(connection, run, [0])
        searched, verified = await settled(database, run)
    assert searched.score != verified.score
    assert searched.stored["picture"] is None
    assert verified.stored["picture"] is not None


async def test_a_stop_gives_back_at_once_what_cannot_end(database: Database, database_url: str, tmp_path: Path) -> None:
    slow = problem("def evaluate(c, x):\n    return {'score': c.call('answer', 1.0)}\n", stages=STAGE_OF_MINUTES)
    run = await new_run(database, slow)
    await queue_programs(database, run, ["import time; time.sleep(60)"] * 3)
    async with serving(database_url, tmp_path, slots=1) as stop:
        await until(database, run, lambda found: found[0].state is EvaluationState.FINISHED)
        await leased(database, run)
        stop.set()
        started = time.monotonic()
    assert time.monotonic() - started < 5.0
    seed, *others = await rows(database, run)
    assert seed.score == 2.0
    assert {(row.state, row.attempt, row.host_fault) for row in others} == {(EvaluationState.QUEUED, 0, None)}


async def test_heartbeats_keep_what_takes_longer_than_a_lease(database: Database, database_url: str, tmp_path: Path) -> None:
    run = await new_run(database, problem(stages=STAGE_OF_MINUTES, seed=SLEEPS))
    async with serving(database_url, tmp_path, slots=1, lease_s=1.0):
        await leased(database, run)
        for _ in range(4):
            await asyncio.sleep(0.5)
            async with database.begin() as connection:
                assert (await leases.expire(connection)).evaluations_requeued == 0
        (row,) = await settled(database, run)
    assert (row.score, row.attempt) == (6.0, 1)


async def test_who_lost_the_lease_writes_nothing(database: Database, database_url: str, tmp_path: Path) -> None:
    run = await new_run(database, problem(stages=STAGE_OF_MINUTES, seed=SLEEPS))
    async with serving(database_url, tmp_path, slots=1):
        await leased(database, run)
        async with database.begin() as connection:
            past = sa.func.now() - sa.text("interval '1 hour'")
            await connection.execute(sa.update(evaluation).values(lease_until=past))
            await leases.expire(connection)
            (mine,) = await evaluations.claim(connection, "a thief", 1, 60.0, Tier.NAMESPACES)
        await asyncio.sleep(3.5)
        (row,) = await rows(database, run)
    assert (row.state, row.score, row.attempt) == (EvaluationState.LEASED, None, 2)
    assert row.stored["lease"] == mine.lease.token


@pytest.fixture(scope="module")
def own_server() -> Generator[EmbeddedPostgres]:
    """A server that tests may end as they like, and leave running."""
    folder = Path(tempfile.mkdtemp(prefix="galapagos-test-pool-"))
    folder.chmod(0o755)
    server = EmbeddedPostgres(folder)
    try:
        server.start()
        asyncio.run(upgrade(server.url))
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


async def test_a_lost_database_loses_no_result(own_server: EmbeddedPostgres, tmp_path: Path) -> None:
    async with Database(own_server.url) as database:
        run = await new_run(database, problem(stages=STAGE_OF_MINUTES, seed=SLEEPS))
        async with serving(own_server.url, tmp_path, slots=1):
            await leased(database, run)
            own_server.stop()
            await asyncio.sleep(4.0)
            own_server.start()
            (row,) = await settled(database, run)
    assert (row.score, row.attempt) == (6.0, 1)


async def test_a_stop_does_not_wait_for_a_lost_database(own_server: EmbeddedPostgres, tmp_path: Path) -> None:
    async with Database(own_server.url) as database:
        run = await new_run(database, problem(stages=STAGE_OF_MINUTES, seed=SLEEPS))
        async with serving(own_server.url, tmp_path, slots=1) as stop:
            await leased(database, run)
            own_server.stop()
            stop.set()
            started = time.monotonic()
    took_s = time.monotonic() - started
    own_server.start()
    assert took_s < 5.0
