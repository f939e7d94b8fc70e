"""The GPUs of one process of evaluators: taken for a stage, watched while it runs, given back clean or set aside."""

import asyncio
import logging
import os
import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from database.gpus import FIRST_PAUSE_S, GpuLease
from evaluators.faults import HostFault
from evaluators.gpu_leases import GpuLeases
from evaluators.harness.galapagos_family import family
from evaluators.nvml import Device, DeviceLost, Driver, GpuLook
from evolution.gpu import GpuHealth, GpuState, GpuUse

log = logging.getLogger(__name__)

POLL_S = 0.25
"""How often a slot asks again for a device that another process has."""
WATCH_S = 1.0
CLEAN_S = 5.0
"""So long a device may take to be clean, and again so long after its boxes were ended."""
ANSWER_S = 10.0
"""A driver that does not answer within this time has lost the device."""
SLACK_MIB = 64
"""The driver's own memory on a device changes by less."""
_CLEAN_POLL_S = 0.02


class NoGpuFree(HostFault):
    """Every device is set aside: nothing was tried, so an evaluation that needs one waits and loses no attempt."""


@dataclass(slots=True)
class HeldGpu:
    """A device that a slot holds. `last` is how it was when last looked at, `trouble` why the work on it must end."""

    device: Device
    lease: GpuLease
    since: float
    before: GpuState
    last: GpuState
    trouble: "asyncio.Future[tuple[GpuHealth, str]]"

    @property
    def use(self) -> GpuUse:
        """How the device was before the work and after it."""
        return GpuUse(self.before, self.last)


