"""All processes of a run on this machine: started, watched, started again, ended together."""

import asyncio
import logging
import os
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from database.embedded import EmbeddedPostgres
from database.errors import EmbeddedPostgresError
from evolution.evaluation import Tier
from galapagos.child import Child, KeepsDying, python_module
from galapagos.failures import ExitCode, Failure
from galapagos.ground import Ground
from galapagos.settings import INSTALLER_PREFIXES, process_environment

log = logging.getLogger(__name__)

POSTGRES_LOOK_S = 0.25
ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""Numerical libraries start a thread a core and reserve memory for each, which no process of ours needs."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What the processes are told. `key_variables` are the names of the environment variables that hold model keys."""

    tier: Tier
    slots: int | None = None
    cache: Path | None = None
    models: Path | None = None
    key_variables: Sequence[str] = field(default_factory=tuple[str, ...])


class Supervisor:
    """The controller, the workers and the evaluators as children of this process, and the embedded server's watch."""

    def __init__(self, ground: Ground, plan: Plan) -> None:
        self._ground = ground
        self._logs = ground.data / "logs"
        self._logs.mkdir(exist_ok=True)
        self.postgres_restarts = 0
        environments = process_environments(ground.url, plan, os.environ)
        self.children = [
            Child(name, python_module(name), environment, self._logs / f"{name}.log")
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
    evaluators = {"database_url": url, "tier": plan.tier.value}
    if plan.slots is not None:
        evaluators["slots"] = str(plan.slots)
    if plan.cache is not None:
        evaluators["cache"] = str(plan.cache)
    workers = {"database_url": url} | ({"models": str(plan.models.resolve())} if plan.models is not None else {})
    return {
        "controller": process_environment(given, {"database_url": url}) | ONE_THREAD,
        "workers": process_environment(given, workers, more=plan.key_variables) | ONE_THREAD,
        "evaluators": process_environment(given, evaluators, prefixes=INSTALLER_PREFIXES) | ONE_THREAD,
    }
