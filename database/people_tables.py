"""The part of the schema that tells who may do what: people, their tokens, projects, and the audit log."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import BYTEA, DOUBLE_PRECISION, JSONB

from database.schema import enum_column_type, identity, metadata, moment
from evolution.limits import Resource, Share
from evolution.people import Role

person = sa.Table(
    "person",
    metadata,
    identity(),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("is_admin", sa.Boolean, server_default=sa.false(), nullable=False, comment="administers the installation"),
    sa.Column("active", sa.Boolean, server_default=sa.true(), nullable=False, comment="tokens of others are worth nothing"),
    sa.Column("issuer", sa.Text, comment="the provider of the account that signs in"),
    sa.Column("subject", sa.Text, comment="that account, as its provider calls it"),
    moment("created_at"),
    sa.CheckConstraint("num_nonnulls(issuer, subject) in (0, 2)", name="whole_account"),
    sa.UniqueConstraint("issuer", "subject"),
)

token = sa.Table(
    "token",
    metadata,
    identity(),
    sa.Column("person", sa.BigInteger, sa.ForeignKey("person.id"), nullable=False, index=True),
    sa.Column("name", sa.Text, nullable=False, comment="what it is for, in the person's words"),
    sa.Column("hash", BYTEA, nullable=False, unique=True, comment="SHA-256 of the text, which is stored nowhere"),
    sa.Column("expires_at", sa.DateTime(timezone=True), comment="null: never"),
    sa.Column("revoked_at", sa.DateTime(timezone=True)),
    sa.Column("last_used_at", sa.DateTime(timezone=True), comment="to the minute"),
    sa.Column("session", sa.Boolean, server_default=sa.false(), nullable=False, comment="made by a sign-in; ends with it"),
    moment("created_at"),
)

sign_in = sa.Table(
    "sign_in",
    metadata,
    sa.Column("hash", BYTEA, primary_key=True, comment="SHA-256 of its state and of the browser's secret"),
    sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
)
sa.Index(None, sign_in.c.expires_at)

project = sa.Table(
    "project",
    metadata,
    identity(),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("weight", DOUBLE_PRECISION, server_default="1", nullable=False, comment="its share of slots against others"),
    sa.Column("any_model", sa.Boolean, server_default=sa.true(), nullable=False, comment="else those of project_model alone"),
    sa.Column("retention_days", sa.Integer, comment="ended runs keep texts so long; null: for ever"),
    moment("created_at"),
    sa.CheckConstraint("weight between 0.001 and 1000", name="weight_in_range"),
    sa.CheckConstraint("retention_days between 1 and 36500", name="retention_in_range"),
)

project_model = sa.Table(
    "project_model",
    metadata,
    sa.Column("project", sa.BigInteger, sa.ForeignKey("project.id"), primary_key=True),
    sa.Column("model", sa.Text, primary_key=True, comment="as runs call it; it need not be configured"),
)

turn = sa.Table(
    "turn",
    metadata,
    identity(),
    sa.Column("project", sa.BigInteger, sa.ForeignKey("project.id")),
    sa.Column("run", sa.BigInteger, sa.ForeignKey("run.id")),
    sa.Column("share", enum_column_type(Share), nullable=False),
    sa.Column("at", DOUBLE_PRECISION, server_default="0", nullable=False, comment="what was served, divided by the weight"),
    sa.CheckConstraint("num_nonnulls(project, run) = 1", name="one_owner"),
    sa.UniqueConstraint("project", "share"),
    sa.UniqueConstraint("run", "share"),
)

membership = sa.Table(
    "membership",
    metadata,
    sa.Column("project", sa.BigInteger, sa.ForeignKey("project.id"), primary_key=True),
    sa.Column("person", sa.BigInteger, sa.ForeignKey("person.id"), primary_key=True, index=True),
    sa.Column("role", enum_column_type(Role), nullable=False),
)

allowance = sa.Table(
    "allowance",
    metadata,
    identity(),
    sa.Column("project", sa.BigInteger, sa.ForeignKey("project.id")),
    sa.Column("person", sa.BigInteger, sa.ForeignKey("person.id")),
    sa.Column("run", sa.BigInteger, sa.ForeignKey("run.id")),
    sa.Column("resource", enum_column_type(Resource), nullable=False),
    sa.Column("most", sa.BigInteger, comment="null: no limit"),
    sa.Column("spent", sa.BigInteger, server_default="0", nullable=False),
    sa.Column("reserved", sa.BigInteger, server_default="0", nullable=False),
    sa.CheckConstraint("num_nonnulls(project, person, run) = 1", name="one_payer"),
    sa.CheckConstraint("most is null or spent + reserved <= most", name="within_limit"),
    sa.CheckConstraint("spent >= 0 and reserved >= 0", name="not_negative"),
    sa.UniqueConstraint("project", "resource"),
    sa.UniqueConstraint("person", "resource"),
    sa.UniqueConstraint("run", "resource"),
)

project_problem = sa.Table(
    "project_problem",
    metadata,
    sa.Column("project", sa.BigInteger, sa.ForeignKey("project.id"), primary_key=True),
    sa.Column("revision", sa.Text, sa.ForeignKey("problem.revision"), primary_key=True),
    sa.Column("name", sa.Text, nullable=False, comment="of the problem; the newest revision of a name is meant by it"),
    moment("created_at"),
)
sa.Index("ix_project_problem_name", project_problem.c.project, project_problem.c.name, project_problem.c.created_at)

audit = sa.Table(
    "audit",
    metadata,
    identity(),
    sa.Column("person", sa.BigInteger, sa.ForeignKey("person.id"), comment="null: who has the database itself"),
    sa.Column("token", sa.BigInteger, sa.ForeignKey("token.id")),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False, comment="the row that it was done to, as `person 3`"),
    sa.Column("detail", JSONB, nullable=False),
    moment("at"),
)
