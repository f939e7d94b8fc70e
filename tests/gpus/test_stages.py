"""Stages that hold a GPU, in real boxes under a real pool; only the driver is a test's."""

import asyncio
from pathlib import Path

import pytest
import sqlalchemy as sa

from database import gpus as stored
from database.engine import Database
from database.tables import machine
from evaluators import gpus as module
from evaluators.check import check_problem
from evolution.evaluation import EvaluationState, Tier
from evolution.problem import Problem
from tests.evaluators.queue_kit import new_run, queue_programs, rows, settled, until
from tests.evaluators.small_problems import JUDGE, problem
from tests.evaluators.test_pool import serving
from tests.gpus.driver import UUIDS, StandIn

STAGES = '[[stages]]\nname = "cheap"\n[[stages]]\nname = "score"\ntimeout_s = 60\ngpus = 1\n'
LOOKS = """\
# EVOLVE-BLOCK-START
def answer(x):
    import os, resource
    device = os.environ.get("CUDA_VISIBLE_DEVICES", "none")
    opened = []
    for name in ("nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm"):
        try:
            with open("/dev/" + name, "r+b", buffering=0) as file:
                file.read(1)
                opened.append(name)
        except OSError:
            pass
    bound = resource.getrlimit(resource.RLIMIT_AS)[0]
    return [device, opened, bound == resource.RLIM_INFINITY]
# EVOLVE-BLOCK-END
"""
TELLS = """\
def evaluate(candidate, context):
    import os
    own = os.environ.get("CUDA_VISIBLE_DEVICES", "none")
    return {"score": 1.0, "feedback": repr([candidate.call("answer", 0.0), own])}
"""


def hungry(judge: str = JUDGE, stages: str = '[[stages]]\nname = "score"\ngpus = 1\n', **more: str) -> Problem:
    return problem(judge, stages=stages, **more)


async def test_a_stage_with_a_gpu_gets_that_device_alone_and_its_score_tells_where_it_was_made(
    driver: StandIn, database: Database, database_url: str, tmp_path: Path
) -> None:
    driver.change(UUIDS[0], pids=(1,))
    run = await new_run(database, hungry(TELLS, STAGES, seed=LOOKS))
    async with serving(database_url, tmp_path, slots=1):
        (row,) = await settled(database, run)
    cheap, score = row.stored["stages"]
    assert cheap["feedback"] == "[['none', [], False], 'none']"
    assert score["feedback"] == repr([[UUIDS[1], ["nvidia1", "nvidiactl", "nvidia-uvm"], True], "none"])
    assert (cheap["gpu_s"], cheap["gpu"]) == (0.0, None)
    assert 0 < score["gpu_s"] == row.stored["gpu_s"]
    assert score["gpu"]["before"]["gpu"]["uuid"] == UUIDS[1]
    assert score["gpu"]["after"]["sm_clock_max_mhz"] == 1410
    async with database.begin() as connection:
        described = sa.select(machine.c.description).where(machine.c.fingerprint == row.stored["machine"])
        assert (await connection.execute(described)).scalar_one()["gpu"] == "NVIDIA A100-SXM4-40GB"
        busy, free = await stored.known(connection)
    assert (busy.state.health, busy.state.cause) == ("busy", f"{UUIDS[0]} is busy: process 1 computes on it")
    assert (free.state.health, free.owner) == ("free", None)


