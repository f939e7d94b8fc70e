"""Requests that were answered, to be answered alike when they are sent again."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.create_table(
        "answered_request",
        sa.Column("person", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False, comment="chosen by the client"),
        sa.Column("request", sa.LargeBinary(), nullable=False, comment="SHA-256 of what was asked"),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_answered_request_person")),
        sa.PrimaryKeyConstraint("person", "key", name=op.f("pk_answered_request")),
    )
    op.create_index(op.f("ix_answered_request_created_at"), "answered_request", ["created_at"], unique=False)
