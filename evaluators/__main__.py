"""`python -m evaluators`: judge queued programs until SIGTERM or SIGINT."""

import asyncio
import gc
import logging
import signal
import sys

from database.ending import ending
from database.engine import Database
from database.errors import WrongDatabaseUrl
from database.logs import start_logging
from database.operation import operated
from database.settings import SettingsError
from evaluators.pool import Pool
from evaluators.settings import EvaluatorSettings
from evolution.process import Kind

_COLLECT_AFTER = 10_000


async def _serve(settings: EvaluatorSettings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    # What is imported stays; collections look only at what evaluations leave, and seldom: they leave few cycles.
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER)
    async with Database(settings.database_url) as database:
        pool = Pool(database, settings)
        async with operated(database, settings, Kind.EVALUATORS, pool.capacity):
            await pool.run(stop)


def main() -> int:
    """Serve until told to stop; 0 after a clean stop, 2 where the environment is at fault."""
    start_logging("evaluators")
    try:
        asyncio.run(_serve(EvaluatorSettings.from_environment()))
    except (SettingsError, WrongDatabaseUrl) as error:
        logging.getLogger("evaluators").critical("%s", error)
        return 2
    return 0


if __name__ == "__main__":
    with ending():
        sys.exit(main())
