"""`python -m controller`: one controller process, told by the environment where the program database is."""

import asyncio
import logging
import signal
import sys
from contextlib import AsyncExitStack

from controller.controller import Controller
from controller.metrics import kept_up_to_date
from controller.retention import texts_removed
from database.ending import ending
from database.engine import Database
from database.errors import WrongDatabaseUrl
from database.logs import start_logging
from database.operation import operated
from database.settings import ProcessSettings, SettingsError
from evolution.process import Kind


async def _serve(settings: ProcessSettings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(Database(settings.database_url, pool_size=2))
        await stack.enter_async_context(operated(database, settings, Kind.CONTROLLER))
        if settings.metrics_port is not None:
            await stack.enter_async_context(kept_up_to_date(database))
        await stack.enter_async_context(texts_removed(database))
        await Controller(database).serve(stop)


def main() -> int:
    """Run until SIGTERM or SIGINT; 2 if the settings are not usable."""
    start_logging("controller")
    try:
        settings = ProcessSettings.from_environment()
        asyncio.run(_serve(settings))
    except (SettingsError, WrongDatabaseUrl) as error:
        logging.getLogger("controller").critical("%s", error)
        return 2
    return 0


if __name__ == "__main__":
    with ending():
        sys.exit(main())
