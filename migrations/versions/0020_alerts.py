"""Webhooks, and what is to be delivered to them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0020"
down_revision = "0019"

AMOUNT = sa.DOUBLE_PRECISION()
NOW = sa.text("now()")


def upgrade() -> None:
    op.create_table(
        "webhook",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("project", sa.BigInteger(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False, comment="what deliveries are signed with"),
        sa.Column("kinds", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("shares", postgresql.ARRAY(sa.SmallInteger()), nullable=False, comment="of a limit, in percent"),
        sa.Column("plateau_evaluations", sa.BigInteger(), nullable=True, comment="so many without a new best are a plateau"),
        sa.Column("plateau_seconds", AMOUNT, nullable=True, comment="so many without a new best are one too"),
        sa.Column("person", sa.BigInteger(), nullable=True, comment="who made it"),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_webhook_person")),
        sa.ForeignKeyConstraint(["project"], ["project.id"], name=op.f("fk_webhook_project")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook")),
    )
    op.create_index(op.f("ix_webhook_project"), "webhook", ["project"], unique=False)
    op.create_table(
        "alert_position",
        sa.Column("run", sa.BigInteger(), nullable=False),
        sa.Column("event", sa.BigInteger(), nullable=False, comment="alerts are made of the log up to here"),
        sa.Column("verified", AMOUNT, nullable=True, comment="best verified score up to there"),
        sa.ForeignKeyConstraint(["run"], ["run.id"], name=op.f("fk_alert_position_run")),
        sa.PrimaryKeyConstraint("run", name=op.f("pk_alert_position")),
    )
    op.create_table(
        "delivery",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("webhook", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False, comment="names what happened, so that it is told once"),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("payload", postgresql.JSONB(), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column(
            "next_at", sa.DateTime(timezone=True), server_default=NOW, nullable=True, comment="null: delivered, or given up"
        ),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("status", sa.SmallInteger(), nullable=True, comment="of the last answer"),
        sa.Column("failure", sa.Text(), nullable=True, comment="of the last attempt, in words"),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.ForeignKeyConstraint(["webhook"], ["webhook.id"], name=op.f("fk_delivery_webhook"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery")),
        sa.UniqueConstraint("webhook", "key", name=op.f("uq_delivery_webhook_key")),
    )
    op.create_index("ix_delivery_webhook_id", "delivery", ["webhook", "id"], unique=False)
    op.create_index(
        "ix_delivery_due", "delivery", ["next_at"], unique=False, postgresql_where=sa.text("next_at IS NOT NULL")
    )
