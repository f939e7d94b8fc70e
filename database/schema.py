"""What the tables of the schema are made of: their common metadata, and the columns that many of them have."""

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def enum_column_type(kind: type[StrEnum]) -> sa.Enum:
    """The type of a column that holds a member of `kind`: an enum in Postgres too."""
    return sa.Enum(*[member.value for member in kind], name=kind.__name__.lower())


def identity() -> sa.Column[int]:
    """A primary key `id` that the server counts up."""
    return sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True)


def moment(name: str) -> sa.Column[datetime]:
    """A column that holds when its row was made."""
    return sa.Column(name, sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False)
