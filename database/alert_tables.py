"""The part of the schema that tells the outside of what happened: webhooks, and what is to be delivered to them."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, DOUBLE_PRECISION, JSONB

from database.people_tables import person, project
from database.schema import identity, metadata, moment

webhook = sa.Table(
    "webhook",
    metadata,
    identity(),
    sa.Column("project", sa.BigInteger, sa.ForeignKey(project.c.id), nullable=False, index=True),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("secret", sa.Text, nullable=False, comment="what deliveries are signed with"),
    sa.Column("kinds", ARRAY(sa.Text), nullable=False),
    sa.Column("shares", ARRAY(sa.SmallInteger), nullable=False, comment="of a limit, in percent"),
    sa.Column("plateau_evaluations", sa.BigInteger, comment="so many without a new best are a plateau"),
    sa.Column("plateau_seconds", DOUBLE_PRECISION, comment="so many without a new best are one too"),
    sa.Column("person", sa.BigInteger, sa.ForeignKey(person.c.id), comment="who made it"),
    moment("created_at"),
)

alert_position = sa.Table(
    "alert_position",
    metadata,
    sa.Column("run", sa.BigInteger, sa.ForeignKey("run.id"), primary_key=True),
    sa.Column("event", sa.BigInteger, nullable=False, comment="alerts are made of the log up to here"),
    sa.Column("verified", DOUBLE_PRECISION, comment="best verified score up to there"),
)

delivery = sa.Table(
    "delivery",
    metadata,
    identity(),
    sa.Column("webhook", sa.BigInteger, sa.ForeignKey(webhook.c.id, ondelete="CASCADE"), nullable=False),
    sa.Column("key", sa.Text, nullable=False, comment="names what happened, so that it is told once"),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("payload", JSONB, nullable=False),
    sa.Column("attempts", sa.SmallInteger, server_default="0", nullable=False),
    sa.Column("next_at", sa.DateTime(timezone=True), server_default=sa.func.now(), comment="null: delivered, or given up"),
    sa.Column("delivered_at", sa.DateTime(timezone=True)),
    sa.Column("status", sa.SmallInteger, comment="of the last answer"),
    sa.Column("failure", sa.Text, comment="of the last attempt, in words"),
    moment("created_at"),
    sa.UniqueConstraint("webhook", "key"),
)
sa.Index("ix_delivery_webhook_id", delivery.c.webhook, delivery.c.id)
sa.Index("ix_delivery_due", delivery.c.next_at, postgresql_where=delivery.c.next_at.is_not(None))
