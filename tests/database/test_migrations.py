import asyncio

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from database import tables
from database.embedded import EmbeddedPostgres
from database.engine import Database
from database.errors import NotAllowed
from database.migrate import upgrade
from database.roles import RIGHTS
from tests.conftest import administer, named_database


async def test_migrations_equal_the_tables(database: Database) -> None:
    def differences(connection: sa.Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        return [change for change in compare_metadata(context, tables.metadata) if "alembic_version" not in str(change)]

    async with database.begin() as connection:
        assert await connection.run_sync(differences) == []


async def test_enums_and_constraints_equal_the_tables(database: Database) -> None:
    declared = {
        column.type.name: list(column.type.enums)
        for table in tables.metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, sa.Enum)
    }
    checks = {
        str(constraint.name)
        for table in tables.metadata.tables.values()
        for constraint in table.constraints
        if isinstance(constraint, sa.CheckConstraint)
    }
    async with database.begin() as connection:
        rows = await connection.execute(
            sa.text(
                "SELECT t.typname, array_agg(CAST(e.enumlabel AS text) ORDER BY e.enumsortorder) "
                "FROM pg_enum e JOIN pg_type t ON t.oid = e.enumtypid GROUP BY t.typname"
            )
        )
        assert dict(rows.all()) == declared
        names = await connection.execute(sa.text("SELECT conname FROM pg_constraint WHERE contype = 'c'"))
        assert checks <= set(names.scalars())
        cached = await connection.execute(sa.text("SELECT cache_size FROM pg_sequences WHERE sequencename = 'lease_token'"))
        assert cached.scalar_one() == tables.lease_token.cache


def test_every_table_has_somebody_who_may_use_it() -> None:
    granted = {table for rights in RIGHTS.values() for table in rights}
    assert granted == set(tables.metadata.tables), "say in database/roles.py which kind of process may do what with the table"


async def test_processes_that_migrate_together_wait_for_one_another(postgres: EmbeddedPostgres) -> None:
    await administer(postgres, "CREATE DATABASE together")
    url = named_database(postgres, "together")
    try:
        await asyncio.gather(*(upgrade(url) for _ in range(3)))
        async with Database(url) as database, database.begin() as connection:
            assert (await connection.execute(sa.text("SELECT count(*) FROM alembic_version"))).scalar_one() == 1
    finally:
        await administer(postgres, "DROP DATABASE together WITH (FORCE)")


async def test_a_database_of_a_newer_version_is_refused(database: Database, database_url: str) -> None:
    async with database.begin() as connection:
        await connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(NotAllowed, match="another version of Galapagos"):
        await upgrade(database_url)
