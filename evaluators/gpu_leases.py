"""Who gives GPUs out: the database, to all evaluators of an installation, or a command that has none to itself."""

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Protocol

from database import gpus
from database.engine import Connection, Database
from database.errors import DatabaseUnavailable
from database.gpus import FIRST_PAUSE_S, GpuLease
from evolution.gpu import GpuHealth

log = logging.getLogger(__name__)

_RETRY_S = 0.5


class GpuLeases(Protocol):
    """Gives devices out by UUID, each to one at a time; see `database.gpus`."""

    async def lease(self, uuids: Sequence[str], preferred: str | None, run: int | None) -> GpuLease | None:
        """One of these devices, for an evaluation of this run; None while nobody can have one."""
        ...

    async def release(self, held: GpuLease) -> None:
        """Take back a device that is clean."""
        ...

    async def set_aside(self, held: GpuLease, health: GpuHealth, cause: str) -> float:
        """Take back a device that nobody should have now; returns for how many seconds."""
        ...


class StoredLeases:
    """Leases of the database, as `owner`. While it is away nothing is given out; what is held runs out by itself."""

    def __init__(self, database: Database, owner: str, lease_s: float) -> None:
        self._database = database
        self._owner = owner
        self._lease_s = lease_s

    async def lease(self, uuids: Sequence[str], preferred: str | None, run: int | None) -> GpuLease | None:
        """See `GpuLeases`."""
        try:
            async with self._database.begin() as connection:
                return await gpus.lease(connection, self._owner, uuids, self._lease_s, preferred, run)
        except DatabaseUnavailable:
            await asyncio.sleep(_RETRY_S)
            return None

    async def extend(self, connection: Connection, held: Sequence[GpuLease]) -> frozenset[str]:
        """Keep what is held; returns what still is."""
        return await gpus.extend(connection, held, self._lease_s)

    async def release(self, held: GpuLease) -> None:
        """See `GpuLeases`."""
        try:
            async with self._database.begin() as connection:
                await gpus.release(connection, held)
        except DatabaseUnavailable as error:
            log.warning("the lease of %s is left to run out: %s", held.uuid, error)

    async def set_aside(self, held: GpuLease, health: GpuHealth, cause: str) -> float:
        """See `GpuLeases`."""
        try:
            async with self._database.begin() as connection:
                pause_s = await gpus.set_aside(connection, held, health, cause)
        except DatabaseUnavailable as error:
            log.warning("the lease of %s is left to run out: %s", held.uuid, error)
            return FIRST_PAUSE_S
        return FIRST_PAUSE_S if pause_s is None else pause_s


class OwnLeases:
    """For a command without a database: it keeps its own slots apart, and finds others by their processes."""

    def __init__(self) -> None:
        self._held: set[str] = set()
        self._aside: dict[str, float] = {}

    async def lease(self, uuids: Sequence[str], preferred: str | None, run: int | None) -> GpuLease | None:  # noqa: ARG002 - nobody asks who
        """See `GpuLeases`."""
        now = time.monotonic()
        free = [uuid for uuid in uuids if uuid not in self._held and self._aside.get(uuid, now) <= now]
        if not free:
            return None
        uuid = preferred if preferred in free else free[0]
        self._held.add(uuid)
        return GpuLease(uuid, 0)

    async def release(self, held: GpuLease) -> None:
        """See `GpuLeases`."""
        self._held.discard(held.uuid)

    async def set_aside(self, held: GpuLease, health: GpuHealth, cause: str) -> float:  # noqa: ARG002 - nobody asks for them
        """See `GpuLeases`."""
        self._held.discard(held.uuid)
        self._aside[held.uuid] = time.monotonic() + FIRST_PAUSE_S
        return FIRST_PAUSE_S
