"""Bring a database to the newest schema."""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.util import CommandError

from database.engine import Database
from database.errors import NotAllowed

MIGRATIONS = Path(__file__).parent.parent / "migrations"
ADVISORY_LOCK = 0x6761_6C61  # "gala": the same in every process that migrates


async def upgrade(url: str) -> None:
    """Apply the missing migrations, once: processes that start together wait for one another (advisory lock).

    Raises:
        WrongDatabaseUrl: the address is not usable.
        DatabaseUnavailable: the server cannot be reached.
        NotAllowed: a newer version of Galapagos has migrated this database already.
    """
    async with Database(url, pool_size=1) as database, database.begin() as connection:
        await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(ADVISORY_LOCK)))
        await connection.run_sync(_upgrade)


def configuration(connection: sa.Connection) -> Config:
    """Alembic's configuration for one open connection."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _upgrade(connection: sa.Connection) -> None:
    try:
        command.upgrade(configuration(connection), "head")
    except CommandError as error:
        raise NotAllowed(
            f"the database was migrated by another version of Galapagos than this one ({error}); use that version, or another "
            "database"
        ) from error
