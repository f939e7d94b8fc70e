"""Whether a process is well, for orchestrators: it touches a file as long as its loop turns and its database answers."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import sqlalchemy as sa

from database.engine import Database
from database.errors import DatabaseUnavailable, WrongDatabaseUrl

BEAT_S = 5.0
"""Who looks at the file should take a process for ill once it is some beats old: 30 s in docker-compose.yml."""

log = logging.getLogger(__name__)


@asynccontextmanager
async def pulse(database: Database, file: Path | None) -> AsyncGenerator[None]:
    """Touch `file` every `BEAT_S` seconds within the block, and remove it afterwards; nothing where there is none."""
    if file is None:
        yield
        return
    beating = asyncio.create_task(_beat(database, file))
    try:
        yield
    finally:
        beating.cancel()
        await asyncio.gather(beating, return_exceptions=True)
        _forget(file)


async def _beat(database: Database, file: Path) -> None:
    while True:
        try:
            async with database.begin() as connection:
                await connection.execute(sa.select(1))
            _touch(file)
        except (DatabaseUnavailable, WrongDatabaseUrl) as error:
            log.warning("no sign of health: %s", error)
        except OSError as error:
            log.warning("expected to write the health file %s, set by GALAPAGOS_HEALTH_FILE: %s", file, error)
        await asyncio.sleep(BEAT_S)


def _touch(file: Path) -> None:
    file.touch()


def _forget(file: Path) -> None:
    file.unlink(missing_ok=True)
