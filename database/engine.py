"""Access to Postgres: pooled connections, transactions, notifications, and plain words when it is away."""

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self

import asyncpg
import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as NoFreeConnectionError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from database.errors import DatabaseUnavailable, WrongDatabaseUrl

Connection = AsyncConnection
"""An open transaction's connection: what every function of `database` takes first."""

CONTROLLER = "controller"
WORKERS = "workers"
EVALUATORS = "evaluators"
PEOPLE = "people"

SCHEMES = ("postgresql", "postgres", "postgresql+asyncpg")
OPTIONS = {"host": "host", "port": "port", "sslmode": "ssl", "ssl": "ssl"}
CONNECT_S = 10.0
IDLE_S = 120
"""A process that hangs in the middle of a transaction loses it after so long: others wait for what it holds."""
SILENCE_S = 30
"""A connection through a network that answers nothing for about so long is given up."""
RETRY_S = 0.25

# The server ended, restarts, has no room (connections, disk, memory), cannot read or write its disk, is a standby that
# takes over, cancelled a statement, ended an idle transaction, undid one to save another, or gave up waiting for a lock.
_PASSING = {"55P03", "57P01", "57P02", "57P03", "57014", "25P03", "25006", "40P01", "40001", "58030"}
_NO_RESOURCES = "53"
_REFUSED_LOGIN = (
    asyncpg.InvalidPasswordError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InvalidAuthorizationSpecificationError,
)
_driver: Any = asyncpg
_CANNOT_CONNECT = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)

_NOTIFY = sa.text("SELECT pg_notify(channel, '') FROM unnest(CAST(:channels AS text[])) AS channel")


async def notify(connection: Connection, *channels: str) -> None:
    """Wake the processes that listen to `channels`, once this transaction commits. A hint, never the only way to know."""
    await connection.execute(_NOTIFY, {"channels": list(channels)})


class Listener:
    """Hears notifications; reconnects by itself when the server comes back."""

    def __init__(self, address: dict[str, Any], channels: tuple[str, ...]) -> None:
        self._address = address
        self._channels = channels
        self._connection: Any = None
        self._heard: set[str] = set()
        self._news = asyncio.Event()

    async def connect(self) -> None:
        """Begin to listen.

        Raises:
            DatabaseUnavailable: the server cannot be reached.
            WrongDatabaseUrl: the server refuses this address.
        """
        try:
            connection = await _open(self._address)
            connection.add_termination_listener(self._lost)
            for channel in self._channels:
                await connection.add_listener(channel, self._hear)
        except _CANNOT_CONNECT as error:
            raise _plain(error) from error
        self._connection = connection

    async def wait(self, timeout_s: float) -> frozenset[str]:
        """Return the channels notified since the last call, waiting at most `timeout_s` seconds for the first one.

        Empty after the time limit, and after a lost connection (something may have been missed: look at the tables).
        """
        if self._connection is None:
            try:
                await self.connect()
            except DatabaseUnavailable:
                await asyncio.sleep(min(timeout_s, RETRY_S))
            return frozenset()
        try:
            async with asyncio.timeout(timeout_s):
                await self._news.wait()
        except TimeoutError:
            return frozenset()
        heard = frozenset(self._heard)
        self._heard.clear()
        self._news.clear()
        return heard

    async def close(self) -> None:
        """Stop listening."""
        if self._connection is not None:
            self._connection.remove_termination_listener(self._lost)
            await self._connection.close()

    def _hear(self, _connection: object, _pid: int, channel: str, _payload: object) -> None:
        self._heard.add(channel)
        self._news.set()

    def _lost(self, _connection: object) -> None:
        self._connection = None
        self._news.set()


class Sole:
    """The right to be the only one that holds a name, as long as one session of the server lives."""

    def __init__(self, session: Any) -> None:
        self._session = session

    async def check(self) -> None:
        """Make sure that the right is still held: a session that ended gave it to somebody else without a word.

        Raises:
            DatabaseUnavailable: the session is gone, or the server does not answer; stop, and ask for the right anew.
        """
        try:
            await self._session.execute("SELECT 1", timeout=CONNECT_S)
        except _CANNOT_CONNECT as error:
            raise _plain(error) from error


