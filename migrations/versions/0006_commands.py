"""Commands of people to runs, paused runs, and the configuration that a run began with."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0006"
down_revision = "0005"


def upgrade():
    op.execute("ALTER TYPE runstate ADD VALUE 'paused' AFTER 'running'")
    op.alter_column("run", "config", comment="in force now: people may set its budget and its models")
    op.add_column(
        "run", sa.Column("first_config", JSONB, comment="what the run began with; its log is replayed from here")
    )
    op.execute("UPDATE run SET first_config = config")
    op.alter_column("run", "first_config", nullable=False)
    op.create_table(
        "command",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("run", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("payload", JSONB, nullable=False),
        sa.Column("person", sa.BigInteger, comment="who asked; null: the command line"),
        sa.Column(
            "state",
            sa.Enum("waiting", "taken", "refused", name="commandstate"),
            server_default="waiting",
            nullable=False,
        ),
        sa.Column("detail", sa.Text, comment="why it was refused, in words"),
        sa.Column("event", sa.BigInteger, comment="number of the event that it became"),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["run.id"], name="fk_command_run"),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name="fk_command_person"),
        sa.PrimaryKeyConstraint("id", name="pk_command"),
    )
    op.create_index("ix_command_waiting", "command", ["run", "id"], postgresql_where=sa.text("state = 'waiting'"))
    op.create_index("ix_command_run_id", "command", ["run", "id"])
    op.execute(
        "INSERT INTO command (run, kind, payload) "
        "SELECT id, 'stop', '{\"kind\": \"stop\"}' FROM run WHERE stop_asked AND state = 'running' ORDER BY id"
    )
    op.drop_column("run", "stop_asked")
