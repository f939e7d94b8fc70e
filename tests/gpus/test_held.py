"""Devices that are taken, watched and given back, on a driver that a test moves."""

import asyncio
import os
from collections.abc import Generator

import pytest

from evaluators import gpus as module
from evaluators.gpu_leases import OwnLeases
from evaluators.gpus import Gpus, HeldGpu, NoGpuFree
from evaluators.machine import describe_gpu
from evaluators.nvml import find_gpus
from evolution.evaluation import Tier
from evolution.gpu import GpuHealth, Throttle
from tests.gpus.driver import UUIDS, StandIn

SOMEBODY = 1
"""A process that lives and is none of ours."""


@pytest.fixture
def gpus(driver: StandIn, monkeypatch: pytest.MonkeyPatch) -> Generator[Gpus]:
    monkeypatch.setattr(module, "CLEAN_S", 0.1)
    monkeypatch.setattr(module, "WATCH_S", 0.01)
    found = find_gpus(Tier.NAMESPACES)
    assert found.driver is not None
    opened = Gpus(found.driver, found.devices, OwnLeases(), tells_processes=True)
    yield opened
    opened.close()


async def ended(gpus: Gpus, held: HeldGpu) -> bool:
    return await gpus.give_back(held, await gpus.clean(held))


async def test_two_take_two_devices_and_a_third_waits_for_one(gpus: Gpus) -> None:
    first, second = await gpus.take(), await gpus.take()
    assert [held.lease.uuid for held in (first, second)] == [*UUIDS[:2]]
    third = asyncio.create_task(gpus.take())
    await asyncio.sleep(0.05)
    assert not third.done()
    assert await ended(gpus, second)
    assert (await third).lease.uuid == UUIDS[1]


async def test_a_device_that_somebody_computes_on_is_passed_over_until_its_time_is_over(
    gpus: Gpus, driver: StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    driver.change(UUIDS[0], pids=(SOMEBODY, 4711))
    held = await gpus.take(preferred=UUIDS[0])
    assert held.lease.uuid == UUIDS[1]
    assert f"{UUIDS[0]} is busy: processes 1, 4711 compute on it; it is set aside for 15 s" in caplog.text
    assert gpus.usable() == [UUIDS[1]]


async def test_memory_that_somebody_unseen_holds_is_somebody(gpus: Gpus, driver: StandIn) -> None:
    await gpus.states()
    driver.change(UUIDS[0], used=4 + module.SLACK_MIB)
    await ended(gpus, await gpus.take(UUIDS[0]))
    driver.change(UUIDS[0], used=5 + module.SLACK_MIB)
    assert (await gpus.take(UUIDS[0])).lease.uuid == UUIDS[1]


async def test_where_no_device_is_left_the_fault_names_each(gpus: Gpus, driver: StandIn) -> None:
    driver.change(UUIDS[0], lost=1)
    driver.change(UUIDS[1], pids=(SOMEBODY,))
    with pytest.raises(NoGpuFree, match=f"{UUIDS[0]} was lost: its driver says: GPU is lost; {UUIDS[1]} is busy: process 1"):
        await gpus.take()
    assert gpus.usable() == []


@pytest.mark.parametrize(
    ("happens", "health", "words"),
    [
        ({"lost": 1}, GpuHealth.LOST, "was lost: its driver says: GPU is lost"),
        ({"pids": (SOMEBODY,)}, GpuHealth.BUSY, "is busy: somebody else's process 1 computes on it"),
    ],
)
async def test_what_befalls_a_device_in_the_middle_is_seen(
    gpus: Gpus, driver: StandIn, happens: dict[str, object], health: GpuHealth, words: str
) -> None:
    held = await gpus.take()
    watching = asyncio.create_task(gpus.watch(held))
    driver.change(UUIDS[0], pids=(os.getpid(),), used=900)
    await asyncio.sleep(0.1)
    assert not held.trouble.done()
    driver.change(UUIDS[0], **happens)
    async with asyncio.timeout(5):
        found, cause = await held.trouble
    assert (found, cause) == (health, f"{UUIDS[0]} {words}")
    await watching
    await gpus.give_back(held, "")
    assert gpus.usable() == [UUIDS[1]]


async def test_a_device_is_released_when_it_is_clean_and_no_sooner(gpus: Gpus, driver: StandIn) -> None:
    held = await gpus.take()
    driver.change(UUIDS[0], used=30_000, pids=(os.getpid(),))
    cleaning = asyncio.create_task(gpus.clean(held))
    await asyncio.sleep(0.05)
    driver.change(UUIDS[0], pids=())
    await asyncio.sleep(0.03)
    assert not cleaning.done()
    driver.change(UUIDS[0], used=4)
    assert await cleaning == ""
    await gpus.give_back(held, "")
    assert len(gpus.usable()) == 2


@pytest.mark.parametrize(
    ("left", "words"),
    [({"used": 3000}, "2996 MiB more of its memory are in use"), ({"pids": (4711,)}, "process 4711 computes on it")],
)
async def test_a_device_that_does_not_come_clean_is_set_aside(
    gpus: Gpus, driver: StandIn, caplog: pytest.LogCaptureFixture, left: dict[str, object], words: str
) -> None:
    held = await gpus.take()
    driver.change(UUIDS[0], **left)
    await ended(gpus, held)
    assert f"{UUIDS[0]} is not clean: {words}" in caplog.text
    assert gpus.usable() == [UUIDS[1]]


async def test_a_driver_that_does_not_answer_has_lost_the_device(gpus: Gpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ANSWER_S", 0.0)
    with pytest.raises(NoGpuFree, match="no answer within 0 s"):
        await gpus.take()


async def test_a_lease_that_was_lost_is_trouble(gpus: Gpus) -> None:
    held = await gpus.take()
    gpus.let_go([held])
    assert held.trouble.result()[0] is GpuHealth.BUSY
    assert "was not renewed in time" in held.trouble.result()[1]


async def test_what_a_score_is_kept_with_tells_the_model_and_how_it_fared(gpus: Gpus, driver: StandIn) -> None:
    held = await gpus.take()
    driver.change(UUIDS[0], clock=1980, throttle=0b100, used=5000)
    await gpus.check(held)
    use = held.use
    assert (use.before.sm_clock_mhz, use.after.sm_clock_mhz) == (345, 1980)
    assert (use.before.throttle, use.after.throttle) == ((Throttle.IDLE,), (Throttle.POWER_CAP,))
    said = describe_gpu(use.before)
    assert said == {
        "gpu": "NVIDIA H100 80GB HBM3",
        "gpu_driver": "570.86.15",
        "gpu_memory_mib": 81559,
        "gpu_power_limit_w": 700,
        "gpu_sm_clock_max_mhz": 1980,
    }
