"""A judge may tell early how a program behaves, and programs that behave alike are evaluated once."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import BYTEA

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    op.add_column(
        "evaluation",
        sa.Column("fingerprint", BYTEA(), nullable=True, comment="SHA-256 of what its judge said of the program's behaviour"),
    )
    op.add_column(
        "evaluation",
        sa.Column("twin", sa.Integer(), nullable=True, comment="number of the program that behaves alike, whose result this is"),
    )
    op.create_index(
        "ix_evaluation_fingerprint",
        "evaluation",
        ["run", "fingerprint"],
        unique=False,
        postgresql_where=sa.text("fingerprint is not null and twin is null"),
    )
