"""The stages of a problem that hold a GPU: the sandbox in which they run, with the device that was taken for them."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from evaluators.faults import HostFault
from evaluators.gpu_access import access_to
from evaluators.gpu_leases import OwnLeases
from evaluators.gpus import Gpus, HeldGpu
from evaluators.nvml import Device, find_gpus, no_gpu
from evaluators.sandbox import Job, JobResult, Packages, Sandbox, SandboxUnavailable, open_sandbox
from evolution.evaluation import Tier
from evolution.gpu import GpuUse
from evolution.problem import Problem


class GpuPlace:
    """Where one stage runs. `seconds` for which its device was held and its `use` are known once the stage is left."""

    def __init__(self, gpus: Gpus, held: HeldGpu, sandbox: Sandbox) -> None:
        self._gpus = gpus
        self._held = held
        self._sandbox = sandbox
        self.seconds = 0.0

    @property
    def use(self) -> GpuUse:
        """How the device was before and after."""
        return self._held.use

    async def run(self, job: Job) -> JobResult:
        """Judge one candidate, see `Sandbox.run`.

        Raises:
            HostFault: the device was lost or somebody else uses it; what the candidate did or said counts nothing.
        """
        trouble = self._held.trouble
        work = asyncio.create_task(self._sandbox.run(job))
        try:
            await asyncio.wait({work, trouble}, return_when=asyncio.FIRST_COMPLETED)
            if not trouble.done():
                # What a candidate failed of may be the device's end, which nobody has seen yet.
                await self._gpus.check(self._held)
        finally:
            if not work.done():
                work.cancel()
            await asyncio.wait({work})
        if trouble.done():
            raise HostFault(f"in stage {job.stage!r}, repeat {job.repeat}: {trouble.result()[1]}")
        return work.result()


class GpuStages:
    """The GPU stages of one slot: `serve` a problem first. Its sandbox stays open while problem and device stay the same.

    `seconds` is how long devices were held for the evaluation that is under way, and `run` whose it is; the slot sets both.
    """

    def __init__(self, gpus: Gpus, tier: Tier, slot_folder: Path | None) -> None:
        self._gpus = gpus
        self._tier = tier
        self._slot_folder = slot_folder
        self._served: tuple[Problem, Packages] | None = None
        self._sandbox: Sandbox | None = None
        self._bound: str | None = None
        self.seconds = 0.0
        self.run: int | None = None

    def serve(self, problem: Problem, packages: Packages) -> None:
        """The stages are those of this problem from now on; `close` those of another one before."""
        self._served = problem, packages

    @asynccontextmanager
    async def stage(self) -> AsyncGenerator[GpuPlace]:
        """Hold a device for a stage.

        Raises:
            NoGpuFree: there is none to be had.
            HostFault: it was lost, or somebody else may have used it.
            SandboxUnavailable: its sandbox does not start.
        """
        held = await self._gpus.take(self._bound, self.run)
        place: GpuPlace | None = None
        watching = asyncio.create_task(self._gpus.watch(held))
        try:
            place = GpuPlace(self._gpus, held, await self._sandbox_with(held.device))
            yield place
        finally:
            watching.cancel()
            await asyncio.wait({watching})
            kept = await self._give_back(held)
            seconds = time.monotonic() - held.since
            self.seconds += seconds
            if place is not None:
                place.seconds = seconds
        if not kept:
            raise HostFault(f"the lease of {held.lease.uuid} ran out before its stage ended: others may have worked on it")

    async def _give_back(self, held: HeldGpu) -> bool:
        left = "" if held.trouble.done() else await self._gpus.clean(held)
        if left or held.trouble.done():
            # Whatever is on it may be in our boxes.
            await self.close()
            if not held.trouble.done():
                left = await self._gpus.clean(held)
        return await self._gpus.give_back(held, left)

    async def _sandbox_with(self, device: Device) -> Sandbox:
        if self._sandbox is None or self._bound != device.gpu.uuid:
            await self.close()
            self._sandbox, self._bound = self._new_sandbox(device), device.gpu.uuid
            await self._sandbox.start()
        return self._sandbox

    def _new_sandbox(self, device: Device) -> Sandbox:
        """The candidate's box has the device, and its judge's if the problem wants it."""
        if self._served is None:
            raise SandboxUnavailable("expected a problem whose stages hold a GPU; none is served")
        problem, packages = self._served
        access = access_to(device, judge=problem.definition.judge_gpu)
        return open_sandbox(self._tier, problem, packages, self._slot_folder, access)

    async def close(self) -> None:
        """End the sandbox; the next stage opens another one."""
        sandbox, self._sandbox = self._sandbox, None
        self._bound = None
        if sandbox is not None:
            await sandbox.close()


@asynccontextmanager
async def own_gpus(tier: Tier, problem: Problem) -> AsyncGenerator[Gpus | None]:
    """For a command without a database: the devices of this machine, None for a problem that needs none.

    Raises:
        SandboxUnavailable: it needs one, and there is none.
    """
    if not problem.definition.gpus:
        yield None
        return
    found = await asyncio.to_thread(find_gpus, tier)
    if found.driver is None:
        raise SandboxUnavailable(no_gpu(found.reasons))
    gpus = Gpus(found.driver, found.devices, OwnLeases(), tells_processes=tier is not Tier.CONTAINER)
    try:
        yield gpus
    finally:
        gpus.close()


@asynccontextmanager
async def gpu_stages_of(
    gpus: Gpus | None, tier: Tier, problem: Problem, packages: Packages, slot_folder: Path | None
) -> AsyncGenerator[GpuStages | None]:
    """The GPU stages of one slot that serves one problem; None without devices."""
    if gpus is None:
        yield None
        return
    stages = GpuStages(gpus, tier, slot_folder)
    stages.serve(problem, packages)
    try:
        yield stages
    finally:
        await stages.close()