class Gpus:
    """Devices, at least one, which `leases` gives out.

    With `tells_processes` a process on a device that is none of this one's descendants is somebody else's. Containers are
    Docker's children: what computes in them cannot be told from others, so only before and after a stage nobody may be there.
    """

    def __init__(self, driver: Driver, devices: Sequence[Device], leases: GpuLeases, *, tells_processes: bool) -> None:
        self._driver = driver
        self._devices = {device.gpu.uuid: device for device in devices}
        self._leases = leases
        self._tells_processes = tells_processes
        self._held: dict[str, HeldGpu] = {}
        self._aside: dict[str, tuple[float, str]] = {}
        self._least_mib: dict[str, int] = {}
        self._given_back = asyncio.Event()

    @property
    def devices(self) -> tuple[Device, ...]:
        """All of them."""
        return tuple(self._devices.values())

    @property
    def held(self) -> list[HeldGpu]:
        """Those that slots of this process hold."""
        return list(self._held.values())

    def usable(self) -> list[str]:
        """Those that this process has not set aside for now."""
        now = time.monotonic()
        return [uuid for uuid in self._devices if self._aside.get(uuid, (now, ""))[0] <= now]

    async def take(self, preferred: str | None = None, run: int | None = None) -> HeldGpu:
        """Wait for a device and take it for `run`, `preferred` if it is free; one that is not clean is set aside.

        Raises:
            NoGpuFree: every device is set aside.
        """
        while True:
            usable = self.usable()
            if not usable:
                raise NoGpuFree(f"every GPU of this machine is set aside: {'; '.join(why for _, why in self._aside.values())}")
            self._given_back.clear()
            lease = await self._leases.lease(usable, preferred, run)
            if lease is None:
                await self._until_given_back()
                continue
            held = await self._begun(lease)
            if held is not None:
                return held

    async def _until_given_back(self) -> None:
        try:
            async with asyncio.timeout(POLL_S):
                await self._given_back.wait()
        except TimeoutError:
            return

    async def _begun(self, lease: GpuLease) -> HeldGpu | None:
        device = self._devices[lease.uuid]
        try:
            seen = await self._look(device)
        except DeviceLost as error:
            await self._set_aside(lease, GpuHealth.LOST, _lost(device, error))
            return None
        except BaseException:
            await self._leases.release(lease)
            raise
        if left := self._left(seen, self._least_mib[lease.uuid]):
            await self._set_aside(lease, GpuHealth.BUSY, f"{lease.uuid} is busy: {left}")
            return None
        trouble: asyncio.Future[tuple[GpuHealth, str]] = asyncio.get_running_loop().create_future()
        held = HeldGpu(device, lease, time.monotonic(), seen.state, seen.state, trouble)
        self._held[lease.uuid] = held
        return held

    async def _look(self, device: Device) -> GpuLook:
        """Look at a device.

        Raises:
            DeviceLost: there is no answer.
        """
        try:
            async with asyncio.timeout(ANSWER_S):
                seen = await asyncio.to_thread(self._driver.look, device.gpu)
        except TimeoutError:
            raise DeviceLost(f"no answer within {ANSWER_S:g} s") from None
        uuid, used = device.gpu.uuid, seen.state.memory_used_mib or 0
        self._least_mib[uuid] = min(used, self._least_mib.get(uuid, used))
        return seen

    def _left(self, seen: GpuLook, idle_mib: int) -> str:
        """What keeps a device from being clean; nothing if it is."""
        if seen.processes:
            return f"{_processes(seen.processes)} on it"
        more = (seen.state.memory_used_mib or 0) - idle_mib
        return f"{more} MiB more of its memory are in use than when it was idle" if more > SLACK_MIB else ""

    async def watch(self, held: HeldGpu) -> None:
        """Look at a held device again and again, until there is trouble."""
        while not held.trouble.done():
            await asyncio.sleep(WATCH_S)
            await self.check(held)

    async def check(self, held: HeldGpu) -> None:
        """Look at a held device now; what is wrong becomes its trouble."""
        try:
            seen = await self._look(held.device)
        except DeviceLost as error:
            self._trouble(held, GpuHealth.LOST, _lost(held.device, error))
            return
        held.last = seen.state
        if self._tells_processes and (others := self._others(seen.processes)):
            self._trouble(held, GpuHealth.BUSY, f"{held.lease.uuid} is busy: somebody else's {_processes(others)} on it")

    def _others(self, pids: Collection[int]) -> set[int]:
        """Those that live and are none of ours."""
        others = set(pids)
        # Twice: one that begins between the looks is in no family.
        for _ in range(2):
            if not others:
                return others
            others -= set(family(os.getpid()))
        return {pid for pid in others if Path("/proc", str(pid)).exists()}

    def _trouble(self, held: HeldGpu, health: GpuHealth, cause: str) -> None:
        if not held.trouble.done():
            held.trouble.set_result((health, cause))

    def let_go(self, lost: Iterable[HeldGpu]) -> None:
        """Note that the leases of these were lost: what runs on them must end."""
        for held in lost:
            self._trouble(
                held, GpuHealth.BUSY, f"the lease of {held.lease.uuid} was lost: it was not renewed in time, and another has it"
            )

    async def clean(self, held: HeldGpu) -> str:
        """Wait until nothing of the work is left on a device; returns what is, nothing if it is clean."""
        deadline = time.monotonic() + CLEAN_S
        while True:
            try:
                seen = await self._look(held.device)
            except DeviceLost as error:
                self._trouble(held, GpuHealth.LOST, _lost(held.device, error))
                return _lost(held.device, error)
            left = self._left(seen, held.before.memory_used_mib or 0)
            if not left or time.monotonic() > deadline:
                return left
            await asyncio.sleep(_CLEAN_POLL_S)

    async def give_back(self, held: HeldGpu, left: str) -> bool:
        """Give a device back, or set it aside if there was trouble or something is `left` on it.

        Returns whether it was held to the end: if its lease ran out, others may have worked on it.
        """
        kept = True
        try:
            if held.trouble.done():
                await self._set_aside(held.lease, *held.trouble.result())
            elif left:
                kept = await self._set_aside(held.lease, GpuHealth.BUSY, f"{held.lease.uuid} is not clean: {left}")
            else:
                kept = await self._leases.release(held.lease)
                self._aside.pop(held.lease.uuid, None)
        finally:
            del self._held[held.lease.uuid]
            self._given_back.set()
        return kept

    async def _set_aside(self, lease: GpuLease, health: GpuHealth, cause: str) -> bool:
        """Set a device aside; False if its lease was lost, so that others were told nothing."""
        told_s = await self._leases.set_aside(lease, health, cause)
        pause_s = FIRST_PAUSE_S if told_s is None else told_s
        log.warning("%s; it is set aside for %.0f s", cause, pause_s)
        self._aside[lease.uuid] = time.monotonic() + pause_s, cause
        return told_s is not None

    async def states(self) -> list[GpuState]:
        """How all of them fare, those that are lost left out."""
        found: list[GpuState] = []
        for device in self.devices:
            try:
                found.append((await self._look(device)).state)
            except DeviceLost as error:
                log.info("%s", _lost(device, error))
        return found

    def close(self) -> None:
        """Let the driver go."""
        self._driver.close()


def _lost(device: Device, error: DeviceLost) -> str:
    return f"{device.gpu.uuid} was lost: its driver says: {error}"


def _processes(pids: Collection[int]) -> str:
    named = ", ".join(map(str, sorted(pids)[:5]))
    return f"process {named} computes" if len(pids) == 1 else f"processes {named} compute"
