"""All processes of a run on this machine: started, watched, started again, ended together."""

import asyncio
import logging
import os
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from database.embedded import EmbeddedPostgres
from database.errors import EmbeddedPostgresError
from evolution.evaluation import Tier
from galapagos.child import Child, KeepsDying
from galapagos.failures import ExitCode, Failure
from galapagos.forks import Forks
from galapagos.ground import Ground
from galapagos.settings import INSTALLER_PREFIXES, KINDS, passed_settings, process_environment

log = logging.getLogger(__name__)

_MODULES = {"slots": "evaluators.slots"}
POSTGRES_LOOK_S = 0.25
LEAN = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "MALLOC_ARENA_MAX"), "1")
"""Numerical libraries start a thread a core and reserve memory for each, and malloc an arena a thread: no process of ours
needs that, and without it all of them hold 13 MiB less."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What the processes are told. `key_variables` are the names of the environment variables that hold model keys.

    `own_slots` is the folder of a slots service to start; None where none is needed, or another one serves. `service`:
    a server is wanted too.
    """

    tier: Tier
    models: Path | None = None
    key_variables: Sequence[str] = ()
    own_slots: Path | None = None
    service: bool = False


class Supervisor:
    """The controller, the workers and the evaluators as children of this process, and the embedded server's watch."""

    def __init__(self, ground: Ground, plan: Plan) -> None:
        self._ground = ground
        self._logs = ground.data / "logs"
        self._logs.mkdir(exist_ok=True)
        self.postgres_restarts = 0
        environments = process_environments(ground.url, plan, os.environ)
        self._forks = Forks(process_environment(os.environ, {}) | LEAN, self._logs / "forkserver.log")
        logs = {name: self._logs / f"{name}.log" for name in environments}
        self.children = [
            Child(name, self._forks.of(_MODULES.get(name, f"{name}.__main__"), environment, logs[name]), logs[name])
            for name, environment in environments.items()
        ]
        self._failed: asyncio.Future[None] | None = None

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Everything runs within the block, and nothing after it."""
        loop = asyncio.get_running_loop()
        self._failed = loop.create_future()
        tasks = [asyncio.create_task(child.keep_alive(), name=child.name) for child in self.children]
        if self._ground.server is not None:
            tasks.append(asyncio.create_task(self._watch(self._ground.server), name="postgres"))
        for task in tasks:
            task.add_done_callback(self._note)
        try:
            yield
        finally:
            await asyncio.gather(*(child.stop() for child in self.children))
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._forks.close()
            if self._failed.done():
                self._failed.exception()

    def check(self) -> None:
        """Say so if a process cannot be kept alive.

        Raises:
            Failure: with the last words of that process.
        """
        if self._failed is not None and self._failed.done():
            self._failed.result()

    def _note(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() or self._failed is None or self._failed.done():
            return
        error = task.exception()
        if isinstance(error, KeepsDying | EmbeddedPostgresError):
            self._failed.set_exception(Failure(str(error), ExitCode.MACHINE))
        elif error is not None:
            self._failed.set_exception(error)

    async def _watch(self, server: EmbeddedPostgres) -> None:
        while True:
            await asyncio.sleep(POSTGRES_LOOK_S)
            if not server.alive():
                log.warning("the embedded Postgres ended; starting it again")
                await asyncio.to_thread(server.restart)
                self.postgres_restarts += 1


def process_environments(url: str, plan: Plan, given: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """What each kind of process gets to see: the evaluators, which run untrusted code, no key of any model."""
    wanted = {"slots": plan.own_slots is not None, "server": plan.service}
    kinds = [kind for kind in KINDS if wanted.get(kind, True)]
    ours: dict[str, dict[str, str]] = {kind: passed_settings(kind, given) for kind in kinds}
    for kind in kinds:
        if "database_url" in KINDS[kind].model_fields:
            ours[kind]["database_url"] = url
    for kind in ("evaluators", "server"):
        ours.setdefault(kind, {})["tier"] = plan.tier.value
    if plan.own_slots is not None:
        for kind in ("evaluators", "slots"):
            ours[kind]["slot_folder"] = str(plan.own_slots)
    if plan.models is not None:
        for kind in ("workers", "server"):
            ours[kind]["models"] = str(plan.models.resolve())
    more = {"workers": plan.key_variables}
    prefixes = {"evaluators": INSTALLER_PREFIXES}
    return {kind: process_environment(given, ours[kind], more.get(kind, ()), prefixes.get(kind, ())) | LEAN for kind in kinds}
