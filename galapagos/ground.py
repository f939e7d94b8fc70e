"""The ground that a command stands on: a data folder and a program database that answers."""

import asyncio
import fcntl
import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from database.embedded import EmbeddedPostgres, holds_cluster, serving_url
from database.engine import Database
from database.errors import DataFolderBusy
from galapagos.failures import ExitCode, Failure
from galapagos.settings import CommandSettings, command_settings

LOCK_FILE = "galapagos.lock"
DATABASE_FOLDER = "database"
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Ground:
    """`server` is the embedded server if this process serves it; None if another process, or another host, does."""

    data: Path
    url: str
    database: Database
    server: EmbeddedPostgres | None

    def folder_of(self, run: int) -> Path:
        """Where the report and the best program of a run are written."""
        return self.data / "runs" / str(run)


class NothingHere(Failure):
    """Nothing was ever run on this data folder."""


@asynccontextmanager
async def own_ground(settings: CommandSettings) -> AsyncGenerator[Ground]:
    """The data folder for the one command that runs processes on it.

    Raises:
        Failure: another command runs on this folder, or the folder cannot be written.
        DatabaseError: the database does not answer.
    """
    folder = _made(settings.data)
    with _held(folder):
        async with _opened(folder, settings) as ground:
            yield ground


@asynccontextmanager
async def visited_ground(settings: CommandSettings) -> AsyncGenerator[Ground]:
    """The same for a command that only reads, which may stand beside a running one. It makes no folder and no database.

    Raises:
        NothingHere: there is no database in the folder.
        DatabaseError: the database does not answer.
    """
    folder = require_runs(settings)
    async with AsyncExitStack() as stack:
        try:
            ground = await stack.enter_async_context(_opened(folder, settings))
        except DataFolderBusy:
            url = serving_url(folder / DATABASE_FOLDER)
            if url is None:
                raise
            ground = Ground(folder, url, await stack.enter_async_context(Database(url)), None)
        yield ground


def visit(data: Path | None, work: Callable[[Ground], Awaitable[Answer]]) -> Answer:
    """What `work` gives on the visited ground of the folder `data`, or of the one that the environment names."""

    async def visited() -> Answer:
        async with visited_ground(command_settings(data)) as ground:
            return await work(ground)

    return asyncio.run(visited())


def require_runs(settings: CommandSettings) -> Path:
    """The data folder, in which something was run before.

    Raises:
        NothingHere: there is no database in it.
    """
    folder = settings.data.resolve()
    if not settings.database_url and not holds_cluster(folder / DATABASE_FOLDER):
        raise NothingHere(
            f"there are no runs in {folder}: galapagos run PROBLEM starts one, and --data names another folder",
            ExitCode.BAD_INPUT,
        )
    return folder


@asynccontextmanager
async def _opened(folder: Path, settings: CommandSettings) -> AsyncGenerator[Ground]:
    # Imported here: commands that need no database start in half the time without it.
    from database.migrate import upgrade

    serving = nullcontext() if settings.database_url else EmbeddedPostgres(folder / DATABASE_FOLDER, settings.postgres_bin)
    with serving as server:
        url = server.url if server else settings.database_url
        await upgrade(url)
        async with Database(url) as database:
            yield Ground(folder, url, database, server)


def _made(data: Path) -> Path:
    try:
        data.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Failure(
            f"the data folder {data} cannot be made: {error.strerror}; name another with --data", ExitCode.BAD_INPUT
        ) from None
    database = data / DATABASE_FOLDER
    if database.is_dir() and any(database.iterdir()) and not (holds_cluster(database) or (database / "lock").exists()):
        raise Failure(
            f"the folder {database} is somebody else's, and Galapagos keeps its database under that name: expected a data "
            "folder of its own; name one with --data",
            ExitCode.BAD_INPUT,
        )
    return data.resolve()


@contextmanager
def _held(folder: Path) -> Generator[None]:
    """Hold the folder's lock, which the kernel frees when this process ends, however it ends."""
    try:
        lock = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise Failure(
            f"the data folder {folder} cannot be written: {error.strerror}; name another with --data", ExitCode.BAD_INPUT
        ) from None
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Failure(
                f"another galapagos run works on the data folder {folder}: wait for it, stop it with Ctrl-C, or give this "
                "one a folder of its own with --data",
                ExitCode.MACHINE,
            ) from None
        yield
    finally:
        os.close(lock)
