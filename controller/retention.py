"""Removes the texts of runs whose project keeps them for so many days only, a little at a time."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from database import retention
from database.engine import Database
from database.errors import DatabaseUnavailable, WrongDatabaseUrl

PAUSE_S = 0.1
"""Between two batches, so that runs that go on have most of the database."""
LOOK_S = 60.0
"""So often runs are looked for whose time has come."""

log = logging.getLogger(__name__)


@asynccontextmanager
async def texts_removed(database: Database) -> AsyncGenerator[None]:
    """Remove what is due within the block; of all processes that do so, one at a time."""
    removing = asyncio.create_task(_remove_on(database))
    try:
        yield
    finally:
        removing.cancel()
        await asyncio.gather(removing, return_exceptions=True)


async def _remove_on(database: Database) -> None:
    while True:
        removed: retention.Removed | None = None
        try:
            async with database.begin() as connection:
                removed = await retention.remove_batch(connection)
        except (DatabaseUnavailable, WrongDatabaseUrl) as error:
            log.info("texts are removed later: %s", error)
        if removed is not None and removed.ended:
            log.info("run %s has lost the texts that its project does not keep", removed.run)
        await asyncio.sleep(LOOK_S if removed is None else PAUSE_S)
