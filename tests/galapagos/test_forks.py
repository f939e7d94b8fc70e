"""Real forks of the real fork server."""

import asyncio
import json
import os
import select
import signal
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from galapagos.child import Child, KeepsDying
from galapagos.forks import Forks

MODULE = "tests.galapagos.forked_module"
KEY = "a key that only one process is told"


@pytest.fixture
async def forks(tmp_path: Path) -> AsyncGenerator[Forks]:
    made = Forks({"PATH": os.environ["PATH"], "PYTHONPATH": str(Path.cwd())}, tmp_path / "server")
    yield made
    await made.close()


def options(code: int = 0, sleeps_s: float = 60, **more: str) -> dict[str, str]:
    return {"CODE": str(code), "SLEEPS_S": str(sleeps_s), **more}


async def said(log: Path, number: int = 1) -> dict[str, Any]:
    for _ in range(1000):
        if len(lines := lines_of(log)) >= number:
            return json.loads(lines[number - 1])
        await asyncio.sleep(0.02)
    raise AssertionError(f"waited in vain for line {number}: {lines}")


def lines_of(log: Path) -> list[str]:
    return log.read_text().splitlines() if log.exists() else []


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def command_of(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text().rstrip("\0 ")


def memory_of(pid: int) -> bytes:
    """All that a process could have written."""
    found = []
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            place, rights = line.split()[:2]
            if rights.startswith("rw"):
                low, high = (int(end, 16) for end in place.split("-"))
                memory.seek(low)
                found.append(memory.read(high - low))
    return b"".join(found)


async def test_a_fork_is_a_process_of_its_own_with_its_environment_log_and_code(forks: Forks, tmp_path: Path) -> None:
    log = tmp_path / "log"
    process = await forks.of(MODULE, options(code=7, sleeps_s=0, KEY=KEY), log)()
    seen = await said(log)
    assert await process.wait() == process.returncode == 7
    assert seen == {"key": KEY, "home": None, "arguments": [MODULE], "session": process.pid}
    with pytest.raises(ProcessLookupError):
        process.send_signal(signal.SIGTERM)


async def test_a_key_is_in_the_memory_of_none_but_who_is_told(forks: Forks, tmp_path: Path) -> None:
    told = await forks.of(MODULE, options(KEY=KEY), tmp_path / "told")()
    other = await forks.of(MODULE, options(), tmp_path / "other")()
    assert ((await said(tmp_path / "told"))["key"], (await said(tmp_path / "other"))["key"]) == (KEY, None)
    assert KEY.encode() in memory_of(told.pid)
    assert KEY.encode() not in memory_of(other.pid)
    assert KEY.encode() not in memory_of(parent_of(told.pid))


async def test_processes_are_listed_by_their_modules(forks: Forks, tmp_path: Path) -> None:
    process = await forks.of(MODULE, options(), tmp_path / "log")()
    await said(tmp_path / "log")
    assert command_of(process.pid).endswith(f" -m {MODULE}")


async def test_when_the_server_is_killed_its_forks_die_and_come_back(forks: Forks, tmp_path: Path) -> None:
    log = tmp_path / "log"
    child = Child("fork", forks.of(MODULE, options(), log), log)
    task = asyncio.create_task(child.keep_alive())
    await said(log)
    first = child.pid
    assert first is not None
    pidfd = os.pidfd_open(first)
    os.kill(parent_of(first), signal.SIGKILL)
    await said(log, 2)
    assert child.pid not in {None, first}
    assert child.restarts == 1
    assert select.select([pidfd], [], [], 10)[0], "a fork outlived its server"
    os.close(pidfd)
    await child.stop()
    await task


async def test_without_a_server_the_reason_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("galapagos.forks.FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr("galapagos.forks.QUICK_DEATHS", 2)
    (tmp_path / "numpy.py").write_text("raise ImportError('not that numpy')\n")
    forks = Forks({"PATH": os.environ["PATH"], "PYTHONPATH": f"{tmp_path}:{Path.cwd()}"}, tmp_path / "server")
    with pytest.raises(KeepsDying, match="not that numpy"):
        await forks.of(MODULE, options(), tmp_path / "log")()
