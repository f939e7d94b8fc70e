"""Processes say that they live, so that people see which there are."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"

tier = postgresql.ENUM(name="tier", create_type=False)


def upgrade() -> None:
    op.create_table(
        "process",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="server, controller, workers or evaluators"),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("slots", sa.SmallInteger(), nullable=True, comment="of evaluators: programs that it judges at a time"),
        sa.Column("busy", sa.SmallInteger(), nullable=True, comment="slots that were judging at the last sign of life"),
        sa.Column("tier", tier, nullable=True),
        sa.Column("machine", postgresql.BYTEA(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column(
            "heard_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False, comment="its last sign of life"
        ),
        sa.ForeignKeyConstraint(["machine"], ["machine.fingerprint"], name=op.f("fk_process_machine")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_process")),
    )
    op.create_index(op.f("ix_process_heard_at"), "process", ["heard_at"], unique=False)
