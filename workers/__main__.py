"""`python -m workers`: one worker process, told by the environment where the program database is, and which models."""

import asyncio
import logging
import os
import signal
import socket
import sys
import warnings
from contextlib import AsyncExitStack

from database.ending import ending
from database.engine import Database
from database.errors import WrongDatabaseUrl
from database.logs import start_logging
from database.models_file import keys_in, load_models
from database.operation import operated
from database.settings import SettingsError
from evolution.models import AnyModel, Model, ModelsError
from evolution.process import Kind
from workers.settings import WorkerSettings
from workers.worker import Proposer, Worker

LEAST_MODEL_CALLS = 64


async def _serve(settings: WorkerSettings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    models = load_models(settings.models) if settings.models is not None else {}
    # A quarter more than may be under way wait with their prompts made, so that no endpoint stands idle.
    calls = max(LEAST_MODEL_CALLS, sum(model.concurrency for model in models.values() if isinstance(model, Model)) * 5 // 4)
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(Database(settings.database_url, pool_size=8 if models else 2))
        await stack.enter_async_context(operated(database, settings, Kind.WORKERS))
        proposer = await _proposer(stack, database, models, keys_in(settings.model_keys, os.environ)) if models else None
        owner = f"{socket.gethostname()}:{os.getpid()}"
        await Worker(database, owner, settings.lease_s, proposer, calls).serve(stop)


async def _proposer(stack: AsyncExitStack, database: Database, models: dict[str, AnyModel], keys: dict[str, str]) -> Proposer:
    # Imported here: the client library takes tens of MiB that a worker without models need not have.
    from workers.model_proposer import ModelProposer

    return await stack.enter_async_context(ModelProposer(database, models, keys))


def main() -> int:
    """Run until SIGTERM or SIGINT; 2 if the settings are not usable."""
    start_logging("workers")
    # Programs are only read here; what Python thinks of their text is for their authors.
    warnings.simplefilter("ignore", SyntaxWarning)
    try:
        asyncio.run(_serve(WorkerSettings.from_environment()))
    except (SettingsError, ModelsError, WrongDatabaseUrl) as error:
        logging.getLogger("workers").critical("%s", error)
        return 2
    return 0


if __name__ == "__main__":
    with ending():
        sys.exit(main())
