"""Who gives GPUs out: the database, to all evaluators of an installation, or a command that has none to itself."""

import asyncio
import time
from collections.abc import Sequence
from typing import Protocol

from database import gpus
from database.engine import Connection, Database
from database.errors import DatabaseUnavailable
from database.gpus import FIRST_PAUSE_S, GpuLease
from evolution.gpu import GpuHealth

_RETRY_S = 0.5


class GpuLeases(Protocol):
    """Gives devices out by UUID, each to one at a time; see `database.gpus`."""

    async def lease(self, uuids: Sequence[str], preferred: str | None, run: int | None) -> GpuLease | None:
        """One of these devices, for an evaluation of this run; None while nobody can have one."""
        ...

    async def release(self, held: GpuLease) -> bool:
        """Take back a device that is clean; False if the lease was lost."""
        ...

    async def set_aside(self, held: GpuLease, health: GpuHealth, cause: str) -> float | None:
        """Take back a device that nobody should have now; returns for how many seconds, None if the lease was lost."""
        ...


class StoredLeases:
    """Leases of the database, as `owner`. While it is away nothing is given out or back."""

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

    async def release(self, held: GpuLease) -> bool:
        """See `GpuLeases`. Waits for the database, as the result of the work does."""
        while True:
            try:
                async with self._database.begin() as connection:
                    return await gpus.release(connection, held)
            except DatabaseUnavailable:
                await asyncio.sleep(_RETRY_S)

    async def set_aside(self, held: GpuLease, health: GpuHealth, cause: str) -> float | None:
        """See `GpuLeases`. Waits for the database too."""
        while True:
            try:
                async with self._database.begin() as connection:
                    return await gpus.set_aside(connection, held, health, cause)
            except DatabaseUnavailable:
                await asyncio.sleep(_RETRY_S)


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

    async def release(self, held: GpuLease) -> bool:
        """See `GpuLeases`."""
        self._held.discard(held.uuid)
        return True

    async def set_aside(self, held: GpuLease, health: GpuHealth, cause: str) -> float | None:  # noqa: ARG002 - nobody asks for them
        """See `GpuLeases`."""
        self._held.discard(held.uuid)
        self._aside[held.uuid] = time.monotonic() + FIRST_PAUSE_S
        return FIRST_PAUSE_S
