"""A slot judges one program at a time, in a sandbox that stays warm while the problem stays the same."""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from database import evaluations, problems
from database.engine import Database
from database.errors import DatabaseUnavailable
from database.evaluations import ClaimedEvaluation, FinishedEvaluation
from database.leases import Lease
from evaluators.cascade import Candidate, judge
from evaluators.environments import Environments, ResolutionError
from evaluators.faults import HostFault, NotTheCandidate, bounded
from evaluators.gpu_stages import GpuStages
from evaluators.gpus import Gpus, NoGpuFree
from evaluators.sandbox import Packages, Sandbox, SandboxUnavailable, open_sandbox
from evaluators.slots_client import greeting
from evaluators.waiting import Binding
from evolution.evaluation import Outcome, Purpose, Tier, Twin
from evolution.problem import Problem, ProblemError

log = logging.getLogger(__name__)

PROBLEMS_KEPT = 8
RETRY_S = 0.5
REST_GROWTH = 4
LONGEST_REST_S = 30.0
LOOK_S = 2.0


@dataclass(frozen=True, slots=True)
class Machines:
    """Fingerprints: of this machine, and of it with each of its GPUs, by UUID."""

    alone: bytes
    with_gpu: Mapping[str, bytes]

    def of(self, outcome: Outcome) -> bytes:
        """Where an outcome was made: the last GPU that was held tells."""
        used = [stage.gpu for stage in outcome.stages if stage.gpu is not None]
        return self.with_gpu[used[-1].before.gpu.uuid] if used else self.alone


class Workshop:
    """What every slot of this process needs: problems with their packages, read once, fingerprints, and the GPUs.

    When the machine fails one of them they rest together, longer each time that a fault follows another: an evaluation
    has few attempts, and a disk that is full for a while must not use up those of all.
    """

    def __init__(
        self,
        database: Database,
        environments: Environments,
        tier: Tier,
        machines: Machines,
        slot_folder: Path | None = None,
        gpus: Gpus | None = None,
    ) -> None:
        self._database = database
        self._environments = environments
        self._kept: OrderedDict[str, tuple[Problem, Packages]] = OrderedDict()
        self._faults = 0
        self._rests_until = 0.0
        self.tier = tier
        self.machines = machines
        self.gpus = gpus
        self.slot_folder = slot_folder

    @property
    def rests(self) -> bool:
        """Whether the slots should begin nothing now."""
        return time.monotonic() < self._rests_until

    async def rested(self) -> None:
        """Wait until the slots may go on, or look again whether they may; without containers to be had, they rest on."""
        await asyncio.sleep(max(0.0, self._rests_until - time.monotonic()))
        if self.tier is Tier.CONTAINER:
            fault = (await asyncio.to_thread(greeting, self.slot_folder)).fault
            if fault:
                log.warning("all slots rest on: %s", fault)
                self._rests_until = time.monotonic() + LOOK_S

    def failed(self) -> None:
        """Note that the machine could not give a slot what it needs; what fails at the same time counts as one fault."""
        if self.rests:
            return
        pause_s = min(RETRY_S * REST_GROWTH**self._faults, LONGEST_REST_S)
        self._faults = min(self._faults + 1, 10)
        self._rests_until = time.monotonic() + pause_s
        log.warning("all slots rest for %.1f s", pause_s)

    def works(self) -> None:
        """Note that a slot judged a program: the machine is well."""
        self._faults = 0

    async def problem(self, revision: str) -> tuple[Problem, Packages]:
        """The problem and its installed packages. Waits while the database is away.

        Raises:
            ProblemError: an earlier version of the service stored it, and this one cannot use it.
            ResolutionError: the problem's packages cannot be installed.
        """
        if revision not in self._kept:
            problem = await self._load(revision)
            self._kept[revision] = problem, await self._environments.prepare(problem.definition.environment)
            while len(self._kept) > PROBLEMS_KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(revision)
        return self._kept[revision]

    async def twin(self, run: int, number: int, fingerprint: bytes) -> Twin | None:
        """The scored program that behaves as this one does; none while the database is away: then the judge goes on."""
        try:
            async with self._database.begin() as connection:
                return await evaluations.twin(connection, run, number, fingerprint)
        except DatabaseUnavailable:
            return None

    async def _load(self, revision: str) -> Problem:
        while True:
            try:
                async with self._database.begin() as connection:
                    return await problems.load(connection, revision)
            except DatabaseUnavailable:
                await asyncio.sleep(RETRY_S)


