"""`python -m server`: one serving process, told by the environment where to listen and where the program database is."""

import asyncio
import logging
import signal
import sys
from types import FrameType

import uvicorn

from database import people
from database.ending import ending
from database.engine import Database
from database.errors import DatabaseError, WrongDatabaseUrl
from database.logs import start_logging
from database.settings import SettingsError
from evolution.models import ModelsError
from server.app import create_app
from server.settings import ServerSettings

END_S = 5
"""Seconds that requests under way may take to end once the process is asked to; then they are cut off."""


async def _refuse_open(settings: ServerSettings) -> None:
    if settings.only_here:
        return
    async with Database(settings.database_url, pool_size=1) as database, database.begin() as connection:
        if not await people.any_token(connection):
            raise SettingsError(
                f"GALAPAGOS_BIND is {settings.bind}, which others can reach, and nobody has a token yet: make the first one "
                "with `galapagos people first NAME`, or bind to 127.0.0.1"
            )


def _leave(_number: int, _frame: FrameType | None) -> None:
    sys.exit(0)


def main() -> int:
    """Serve until SIGTERM or SIGINT; 2 if the settings are not usable, 3 if the machine or the database is not."""
    start_logging("server")
    try:
        settings = ServerSettings.from_environment()
        app = create_app(settings)
        asyncio.run(_refuse_open(settings))
    except (SettingsError, ModelsError, WrongDatabaseUrl) as error:
        logging.getLogger("server").critical("%s", error)
        return 2
    except DatabaseError as error:
        logging.getLogger("server").critical("%s", error)
        return 3
    config = uvicorn.Config(
        app,
        host=settings.bind,
        port=settings.port,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=END_S,
    )
    server = uvicorn.Server(config)
    # The server raises the signal that ended it once more when it has ended.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    server.run()
    return 0 if server.started else 3


if __name__ == "__main__":
    with ending():
        sys.exit(main())
