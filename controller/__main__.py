"""`python -m controller`: one controller process, told by the environment where the program database is."""

import asyncio
import logging
import signal
import sys

from controller.controller import Controller
from database.engine import Database
from database.errors import WrongDatabaseUrl
from database.pulse import pulse
from database.settings import ProcessSettings, SettingsError


async def _serve(settings: ProcessSettings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with Database(settings.database_url, pool_size=2) as database, pulse(database, settings.health_file):
        await Controller(database).serve(stop)


def main() -> int:
    """Run until SIGTERM or SIGINT; 2 if the settings are not usable."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    try:
        settings = ProcessSettings.from_environment()
        asyncio.run(_serve(settings))
    except (SettingsError, WrongDatabaseUrl) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
