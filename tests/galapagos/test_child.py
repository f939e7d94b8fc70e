import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from galapagos.child import Child, KeepsDying, executed

SLEEP = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"]


def supervised(command: list[str], log: Path) -> Child:
    return Child("child", executed(command, dict(os.environ), log), log)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return state != "Z"


async def _until(condition: object, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, "waited in vain"
        await asyncio.sleep(0.02)


async def test_a_killed_child_is_started_again(tmp_path: Path) -> None:
    child = supervised(SLEEP, tmp_path / "log")
    task = asyncio.create_task(child.keep_alive())
    await _until(lambda: child.pid is not None)
    first = child.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await _until(lambda: child.pid not in {None, first})
    assert child.restarts == 1
    second = child.pid
    await child.stop()
    await task
    assert second is not None
    assert not _alive(second)
    assert child.pid is None


async def test_one_that_ends_at_once_again_and_again_is_given_up_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("galapagos.child.FIRST_PAUSE_S", 0.001)
    child = supervised([sys.executable, "-S", "-c", "raise SystemExit('no such setting')"], tmp_path / "log")
    with pytest.raises(KeepsDying, match="no such setting"):
        await child.keep_alive()


async def test_one_that_ignores_the_request_is_killed(tmp_path: Path) -> None:
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    child = supervised([sys.executable, "-c", deaf], tmp_path / "log")
    task = asyncio.create_task(child.keep_alive())
    await _until(lambda: "up" in child.last_words())
    pid = child.pid
    await child.stop(grace_s=0.2)
    await task
    assert pid is not None
    assert not _alive(pid)


def test_nothing_outlives_a_killed_parent(tmp_path: Path) -> None:
    parent = f"""
import asyncio, os, sys
from pathlib import Path
from galapagos.child import Child, executed
async def main():
    log = Path({str(tmp_path / "log")!r})
    child = Child("sleeper", executed({SLEEP!r}, dict(os.environ), log), log)
    task = asyncio.create_task(child.keep_alive())
    while child.pid is None or "up" not in child.last_words():
        await asyncio.sleep(0.01)
    print(child.pid, flush=True)
    await task
asyncio.run(main())
"""
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        assert _alive(pid)
        process.kill()
        process.wait()
    deadline = time.monotonic() + 5
    while _alive(pid):
        assert time.monotonic() < deadline, "the child outlived its parent"
        time.sleep(0.02)
