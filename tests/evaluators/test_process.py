"""`python -m evaluators` as an operating system sees it: killed at any moment, stopped politely."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from database import leases
from database.engine import Database
from evolution.evaluation import EvaluationState
from tests.evaluators.queue_kit import Row, leased, new_run, queue_programs, rows, settled, until
from tests.evaluators.small_problems import problem

Process = asyncio.subprocess.Process


async def spawn(url: str, cache: Path) -> Process:
    settings = {"DATABASE_URL": url, "SLOTS": "2", "TIER": "namespaces", "CACHE": str(cache), "LEASE_S": "1.5"}
    environ = os.environ | {f"GALAPAGOS_{name}": value for name, value in settings.items()}
    return await asyncio.create_subprocess_exec(sys.executable, "-m", "evaluators", env=environ)


async def kill(process: Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.wait()


def descendants(pid: int) -> set[int]:
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except (FileNotFoundError, ProcessLookupError):
                continue
            parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


def exists(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


async def gone(pids: set[int]) -> None:
    async with asyncio.timeout(5):
        while True:
            if not any(map(exists, pids)):
                return
            await asyncio.sleep(0.05)


@asynccontextmanager
async def reaping(database: Database) -> AsyncGenerator[None]:
    """What the controller does all the time: take back overdue leases."""

    async def reap() -> None:
        while True:
            async with database.begin() as connection:
                await leases.expire(connection)
            await asyncio.sleep(0.2)

    task = asyncio.create_task(reap())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


def finished(found: list[Row]) -> int:
    return sum(row.state is EvaluationState.FINISHED for row in found)


async def test_kill_9_in_the_middle_loses_nothing_and_counts_everything_once(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    run = await new_run(database, problem())
    count = 60
    await queue_programs(database, run, [f"import time; time.sleep(0.02); return {n} * x" for n in range(1, count + 1)])
    async with reaping(database):
        for share in (0.2, 0.5):
            process = await spawn(database_url, tmp_path)
            try:
                await until(database, run, lambda found, least=int(share * count): finished(found) >= least)
                family = descendants(process.pid)
            finally:
                await kill(process)
            assert family
            await gone(family)
        before = await rows(database, run)
        process = await spawn(database_url, tmp_path)
        try:
            after = await settled(database, run)
        finally:
            await kill(process)
    assert 0 < finished(before) < len(before)
    assert len(after) == count + 1
    assert {row.number: row.score for row in after} == {0: 6.0} | {n: 3.0 * n for n in range(1, count + 1)}
    assert {row.verdict for row in after} == {"scored"}
    done = {row.number: row.stored for row in before if row.state is EvaluationState.FINISHED}
    assert all(row.stored == done[row.number] for row in after if row.number in done)
    assert max(row.attempt for row in after) > 1


async def test_sigterm_ends_it_politely(database: Database, database_url: str, tmp_path: Path) -> None:
    run = await new_run(database, problem(stages='[[stages]]\nname = "score"\ntimeout_s = 300\n'))
    await queue_programs(database, run, ["import time; time.sleep(100)"] * 4)
    process = await spawn(database_url, tmp_path)
    try:
        await until(database, run, lambda found: finished(found) == 1)
        await leased(database, run)
        family = descendants(process.pid)
        started = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 10) == 0
        assert time.monotonic() - started < 5.0
        await gone(family)
    finally:
        await kill(process)
    assert [row.state for row in await rows(database, run)] == [EvaluationState.FINISHED, *[EvaluationState.QUEUED] * 4]
