"""The evaluator pool: slots that judge, and one task that trades results for new work with the database."""

import asyncio
import logging
import os
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from database import evaluations, gpus, leases, machines
from database.engine import CONTROLLER, EVALUATORS, Connection, Database, notify
from database.errors import DatabaseUnavailable, WrongDatabaseUrl
from database.evaluations import ClaimedEvaluation, FinishedEvaluation
from database.fleet import Capacity
from database.leases import Queue
from database.logs import about
from evaluators.environments import Environments
from evaluators.gpu_leases import StoredLeases
from evaluators.gpus import Gpus
from evaluators.machine import describe, describe_gpu
from evaluators.metrics import EVALUATION_S, EVALUATIONS, GPU_S, HOST_FAULTS, SLOTS, SLOTS_BUSY, TWINS
from evaluators.nvml import find_gpus
from evaluators.settings import EvaluatorSettings
from evaluators.slot import GivenBack, Machines, Slot, Workshop
from evaluators.slots_client import greeting
from evaluators.waiting import Waiting
from evolution.evaluation import EvaluationState, Tier
from evolution.gpu import GpuHealth, GpuState

log = logging.getLogger(__name__)

POLL_S = 1.0
COLLECT_S = 0.06
"""At most so long, and only while slots have work to go on with, results are collected to be written together."""
PREFETCH = 6
PREFETCH_S = 0.25
"""At most so many evaluations for each slot, the work of so much time, wait beside the slots: long ones are left to whoever is
idle."""
FINISH_S = 2.0
"""At a stop, what runs may end within this time; the rest is given back."""
TELL_S = 5.0
"""How often the database is told how GPUs fare."""
LAST_WRITE_S = 1.5
MAX_BACKOFF_S = 2.0


@dataclass(slots=True)
class _Trade:
    """What one transaction is to bring in, and what it got for it."""

    finished: Sequence[FinishedEvaluation]
    given_back: Sequence[GivenBack]
    room: int
    gpu_room: int
    claimed: list[ClaimedEvaluation]


