"""The controller process: serves every unfinished run, one pass at a time, and takes back what dead processes held."""

import asyncio
import logging
from contextlib import AsyncExitStack
from time import monotonic

from controller.active_run import ActiveRun
from controller.one_pass import one_pass
from database import completions, leases, runs
from database.engine import CONTROLLER, EVALUATORS, WORKERS, Database, Listener, notify
from database.errors import DatabaseUnavailable, EpochLost
from evolution.state import LogError

LOG = logging.getLogger("controller")
POLL_S = 1.0
"""A notification is only a hint: runs are looked at this often anyway."""
LOOK_S = 0.5
"""So often new runs are looked for, and leases that ran out."""
GATHER_S = 0.04
"""Results that come within this time share a pass, and so one flush to disk."""
RETRY_S = 0.5


class Controller:
    """Serves runs until told to stop. Any number may be started: one is active, the others wait for its lock."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._runs: dict[int, ActiveRun] = {}

    async def serve(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set. A database that goes away is waited for; nothing in memory outlives it."""
        while not stop.is_set():
            try:
                async with AsyncExitStack() as stack:
                    await stack.enter_async_context(self._database.sole(CONTROLLER))
                    hints = await stack.enter_async_context(self._database.listen(CONTROLLER))
                    await self._serve_as_the_active_one(hints, stop)
            except DatabaseUnavailable as error:
                LOG.warning("the database is away, trying again in %s s: %s", RETRY_S, error)
                self._runs.clear()
                await asyncio.sleep(RETRY_S)

    async def _serve_as_the_active_one(self, hints: Listener, stop: asyncio.Event) -> None:
        looked_at, waiting = -LOOK_S, list[int]()
        while not stop.is_set():
            if monotonic() - looked_at >= LOOK_S:
                looked_at = monotonic()
                await self._reap()
                async with self._database.begin() as connection:
                    waiting = [row.id for row in await runs.unfinished(connection)]
            for run in waiting:
                await self._serve_run(run)
            waiting = [run for run in waiting if run in self._runs]
            await hints.wait(POLL_S)
            await asyncio.sleep(GATHER_S)

    async def _serve_run(self, run: int) -> None:
        try:
            if run not in self._runs:
                async with self._database.begin() as connection:
                    self._runs[run] = await ActiveRun.adopt(connection, run)
            async with self._database.begin() as connection:
                goes_on = await one_pass(connection, self._runs[run])
        except (EpochLost, LogError) as error:
            LOG.warning("run %s is read anew: %s", run, error)
            self._runs.pop(run, None)
        except BaseException:
            # Whatever interrupted the pass, its transaction is undone, so the state in memory is ahead of the tables.
            self._runs.pop(run, None)
            raise
        else:
            if not goes_on:
                del self._runs[run]
                LOG.info("run %s is finished", run)

    async def _reap(self) -> None:
        async with self._database.begin() as connection:
            found = await leases.expire(connection)
            settled = await completions.settle_lost(connection)
            if found.proposals_requeued or found.evaluations_requeued:
                await notify(connection, WORKERS, EVALUATORS)
        if any((found.proposals_requeued, found.proposals_refused, found.evaluations_requeued, found.evaluations_abandoned)):
            LOG.warning("leases ran out: %s; model calls settled at their reservation: %s", found, settled)