class Database:
    """Pooled access to one Postgres database; an async context manager. Errors are those of `database.errors`.

    Raises:
        WrongDatabaseUrl: the address is not a usable `postgresql://` URL.
    """

    def __init__(self, url: str, pool_size: int = 4) -> None:
        self._address = connect_arguments(url)
        self._engine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=self._connect,
            pool_size=pool_size,
            max_overflow=0,
            # Errors go to logs, and parameters hold secrets of runs, prompts and programs.
            hide_parameters=True,
            pool_reset_on_return="rollback",
        )

    @property
    def engine(self) -> AsyncEngine:
        """The SQLAlchemy engine: for migrations, and for tests that count statements."""
        return self._engine

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._engine.dispose()

    @asynccontextmanager
    async def begin(self) -> AsyncGenerator[Connection]:
        """One transaction: committed when the block ends, undone when it raises.

        Raises:
            DatabaseUnavailable: the server is away, went away, or undid the transaction; do the same again later. A
                commit whose answer was lost may have happened: what is done again must notice.
            WrongDatabaseUrl: the server refuses this address.
        """
        connected = False
        try:
            async with self._engine.connect() as connection, connection.begin():
                connected = True
                yield connection
        except (DBAPIError, NoFreeConnectionError, *_CANNOT_CONNECT) as error:
            if not connected:
                raise _plain(error) from error
            if _passes(error):
                raise DatabaseUnavailable(f"the database went away or undid a transaction; try again: {error}") from error
            raise

    @asynccontextmanager
    async def listen(self, *channels: str) -> AsyncGenerator[Listener]:
        """Listen to `channels` on a connection of its own.

        Raises:
            DatabaseUnavailable: the server cannot be reached at first; later losses are repaired by the listener.
        """
        listener = Listener(self._address, channels)
        await listener.connect()
        try:
            yield listener
        finally:
            await listener.close()

    @asynccontextmanager
    async def sole(self, name: str) -> AsyncGenerator[Sole]:
        """Be the only one that holds `name` (a session's advisory lock), waiting for it; freed when this process ends.

        Who holds it and loses its connection loses the lock without notice: ask `Sole.check` again and again, and fence
        what is written by an epoch as well.

        Raises:
            DatabaseUnavailable: the server cannot be reached, or went away while waiting.
        """
        try:
            connection = await _open(self._address)
        except _CANNOT_CONNECT as error:
            raise _plain(error) from error
        try:
            try:
                await connection.execute("SELECT pg_advisory_lock(hashtext($1))", name)
            except _CANNOT_CONNECT as error:
                raise _plain(error) from error
            yield Sole(connection)
        finally:
            # Not close: that would wait for the server, which may be away.
            connection.terminate()

    async def _connect(self) -> Any:
        return await _open(self._address)


async def _open(address: dict[str, Any]) -> Any:
    """A connection that notices when the network has lost its server, which the kernel alone may take hours for."""
    connection = await _driver.connect(**address)
    channel = connection._transport.get_extra_info("socket")
    if channel is not None and channel.family in {socket.AF_INET, socket.AF_INET6}:
        channel.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        channel.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, SILENCE_S // 3)
        channel.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, SILENCE_S // 6)
        channel.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SILENCE_S * 1000)
    return connection


def connect_arguments(url: str) -> dict[str, Any]:
    """The arguments of `asyncpg.connect` for a database URL.

    Raises:
        WrongDatabaseUrl: the address is not a usable `postgresql://` URL.
    """
    expected = "expected postgresql://USER:PASSWORD@HOST:PORT/NAME or postgresql://USER@/NAME?host=/FOLDER/OF/SOCKET"
    try:
        parsed = sa.make_url(url)
    except (ArgumentError, ValueError):
        raise WrongDatabaseUrl(f"the database URL cannot be read: {expected}; got {_hidden(url)}; correct it") from None
    if parsed.drivername not in SCHEMES:
        raise WrongDatabaseUrl(
            f"the database must be Postgres: {expected}; got the scheme {parsed.drivername!r}; correct GALAPAGOS_DATABASE_URL"
        )
    unknown = set(parsed.query) - set(OPTIONS)
    if unknown:
        raise WrongDatabaseUrl(
            f"the database URL has options that are not known: {', '.join(sorted(unknown))}; known are {', '.join(OPTIONS)}; "
            "remove or correct them"
        )
    if not parsed.database:
        raise WrongDatabaseUrl(f"the database URL names no database: {expected}; got {parsed}; add the name")
    arguments: dict[str, Any] = {"database": parsed.database, "timeout": CONNECT_S}
    named = {"host": parsed.host, "port": parsed.port, "user": parsed.username, "password": parsed.password}
    arguments |= {name: value for name, value in named.items() if value is not None}
    arguments |= {OPTIONS[name]: value for name, value in parsed.query.items()}
    if "port" in parsed.query:
        arguments["port"] = int(str(parsed.query["port"]))
    arguments["server_settings"] = {
        "application_name": "galapagos",
        "jit": "off",
        "idle_in_transaction_session_timeout": f"{IDLE_S}s",
    }
    return arguments


def _hidden(url: str) -> str:
    # What cannot be parsed may hold a password anywhere behind the scheme.
    scheme, separator, _ = url.partition("://")
    return repr(f"{scheme}://...") if separator else "a text without '://'"


def _passes(error: BaseException) -> bool:
    if isinstance(error, DBAPIError):
        state: str = getattr(error.orig, "sqlstate", None) or ""
        return error.connection_invalidated or state in _PASSING or state.startswith(_NO_RESOURCES)
    return isinstance(error, (ConnectionError, asyncpg.PostgresConnectionError))


def _plain(error: BaseException) -> DatabaseUnavailable | WrongDatabaseUrl:
    cause = error
    if isinstance(error, DBAPIError) and error.orig is not None:
        cause = error.orig.__cause__ or error.orig
    said = "; ".join(str(cause).splitlines())
    if isinstance(cause, _REFUSED_LOGIN):
        return WrongDatabaseUrl(
            f"Postgres is there but refuses the login: {said}; correct user, password or name in GALAPAGOS_DATABASE_URL, or "
            "create the database"
        )
    return DatabaseUnavailable(
        f"no Postgres answers at the database URL: {type(cause).__name__}: {said}; start the server, or correct "
        "GALAPAGOS_DATABASE_URL"
    )