async def test_a_judge_that_wants_the_device_has_it_too(
    driver: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = hungry(TELLS, '[[stages]]\nname = "score"\ngpus = 1\njudge_gpu = true\n', seed=LOOKS)
    report = await check_problem(chosen, Tier.PLAIN, tmp_path)
    assert report.errors == []
    assert report.search is not None
    assert report.search.stages[0].feedback.endswith(f"'{UUIDS[0]}']")


async def test_a_device_that_is_lost_in_the_middle_costs_the_candidate_nothing(
    driver: StandIn, database: Database, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WATCH_S", 0.05)
    seed = "# EVOLVE-BLOCK-START\ndef answer(x):\n    import time; time.sleep(0.6)\n    return 2 * x\n# EVOLVE-BLOCK-END\n"
    run = await new_run(database, hungry(seed=seed))
    async with serving(database_url, tmp_path, slots=1):
        assert await _held_for(database) == run
        driver.change(UUIDS[0], lost=1)
        (row,) = await until(database, run, lambda found: found[0].host_fault is not None)
        wanted = f"in stage 'score', repeat 0: {UUIDS[0]} was lost: its driver says: GPU is lost"
        assert row.host_fault == wanted
        (row,) = await settled(database, run)
    assert (row.score, row.attempt) == (6.0, 2)
    assert row.stored["stages"][0]["gpu"]["before"]["gpu"]["uuid"] == UUIDS[1]
    assert row.stored["gpu_s"] > row.stored["stages"][0]["gpu_s"]


async def test_where_every_device_is_busy_work_waits_and_loses_no_attempt_and_goes_on_when_one_is_free(
    driver: StandIn, database: Database, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "FIRST_PAUSE_S", 0.2)
    for uuid in UUIDS[:2]:
        driver.change(uuid, pids=(1,))
    run = await new_run(database, hungry())
    async with serving(database_url, tmp_path, slots=1):
        (row,) = await until(database, run, lambda found: found[0].host_fault is not None)
        assert str(row.host_fault).startswith("every GPU of this machine is set aside: ")
        driver.change(UUIDS[1], pids=())
        (row,) = await settled(database, run)
    assert (row.score, row.attempt) == (6.0, 1)


async def test_a_score_of_a_lease_that_ran_out_and_went_to_another_does_not_count(
    driver: StandIn, database: Database, database_url: str, tmp_path: Path
) -> None:
    seed = "# EVOLVE-BLOCK-START\ndef answer(x):\n    import time; time.sleep(0.5)\n    return 2 * x\n# EVOLVE-BLOCK-END\n"
    run = await new_run(database, hungry(seed=seed))
    async with serving(database_url, tmp_path, slots=1):
        await _held_for(database)
        async with database.begin() as connection:
            await connection.execute(sa.text("UPDATE gpu SET lease_until = now() - interval '1 s' WHERE lease IS NOT NULL"))
            assert await stored.lease(connection, "another", UUIDS[:1], 60.0) is not None
        (row,) = await until(database, run, lambda found: found[0].host_fault is not None)
        assert row.host_fault == f"the lease of {UUIDS[0]} ran out before its stage ended: others may have worked on it"
        (row,) = await settled(database, run)
    assert row.score == 6.0
    assert row.stored["stages"][0]["gpu"]["before"]["gpu"]["uuid"] == UUIDS[1]


async def _held_for(database: Database) -> int | None:
    """Wait until somebody holds a device; tells the run for which it is held."""
    async with asyncio.timeout(30):
        while True:
            async with database.begin() as connection:
                for found in await stored.known(connection):
                    if found.owner is not None:
                        return found.run
            await asyncio.sleep(0.02)


async def test_a_candidate_that_fails_since_its_device_was_lost_is_not_to_blame(
    driver: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = hungry(seed=LOOKS.replace("import os, resource", "import time; time.sleep(0.4); raise RuntimeError('CUDA error')"))

    async def lose() -> None:
        await asyncio.sleep(0.2)
        for uuid in UUIDS[:2]:
            driver.change(uuid, lost=1)

    monkeypatch.setattr(module, "WATCH_S", 30.0)
    losing = asyncio.create_task(lose())
    report = await check_problem(chosen, Tier.NAMESPACES, tmp_path)
    await losing
    assert report.search is None
    assert "was lost: its driver says: GPU is lost" in report.errors[0]


async def test_an_evaluator_without_a_gpu_leaves_such_work_alone(database: Database, database_url: str, tmp_path: Path) -> None:
    hungry_run, frugal = await new_run(database, hungry()), await new_run(database, problem())
    await queue_programs(database, frugal, ["return x"])
    async with serving(database_url, tmp_path, slots=1):
        await settled(database, frugal)
    (row,) = await rows(database, hungry_run)
    assert (row.state, row.attempt) == (EvaluationState.QUEUED, 0)
