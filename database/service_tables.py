"""The part of the schema that a service has beside its runs: machines, processes, GPUs, what was spent, and answers."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import BYTEA, JSONB

from database.schema import enum_column_type, identity, metadata, moment
from evolution.evaluation import Tier
from evolution.gpu import GpuHealth

machine = sa.Table(
    "machine",
    metadata,
    sa.Column("fingerprint", BYTEA, primary_key=True),
    sa.Column("description", JSONB, nullable=False),
)

process = sa.Table(
    "process",
    metadata,
    identity(),
    sa.Column("kind", sa.Text, nullable=False, comment="server, controller, workers or evaluators"),
    sa.Column("host", sa.Text, nullable=False),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("slots", sa.SmallInteger, comment="of evaluators: programs that it judges at a time"),
    sa.Column("busy", sa.SmallInteger, comment="slots that were judging at the last sign of life"),
    sa.Column("tier", enum_column_type(Tier)),
    sa.Column("machine", BYTEA, sa.ForeignKey(machine.c.fingerprint)),
    moment("started_at"),
    sa.Column(
        "heard_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False, comment="its last sign of life"
    ),
)
sa.Index(None, process.c.heard_at)

gpu = sa.Table(
    "gpu",
    metadata,
    sa.Column("uuid", sa.Text, primary_key=True, comment="as its driver calls it"),
    sa.Column("host", sa.Text, nullable=False),
    sa.Column("gpu", JSONB, nullable=False, comment="model, driver, memory"),
    sa.Column("reading", JSONB, nullable=False, comment="memory used, temperature, power, clocks, throttle reasons"),
    sa.Column("lease", sa.BigInteger, comment="fencing token: who does not hold the newest one writes nothing"),
    sa.Column("lease_owner", sa.Text),
    sa.Column("lease_run", sa.BigInteger, sa.ForeignKey("run.id"), comment="for whose evaluation it is held"),
    sa.Column("leased_at", sa.DateTime(timezone=True)),
    sa.Column("lease_until", sa.DateTime(timezone=True)),
    sa.Column("aside_until", sa.DateTime(timezone=True), comment="nobody is given it before"),
    sa.Column("aside_times", sa.SmallInteger, server_default="0", nullable=False, comment="one after the other"),
    sa.Column("health", enum_column_type(GpuHealth), comment="why it is set aside: busy or lost"),
    sa.Column("cause", sa.Text, comment="the same in words"),
    moment("heard_at"),
)

spending = sa.Table(
    "spending",
    metadata,
    sa.Column("run", sa.BigInteger, sa.ForeignKey("run.id"), primary_key=True),
    sa.Column("day", sa.Date, primary_key=True, comment="in UTC"),
    sa.Column("model", sa.Text, primary_key=True, comment="empty: evaluations and GPU time, of which no model is said"),
    *(
        sa.Column(name, sa.BigInteger, server_default="0", nullable=False)
        for name in ("calls", "failed", "micro_dollars", "tokens_in", "tokens_out", "evaluations", "gpu_milliseconds")
    ),
)
sa.Index(None, spending.c.day)

answered_request = sa.Table(
    "answered_request",
    metadata,
    sa.Column("person", sa.BigInteger, sa.ForeignKey("person.id"), primary_key=True),
    sa.Column("key", sa.Text, primary_key=True, comment="chosen by the client"),
    sa.Column("request", BYTEA, nullable=False, comment="SHA-256 of what was asked"),
    sa.Column("status", sa.SmallInteger, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    moment("created_at"),
)
sa.Index(None, answered_request.c.created_at)

removal = sa.Table(
    "removal",
    metadata,
    sa.Column("run", sa.BigInteger, sa.ForeignKey("run.id"), primary_key=True),
    sa.Column("after_number", sa.Integer, server_default="-1", nullable=False, comment="proposals up to here are done"),
    sa.Column("programs", sa.BigInteger, server_default="0", nullable=False, comment="that lost their sources"),
    sa.Column("prompts", sa.BigInteger, server_default="0", nullable=False, comment="that are gone, with their answers"),
    moment("began_at"),
    sa.Column("ended_at", sa.DateTime(timezone=True)),
)
sa.Index("ix_removal_unfinished", removal.c.run, postgresql_where=removal.c.ended_at.is_(None))
