"""Wakes the requests of this process that wait for work."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from database.engine import PEOPLE, Database
from database.errors import DatabaseUnavailable

_RETRY_S = 1.0
_LISTEN_S = 60.0


class Bell:
    """Rings when somebody may lease what nobody could lease before. Only a hint: who waits looks again now and then anyway."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._wanted = asyncio.Event()
        self._next = asyncio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Within the block it is listened for, from the first time on that somebody waits."""
        task = asyncio.create_task(self._listen())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def next_ring(self) -> asyncio.Event:
        """What will be set by the next ring. Take it before you look, so that no ring is missed."""
        self._wanted.set()
        return self._next

    async def _listen(self) -> None:
        await self._wanted.wait()
        while True:
            try:
                async with self._database.listen(PEOPLE) as hints:
                    while True:
                        if await hints.wait(_LISTEN_S):
                            self._next.set()
                            self._next = asyncio.Event()
            except DatabaseUnavailable:
                await asyncio.sleep(_RETRY_S)
