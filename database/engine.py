"""Access to Postgres: pooled connections, transactions, notifications, and plain words when it is away."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Self

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

Connection = AsyncConnection
"""An open transaction's connection: what every function of `database` takes first."""

CONTROLLER = "controller"
WORKERS = "workers"
EVALUATORS = "evaluators"


async def notify(connection: Connection, *channels: str) -> None:
    """Wake the processes that listen to `channels`, once this transaction commits. A hint, never the only way to know."""
    raise NotImplementedError


class Listener:
    """Hears notifications; reconnects by itself when the server comes back."""

    async def wait(self, timeout_s: float) -> frozenset[str]:
        """Return the channels notified since the last call, waiting at most `timeout_s` seconds for the first one.

        Empty after the time limit, and after a lost connection (something may have been missed: look at the tables).
        """
        raise NotImplementedError


class Database:
    """Pooled access to one Postgres database; an async context manager. Errors are those of `database.errors`.

    Raises:
        WrongDatabaseUrl: the address is not a usable `postgresql://` URL.
    """

    def __init__(self, url: str, pool_size: int = 4) -> None:
        raise NotImplementedError

    @property
    def engine(self) -> AsyncEngine:
        """The SQLAlchemy engine: for migrations, and for tests that count statements."""
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        raise NotImplementedError

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        raise NotImplementedError

    @asynccontextmanager
    async def begin(self) -> AsyncGenerator[Connection]:
        """One transaction: committed when the block ends, undone when it raises.

        Raises:
            DatabaseUnavailable: the server is away, went away, or undid the transaction; do the same again later.
        """
        raise NotImplementedError
        yield

    @asynccontextmanager
    async def listen(self, *channels: str) -> AsyncGenerator[Listener]:
        """Listen to `channels` on a connection of its own."""
        raise NotImplementedError
        yield
