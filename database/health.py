"""Whether a database can be worked with."""

import sqlalchemy as sa

from database.engine import Connection
from database.migrate import MIGRATIONS

_REVISION = sa.text("SELECT version_num FROM alembic_version")
_MIGRATED = sa.text("SELECT to_regclass('alembic_version') IS NOT NULL")


async def schema_complaint(connection: Connection) -> str | None:
    """Why this version cannot work with the schema of the database; None if it is the right one."""
    if not (await connection.execute(_MIGRATED)).scalar_one():
        return "the database was never migrated: migrate it first"
    found: str | None = (await connection.execute(_REVISION)).scalar_one_or_none()
    expected = max(path.name for path in (MIGRATIONS / "versions").glob("[0-9]*.py")).partition("_")[0]
    if found == expected:
        return None
    return f"the database has the schema {found}, this version needs {expected}: migrate it, or use the version that did"
