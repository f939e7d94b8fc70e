"""A candidate that does not end at once is left to die in its box, and the next one runs in another."""

import asyncio
import os
import signal

import pytest

from evaluators import recycling
from evaluators.box import Box
from evaluators.confinement import Role
from evaluators.harness.galapagos_family import family
from evaluators.local_sandbox import LocalSandbox
from evaluators.sandbox import Cause, Packages
from evolution.evaluation import Tier
from tests.sandbox.jobs import PROBLEM, job
from tests.tiers import LOCAL

_ALIVE = "import os\ndef f():\n    open('left', 'w').close()\n    return os.listdir('.')\n"
_LINGERS = """
import os, time
def f():
    open('left', 'w').close()
    for _ in range(4):
        if os.fork() == 0:
            os.setsid()
            x = bytearray(8 << 20)
            x[::4096] = bytes(len(x) // 4096)
            time.sleep(60)
    time.sleep(60)
"""


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody who was killed is waited for."""
    monkeypatch.setattr(recycling, "SOON_S", 0.0)
    monkeypatch.setattr(recycling, "LONG_S", 0.0)


def _box(sandbox: LocalSandbox) -> Box:
    return sandbox._boxes[Role.CANDIDATE]  # pyright: ignore[reportPrivateUsage] - nothing else tells boxes apart


async def _lingering(sandbox: LocalSandbox, source: str = _LINGERS) -> Box:
    """The box in which a candidate was killed; it may be dying there still."""
    result = await sandbox.run(job(source, timeout_s=0.3))
    assert result.cause is Cause.TIMED_OUT, result
    assert result.cpu_s > 0
    return _box(sandbox)


async def _serves(sandbox: LocalSandbox) -> Box:
    result = await sandbox.run(job(_ALIVE))
    assert result.value is not None, result
    assert result.value.feedback == "['left']"
    return _box(sandbox)


@pytest.mark.parametrize("tier", LOCAL)
async def test_the_next_runs_elsewhere_and_nothing_stays(tier: Tier) -> None:
    before = set(family(os.getpid()))
    sandbox = LocalSandbox(tier, PROBLEM, Packages())
    await sandbox.start()
    boxes = {await _serves(sandbox)}
    processes = len(set(family(os.getpid())) - before)
    for _ in range(8):
        dying = await _lingering(sandbox)
        boxes |= {dying, await _serves(sandbox)}
        assert not _box(sandbox).occupied
    assert len(boxes) == 2
    for box in boxes:
        await box.emptied()
    # The first box, the judges' box, and one more of as many processes as the first.
    assert processes < len(set(family(os.getpid())) - before) <= 2 * processes
    await sandbox.close()
    assert set(family(os.getpid())) == before


@pytest.mark.parametrize("tier", LOCAL)
async def test_a_slot_that_is_closed_meanwhile_leaves_nothing(tier: Tier) -> None:
    before = set(family(os.getpid()))
    sandbox = LocalSandbox(tier, PROBLEM, Packages())
    for _ in range(2):
        await _lingering(sandbox)
        await sandbox.close()
        assert set(family(os.getpid())) == before


@pytest.mark.parametrize("tier", LOCAL)
async def test_boxes_that_are_lost_while_a_candidate_dies_come_back(tier: Tier) -> None:
    sandbox = LocalSandbox(tier, PROBLEM, Packages())
    for _ in range(3):
        # Alone: helpers of one in tier plain would be nobody's without its zygote.
        dying = await _lingering(sandbox, "def f():\n    while True: pass\n")
        process = dying._process  # pyright: ignore[reportPrivateUsage] - the test is the one who hurts it
        assert process is not None
        for pid in list(family(process.pid)):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        # Who runs in a box at the moment of its loss is to be repeated, and the box is there for that.
        if (await sandbox.run(job(_ALIVE))).cause is not Cause.HOST_FAULT:
            continue
        await _serves(sandbox)
    await sandbox.close()


@pytest.mark.parametrize("bound", ["SOON_S", "LONG_S"])
async def test_candidates_that_end_before_long_need_no_second_box(bound: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recycling, bound, 5.0)
    sandbox = LocalSandbox(Tier.NAMESPACES, PROBLEM, Packages())
    first = await _lingering(sandbox)
    for _ in range(3):
        assert await _lingering(sandbox) is first
        assert await _serves(sandbox) is first
    await asyncio.sleep(0)
    await sandbox.close()
