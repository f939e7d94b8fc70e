"""Bring a database to the newest schema. `python -m database.migrate` does so and ends.

It is told the address of the tables' owner, and of each kind of process whose role it is to make or to mend.
"""

import asyncio
import logging
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from database import roles
from database.engine import Database, connect_arguments
from database.errors import DatabaseUnavailable, NotAllowed, WrongDatabaseUrl
from database.logs import start_logging
from database.settings import PREFIX, EnvironmentSettings, LogFormat, Secret, SettingsError
from evolution.process import Kind

MIGRATIONS = Path(__file__).parent.parent / "migrations"
ADVISORY_LOCK = 0x6761_6C61  # "gala": the same in every process that migrates
LEAST_PASSWORD = 16
PATIENCE_S = 60.0
"""So long a server that is just being started is waited for, or who holds a table."""
RETRY_S = 0.5

_SHORT_WAIT = sa.text("SET LOCAL lock_timeout = '2s'")
_TABLES = sa.text(
    "SELECT string_agg(quote_ident(tablename), ', ' ORDER BY tablename) FROM pg_tables WHERE schemaname = 'public'"
)

log = logging.getLogger(__name__)


class MigrateSettings(EnvironmentSettings):
    """`database_url` is that of the tables' owner, who may create roles; each other one that of a kind of process."""

    log: LogFormat = LogFormat.TEXT
    database_url: Annotated[str, Secret()]
    server_url: Annotated[str | None, Secret()] = None
    controller_url: Annotated[str | None, Secret()] = None
    workers_url: Annotated[str | None, Secret()] = None
    evaluators_url: Annotated[str | None, Secret()] = None

    def logins(self) -> dict[Kind, tuple[str, str]]:
        """The role and the password of each kind of process that has an address.

        Raises:
            SettingsError: an address without a role or with a password that can be guessed, or a role of two kinds.
        """
        owner = connect_arguments(self.database_url).get("user")
        found: dict[Kind, tuple[str, str]] = {}
        for kind in Kind:
            url = getattr(self, f"{kind}_url")
            if url is None:
                continue
            arguments = connect_arguments(url)
            role, password = arguments.get("user", ""), arguments.get("password", "")
            variable = f"{PREFIX}{kind.upper()}_URL"
            if not role or role == owner or role in {other for other, _ in found.values()}:
                raise SettingsError(f"{variable} must name a role of its own, as postgresql://ROLE:PASSWORD@...; got {role!r}")
            if len(password) < LEAST_PASSWORD:
                raise SettingsError(
                    f"{variable} must hold a password of at least {LEAST_PASSWORD} characters; got one of {len(password)}; "
                    "choose a random one"
                )
            found[kind] = role, password
        return found


async def upgrade(url: str, logins: Mapping[Kind, tuple[str, str]] | None = None) -> None:
    """Apply the missing migrations, once: processes that start together wait for one another (advisory lock).

    Each role in `logins` then gets the password given there and the rights of its kind (`database.roles`).

    Raises:
        WrongDatabaseUrl: the address is not usable.
        DatabaseUnavailable: the server cannot be reached.
        NotAllowed: a newer version of Galapagos has migrated this database already.
    """
    async with Database(url, pool_size=1) as database, database.begin() as connection:
        await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(ADVISORY_LOCK)))
        await connection.run_sync(_upgrade)
        await roles.apply(connection, logins or {})


def configuration(connection: sa.Connection) -> Config:
    """Alembic's configuration for one open connection."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _upgrade(connection: sa.Connection) -> None:
    if MigrationContext.configure(connection).get_current_heads() != _newest():
        _hold_all_tables(connection)
    try:
        command.upgrade(configuration(connection), "head")
    except CommandError as error:
        raise NotAllowed(
            f"the database was migrated by another version of Galapagos than this one ({error}); use that version, or another "
            "database"
        ) from error


def _newest() -> tuple[str, ...]:
    return tuple(ScriptDirectory(str(MIGRATIONS)).get_heads())


def _hold_all_tables(connection: sa.Connection) -> None:
    """Lock all tables before one of them is changed: who waits for some and holds others could deadlock with others.

    Others wait behind who waits for a lock, so that is given up soon: a backup may hold its locks for long.
    """
    connection.execute(_SHORT_WAIT)
    if tables := connection.execute(_TABLES).scalar_one():
        connection.exec_driver_sql(f"LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE")


async def upgrade_patiently(url: str, logins: Mapping[Kind, tuple[str, str]], patience_s: float = PATIENCE_S) -> None:
    """Do what `upgrade` does, again and again while the database is away, or somebody holds what a migration changes.

    Raises:
        DatabaseUnavailable: it could not be done within `patience_s` seconds.
        WrongDatabaseUrl, NotAllowed: see `upgrade`.
    """
    deadline = time.monotonic() + patience_s
    while True:
        try:
            await upgrade(url, logins)
        except DatabaseUnavailable as error:
            if time.monotonic() > deadline:
                raise
            log.info("trying again: %s", error)
            await asyncio.sleep(RETRY_S)
        else:
            return


async def _migrate(settings: MigrateSettings) -> None:
    logins = settings.logins()
    await upgrade_patiently(settings.database_url, logins)
    log.info("the schema is the newest; roles: %s", ", ".join(role for role, _ in logins.values()) or "none")


def main() -> int:
    """Migrate; 2 where the settings are at fault, 3 where the database is."""
    start_logging("migrate")
    try:
        asyncio.run(_migrate(MigrateSettings.from_environment()))
    except (SettingsError, WrongDatabaseUrl) as error:
        log.critical("%s", error)
        return 2
    except (DatabaseUnavailable, NotAllowed) as error:
        log.critical("%s", error)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