class Pool:
    """The slots of one process."""

    def __init__(self, database: Database, settings: EvaluatorSettings) -> None:
        self._database = database
        self._settings = settings
        self._owner = f"evaluators {os.getpid()}"
        self._slots: list[Slot] = []
        self._running = 0
        self._waiting = Waiting()
        self._held: dict[int, ClaimedEvaluation] = {}
        self._finished: list[FinishedEvaluation] = []
        self._given_back: list[GivenBack] = []
        self._mean_s: float | None = None
        self._wake = asyncio.Event()
        self._more = True
        self._more_with_gpu = True
        self._stopping = False
        self._resting: Callable[[], bool] = lambda: False
        self._machine: bytes | None = None
        self._gpus: Gpus | None = None
        self._gpu_leases = StoredLeases(database, self._owner, settings.lease_s)

    async def run(self, stop: asyncio.Event) -> None:
        """Judge what is queued until `stop`, then end within about five seconds: finished, or given back.

        A database that is away is waited for; what finished meanwhile is written when it is back, if it is still ours.

        Raises:
            WrongDatabaseUrl: the server refuses this address, or does so from now on.
        """
        try:
            await self._run(stop)
        except BaseExceptionGroup as group:
            # What ends one of its tasks ends the pool; people need to be told of the address alone.
            refused = group.subgroup(WrongDatabaseUrl)
            while isinstance(refused, BaseExceptionGroup):
                refused = refused.exceptions[0]
            if refused is None:
                raise
            raise refused from None

    def capacity(self) -> Capacity | None:
        """How many slots there are and how many are busy; None before they serve."""
        if self._machine is None:
            return None
        return Capacity(len(self._slots), self._running, self._settings.tier, self._machine)

    async def _run(self, stop: asyncio.Event) -> None:
        workshop = await self._workshop(stop)
        if workshop is None:
            return
        self._resting = lambda: workshop.rests
        self._machine = workshop.machines.alone
        self._slots = [Slot(workshop) for _ in range(self._settings.slots)]
        SLOTS.set(len(self._slots))
        log.info("serving %s slots in tier %s", len(self._slots), workshop.tier.value)
        async with asyncio.TaskGroup() as group:
            serving = [group.create_task(self._serve(slot, workshop)) for slot in self._slots]
            trading = group.create_task(self._trade_on())
            services = [group.create_task(self._beat()), group.create_task(self._listen())]
            if self._gpus is not None:
                services.append(group.create_task(self._tell_of_gpus(self._gpus)))
            await stop.wait()
            self._stopping = True
            self._waiting.wake()
            self._wake.set()
            await asyncio.wait([*serving, trading], timeout=FINISH_S)
            for task in [*serving, trading, *services]:
                task.cancel()
        await self._last_write()
        if self._gpus is not None:
            self._gpus.close()

    async def _workshop(self, stop: asyncio.Event) -> Workshop | None:
        tier, folder = self._settings.tier, self._settings.slot_folder
        while not stop.is_set():
            image = await asyncio.to_thread(greeting, folder) if tier is Tier.CONTAINER else None
            if image is not None and image.fault:
                log.warning("waiting for the slots service: %s", image.fault)
                await asyncio.sleep(POLL_S)
                continue
            if self._gpus is None:
                self._gpus = await self._find_gpus(tier)
            try:
                known = await self._registered(describe(tier, image))
                return Workshop(self._database, Environments(self._settings.cache), tier, known, folder, self._gpus)
            except DatabaseUnavailable as error:
                log.warning("waiting for the database: %s", error)
                await asyncio.sleep(POLL_S)
        return None

    async def _find_gpus(self, tier: Tier) -> Gpus | None:
        found = await asyncio.to_thread(find_gpus, tier)
        if found.driver is None:
            log.info("no GPU here, so problems that need one are left to others: %s", "; ".join(found.reasons))
            return None
        for reason in found.reasons:
            log.warning("a GPU is not used: %s", reason)
        log.info("%s GPUs: %s", len(found.devices), ", ".join(device.gpu.model for device in found.devices))
        return Gpus(found.driver, found.devices, self._gpu_leases, tells_processes=tier is not Tier.CONTAINER)

    async def _registered(self, alone: dict[str, str | int]) -> Machines:
        """The fingerprints of this machine, and of it with each of its GPUs, which are told of too."""
        devices = () if self._gpus is None else self._gpus.devices
        states = [] if self._gpus is None else await self._gpus.states()
        known = {device.gpu.uuid: GpuState(device.gpu, GpuHealth.LOST) for device in devices}
        known |= {state.gpu.uuid: state for state in states}
        async with self._database.begin() as connection:
            if states:
                await gpus.tell(connection, socket.gethostname(), states)
            with_gpu = {uuid: await machines.register(connection, alone | describe_gpu(state)) for uuid, state in known.items()}
            return Machines(await machines.register(connection, alone), with_gpu)

    async def _serve(self, slot: Slot, workshop: Workshop) -> None:
        try:
            while not self._stopping:
                if workshop.rests:
                    await workshop.rested()
                    continue
                served = {revision for other in self._slots if (revision := other.binding.revision)}
                row = self._waiting.take(slot.binding, time.monotonic(), served)
                if row is None:
                    await self._waiting.arrival()
                    continue
                self._running += 1
                self._wake.set()
                try:
                    with about(run=row.run, program=row.number), SLOTS_BUSY.track_inprogress():
                        self._keep(await slot.evaluate(row))
                finally:
                    self._running -= 1
        finally:
            await slot.close()

    def _keep(self, result: FinishedEvaluation | GivenBack) -> None:
        if isinstance(result, GivenBack):
            self._given_back.append(result)
            HOST_FAULTS.inc()
            GPU_S.inc(result.gpu_s)
        else:
            self._finished.append(result)
            EVALUATIONS.labels(result.outcome.verdict.value).inc()
            EVALUATION_S.observe(result.duration_s)
            GPU_S.inc(result.outcome.gpu_s)
            TWINS.inc(result.twin is not None)
            before = result.duration_s if self._mean_s is None else self._mean_s
            self._mean_s = 0.9 * before + 0.1 * result.duration_s
        self._wake.set()

    def _room(self) -> int:
        """How many evaluations to ask for: none until the waiting ones run low, so that they are claimed in batches."""
        if self._stopping or not self._more or self._resting():
            return 0
        slots = len(self._slots)
        prefetch = 0 if self._mean_s is None else min(PREFETCH * slots, int(slots * PREFETCH_S / max(self._mean_s, 1e-3)))
        if len(self._waiting) > prefetch // 2:
            return 0
        return max(0, slots - self._running + prefetch - len(self._waiting))

    def _gpu_room(self) -> int:
        """How many evaluations with a GPU to ask for: as many as there are devices for, and slots."""
        if self._gpus is None or self._stopping or not self._more_with_gpu or self._resting():
            return 0
        devices = min(len(self._gpus.usable()), len(self._slots))
        return max(0, devices - sum(row.gpus > 0 for row in self._held.values()))

    def _until_work_runs_low(self) -> float:
        """Seconds that results may be collected without a slot standing idle for it."""
        rounds = len(self._waiting) / len(self._slots) - 1
        return min(COLLECT_S, max(0.0, rounds * (self._mean_s or 0.0)))

    async def _trade_on(self) -> None:
        backoff_s = 0.05
        while not self._stopping:
            if not (self._finished or self._given_back or self._room() or self._gpu_room()):
                self._wake.clear()
                await self._wake.wait()
                continue
            if self._waiting:
                await asyncio.sleep(self._until_work_runs_low())
            try:
                await self._trade()
                backoff_s = 0.05
            except DatabaseUnavailable as error:
                log.warning("%s results wait for the database: %s", len(self._finished), error)
                await asyncio.sleep(backoff_s)
                backoff_s = min(2 * backoff_s, MAX_BACKOFF_S)

    async def _trade(self) -> None:
        """One transaction; the state of this process changes only after its commit, so that it can be tried again."""
        trade = _Trade(tuple(self._finished), tuple(self._given_back), self._room(), self._gpu_room(), [])
        # What is told meanwhile is not forgotten.
        self._more, self._more_with_gpu = self._more and not trade.room, self._more_with_gpu and not trade.gpu_room
        try:
            async with self._database.begin() as connection:
                await self._write(connection, trade)
                await self._claim(connection, trade)
        except DatabaseUnavailable:
            self._more = self._more_with_gpu = True
            raise
        with_gpu = sum(row.gpus > 0 for row in trade.claimed)
        self._more |= 0 < trade.room <= len(trade.claimed)
        self._more_with_gpu |= 0 < trade.gpu_room == with_gpu
        del self._finished[: len(trade.finished)], self._given_back[: len(trade.given_back)]
        for result in (*trade.finished, *trade.given_back):
            self._held.pop(result.lease.id, None)
        self._held.update((row.lease.id, row) for row in trade.claimed)
        self._waiting.add(trade.claimed)

    async def _claim(self, connection: Connection, trade: _Trade) -> None:
        lease_s, tier = self._settings.lease_s, self._settings.tier
        if trade.gpu_room:
            trade.claimed = await evaluations.claim(connection, self._owner, trade.gpu_room, lease_s, tier, gpus=True)
        if trade.room > len(trade.claimed):
            trade.claimed += await evaluations.claim(connection, self._owner, trade.room - len(trade.claimed), lease_s, tier)

    async def _write(self, connection: Connection, trade: _Trade) -> None:
        channels: set[str] = set()
        if trade.finished:
            written = await evaluations.finish(connection, trade.finished)
            channels.add(CONTROLLER)
            if lost := len(trade.finished) - len(written):
                log.info("%s results came after their leases were lost and were dropped", lost)
        for item in trade.given_back:
            state = await evaluations.give_back(connection, item.lease, item.host_fault, item.gpu_s, tried=item.tried)
            channels.add(EVALUATORS if state is EvaluationState.QUEUED else CONTROLLER)
        if channels:
            await notify(connection, *sorted(channels))

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self._settings.lease_s / 3)
            held = [row.lease for row in self._held.values()]
            if not held:
                continue
            try:
                async with self._database.begin() as connection:
                    kept = await leases.extend(connection, Queue.EVALUATION, held, self._settings.lease_s)
                    if self._gpus is not None:
                        await self._keep_gpus(connection, self._gpus)
            except DatabaseUnavailable:
                continue
            lost = {lease.id for lease in held if lease.id not in kept and self._holds(lease)}
            self._waiting.drop(lost)
            for identity in lost:
                del self._held[identity]

    async def _keep_gpus(self, connection: Connection, mine: Gpus) -> None:
        held = mine.held
        if held:
            kept = await self._gpu_leases.extend(connection, [item.lease for item in held])
            mine.let_go(item for item in held if item.lease.uuid not in kept)

    async def _tell_of_gpus(self, mine: Gpus) -> None:
        while True:
            await asyncio.sleep(TELL_S)
            states = await mine.states()
            try:
                async with self._database.begin() as connection:
                    await gpus.tell(connection, socket.gethostname(), states)
            except DatabaseUnavailable:
                continue

    def _holds(self, lease: leases.Lease) -> bool:
        row = self._held.get(lease.id)
        return row is not None and row.lease == lease

    async def _listen(self) -> None:
        while True:
            try:
                async with self._database.listen(EVALUATORS) as listener:
                    while True:
                        await listener.wait(POLL_S)
                        self._more = self._more_with_gpu = True
                        self._wake.set()
            except DatabaseUnavailable:
                await asyncio.sleep(POLL_S)

    async def _last_write(self) -> None:
        decided = {result.lease.id for result in (*self._finished, *self._given_back)}
        rest = [row.lease for identity, row in self._held.items() if identity not in decided]
        try:
            async with asyncio.timeout(LAST_WRITE_S), self._database.begin() as connection:
                await self._write(connection, _Trade(self._finished, self._given_back, 0, 0, []))
                if rest:
                    await evaluations.release(connection, rest)
                    await notify(connection, EVALUATORS)
        except (DatabaseUnavailable, TimeoutError) as error:
            log.warning("%s evaluations go back when their leases expire: %s", len(decided) + len(rest), error)
