"""The controller process: serves every unfinished run, one pass at a time, and takes back what dead processes held."""

import asyncio
import logging
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from time import monotonic
from typing import TypeVar

from controller.active_run import ActiveRun
from controller.metrics import EVENTS, EXPIRED, PASS_S
from controller.one_pass import one_pass
from database import completions, damage, leases, runs
from database.engine import CONTROLLER, EVALUATORS, WORKERS, Database, Listener, Sole, notify
from database.errors import UNREADABLE, DatabaseUnavailable, EpochLost, WrongDatabaseUrl, in_words
from database.logs import about

LOG = logging.getLogger("controller")
POLL_S = 1.0
"""A notification is only a hint: runs are looked at this often anyway."""
LOOK_S = 0.5
"""So often new runs are looked for, and leases that ran out."""
GATHER_S = 0.04
GATHER_LONGER_S = 0.1
"""Results that come within this time share a pass, and so one flush to disk: the longer one while every run has programs that
wait for evaluators, which stay at work meanwhile."""
RETRY_S = 0.5
Wanted = TypeVar("Wanted")


class Controller:
    """Serves runs until told to stop. Any number may be started: one is active, the others wait for its lock."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._runs: dict[int, ActiveRun] = {}
        self._suspects: set[int] = set()

    async def serve(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set. A database that goes away is waited for; nothing in memory outlives it.

        A run whose rows cannot be continued is read anew once, then set aside: the others go on.
        """
        while not stop.is_set():
            try:
                async with AsyncExitStack() as stack:
                    sole = await _unless(stop, stack.enter_async_context(self._database.sole(CONTROLLER)))
                    if sole is None:
                        return
                    hints = await stack.enter_async_context(self._database.listen(CONTROLLER))
                    await self._serve_as_the_active_one(sole, hints, stop)
            except DatabaseUnavailable as error:
                LOG.warning("the database is away, trying again in %s s: %s", RETRY_S, error)
                self._runs.clear()
                await asyncio.sleep(RETRY_S)

    async def _serve_as_the_active_one(self, sole: Sole, hints: Listener, stop: asyncio.Event) -> None:
        looked_at, waiting = -LOOK_S, list[int]()
        while not stop.is_set():
            if monotonic() - looked_at >= LOOK_S:
                looked_at = monotonic()
                await sole.check()
                await self._reap()
                async with self._database.begin() as connection:
                    waiting = await runs.unfinished(connection)
            for run in waiting:
                await self._serve_run(run)
            waiting = [run for run in waiting if run in self._runs]
            await hints.wait(POLL_S)
            await asyncio.sleep(GATHER_S if any(run.is_short_of_work for run in self._runs.values()) else GATHER_LONGER_S)

    async def _serve_run(self, run: int) -> None:
        with about(run=run):
            await self._try_to_serve(run)

    async def _try_to_serve(self, run: int) -> None:
        try:
            if run not in self._runs:
                async with self._database.begin() as connection:
                    self._runs[run] = await ActiveRun.adopt(connection, run)
            with PASS_S.time():
                async with self._database.begin() as connection:
                    goes_on = await one_pass(connection, self._runs[run])
        except EpochLost as error:
            LOG.warning("run %s is read anew: %s", run, error)
            self._runs.pop(run, None)
        except (DatabaseUnavailable, WrongDatabaseUrl):
            self._runs.pop(run, None)
            raise
        except UNREADABLE as error:
            self._runs.pop(run, None)
            await self._doubt(run, error)
        except BaseException:
            # Whatever interrupted the pass, its transaction is undone, so the state in memory is ahead of the tables.
            self._runs.pop(run, None)
            raise
        else:
            self._suspects.discard(run)
            for kind in self._runs[run].noted:
                EVENTS.labels(kind).inc()
            if not goes_on:
                del self._runs[run]
                LOG.info("run %s is finished", run)

    async def _doubt(self, run: int, error: Exception) -> None:
        """Let a run that could not be served be read anew at the next look; set it aside if it was just read anew."""
        LOG.warning("run %s could not be served", run, exc_info=error)
        if run not in self._suspects:
            self._suspects.add(run)
            return
        self._suspects.discard(run)
        detail = (
            f"its stored rows do not fit together: expected a state that its controller can go on from, got {in_words(error)}"
        )
        advice = (
            f"nothing is deleted: `galapagos verify {run}` compares them with the log; restore the rows from a backup, then "
            f"`galapagos resume {run}`, or start a new run"
        )
        async with self._database.begin() as connection:
            await damage.set_aside(connection, run, f"{detail}; {advice}")
        LOG.error("run %s is set aside: %s; %s", run, detail, advice)

    async def _reap(self) -> None:
        async with self._database.begin() as connection:
            found = await leases.expire(connection)
            settled = await completions.settle_lost(connection)
            if found.proposals_requeued or found.evaluations_requeued:
                await notify(connection, WORKERS, EVALUATORS)
        if any((found.proposals_requeued, found.proposals_refused, found.evaluations_requeued, found.evaluations_abandoned)):
            EXPIRED.labels("proposal").inc(found.proposals_requeued + found.proposals_refused)
            EXPIRED.labels("evaluation").inc(found.evaluations_requeued + found.evaluations_abandoned)
            LOG.warning("leases ran out: %s; model calls settled at their reservation: %s", found, settled)


async def _unless(stop: asyncio.Event, awaited: Awaitable[Wanted]) -> Wanted | None:
    """What `awaited` gives; None if `stop` is set before it does."""
    wanted, stopped = asyncio.ensure_future(awaited), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({wanted, stopped}, return_when=asyncio.FIRST_COMPLETED)
        return wanted.result() if wanted.done() else None
    finally:
        for task in (wanted, stopped):
            task.cancel()
        await asyncio.gather(wanted, stopped, return_exceptions=True)
