"""Whether a process is well: as long as its loop turns and its database answers it says so there, and touches a file."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy.exc import ProgrammingError

from database import fleet
from database.engine import Database
from database.errors import DatabaseUnavailable, WrongDatabaseUrl
from evolution.process import Kind

BEAT_S = 5.0
"""Who should look at the file takes a process for ill once it is some beats old: 30 s in docker-compose.yml."""
LEAVE_S = 1.0
"""A process that ends tries for so long to say so."""

log = logging.getLogger(__name__)


def nothing() -> None:
    """What a process without slots tells of its capacity."""


@asynccontextmanager
async def pulse(database: Database, kind: Kind, file: Path | None, tells: fleet.Tells = nothing) -> AsyncGenerator[None]:
    """Every `BEAT_S` seconds within the block say in the database that this process lives, and touch `file` if there is one.

    `tells` says what its capacity is. Afterwards it is known to have ended, and the file is removed.
    """
    heart = _Heart(database, kind, tells)
    beating = asyncio.create_task(_beat(heart, file))
    try:
        yield
    finally:
        beating.cancel()
        await asyncio.gather(beating, return_exceptions=True)
        if file is not None:
            _forget(file)
        await heart.stop()


class _Heart:
    """What one process says of itself."""

    def __init__(self, database: Database, kind: Kind, tells: fleet.Tells) -> None:
        self._database = database
        self._kind = kind
        self._tells = tells
        self._process: int | None = None

    async def beat(self) -> None:
        async with self._database.begin() as connection:
            capacity = self._tells()
            if self._process is None or not await fleet.beat(connection, self._process, capacity):
                self._process = await fleet.join(connection, self._kind, capacity)

    async def stop(self) -> None:
        if self._process is None:
            return
        try:
            async with asyncio.timeout(LEAVE_S), self._database.begin() as connection:
                await fleet.leave(connection, self._process)
        except (DatabaseUnavailable, WrongDatabaseUrl, ProgrammingError, TimeoutError) as error:
            log.info("ends without a word to the database, which shows it as lost: %s", error)


async def _beat(heart: _Heart, file: Path | None) -> None:
    while True:
        try:
            await heart.beat()
            if file is not None:
                _touch(file)
        except (DatabaseUnavailable, WrongDatabaseUrl, ProgrammingError) as error:
            log.warning("no sign of health: %s", error)
        except OSError as error:
            log.warning("expected to write the health file %s, set by GALAPAGOS_HEALTH_FILE: %s", file, error)
        await asyncio.sleep(BEAT_S)


def _touch(file: Path) -> None:
    file.touch()


def _forget(file: Path) -> None:
    file.unlink(missing_ok=True)