@dataclass(frozen=True, slots=True)
class GivenBack:
    """An evaluation that ended through no fault of its program, with the words to store; not `tried` it loses no attempt."""

    lease: Lease
    host_fault: str
    gpu_s: float = 0.0
    tried: bool = True


class Slot:
    """One sandbox, opened for whatever problem the work asks for."""

    def __init__(self, workshop: Workshop) -> None:
        self._workshop = workshop
        self._sandbox: Sandbox | None = None
        gpus = workshop.gpus
        self._gpu_stages = None if gpus is None else GpuStages(gpus, workshop.tier, workshop.slot_folder)
        now = time.monotonic()
        self.binding = Binding(None, now, now)

    async def evaluate(self, row: ClaimedEvaluation) -> FinishedEvaluation | GivenBack:
        """Judge one program; a verification gets a sandbox of its own making, which no other program has seen."""
        started = time.monotonic()
        if self._gpu_stages is not None:
            self._gpu_stages.seconds, self._gpu_stages.run = 0.0, row.run
        try:
            sandbox = await self._open(row.problem, fresh=row.purpose is Purpose.VERIFY)
            problem, _ = await self._workshop.problem(row.problem)
            candidate = Candidate(row.files, row.purpose, row.secret, row.series)
            twins = partial(self._workshop.twin, row.run, row.number)
            judgement = await judge(sandbox, problem, candidate, self._gpu_stages, twins)
        except NotTheCandidate as fault:
            if isinstance(fault, HostFault):
                await self.close()
            return self._fault(row, fault)
        except (ProblemError, ResolutionError) as fault:
            await self.close()
            await asyncio.sleep(RETRY_S)
            return self._fault(row, fault)
        except (OSError, SandboxUnavailable) as fault:
            await self.close()
            self._workshop.failed()
            return self._fault(row, _machine_fault(fault))
        finally:
            self.binding.idle_since = time.monotonic()
        self._workshop.works()
        if judgement.picture_fault:
            log.warning("run %s, program %s: no picture: %s", row.run, row.number, judgement.picture_fault)
        return FinishedEvaluation(
            lease=row.lease,
            outcome=judgement.outcome,
            duration_s=time.monotonic() - started,
            machine=self._workshop.machines.of(judgement.outcome),
            picture=judgement.picture,
            fingerprint=judgement.fingerprint,
            twin=judgement.twin,
        )

    def _fault(self, row: ClaimedEvaluation, fault: Exception) -> GivenBack:
        log.warning("run %s, program %s, attempt %s: %s", row.run, row.number, row.attempt, fault)
        gpu_s = 0.0 if self._gpu_stages is None else self._gpu_stages.seconds
        return GivenBack(row.lease, bounded(str(fault)), gpu_s, tried=not isinstance(fault, NoGpuFree))

    async def close(self) -> None:
        """End the sandbox; the next evaluation opens another one."""
        sandbox, self._sandbox = self._sandbox, None
        self.binding.revision = None
        for opened in (sandbox, self._gpu_stages):
            try:
                if opened is not None:
                    await opened.close()
            except OSError as error:
                log.warning("a sandbox did not end cleanly: %s", error)

    async def _open(self, revision: str, *, fresh: bool) -> Sandbox:
        if self._sandbox is not None and self.binding.revision == revision and not fresh:
            return self._sandbox
        await self.close()
        self.binding.revision = revision
        self.binding.since = time.monotonic()
        problem, packages = await self._workshop.problem(revision)
        if self._gpu_stages is not None:
            self._gpu_stages.serve(problem, packages)
        self._sandbox = open_sandbox(self._workshop.tier, problem, packages, self._workshop.slot_folder)
        if not problem.definition.always_gpu:
            await self._sandbox.start()
        return self._sandbox


def _machine_fault(fault: Exception) -> Exception:
    if isinstance(fault, SandboxUnavailable):
        return fault
    return HostFault(f"this machine could not run a sandbox ({fault}); see to its disk space, descriptors and processes")
