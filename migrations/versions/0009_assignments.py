"""What people and agents are asked in a model's place."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import BYTEA

revision = "0009"
down_revision = "0008"


def upgrade():
    op.create_table(
        "assignment",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("run", sa.BigInteger, nullable=False),
        sa.Column("proposal", sa.BigInteger, nullable=False),
        sa.Column("handed", sa.BigInteger, nullable=False, comment="lease of the proposal while people have it"),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("template", sa.Text, nullable=False, comment="prompt template and its version"),
        sa.Column("prompt", BYTEA, nullable=False),
        sa.Column(
            "state",
            sa.Enum("open", "leased", "answered", "withdrawn", name="assignmentstate"),
            server_default="open",
            nullable=False,
        ),
        sa.Column(
            "expires_at", sa.DateTime(timezone=True), nullable=False, comment="an answer that comes later is refused"
        ),
        sa.Column("person", sa.BigInteger, comment="who leased it last"),
        sa.Column("token", sa.BigInteger, comment="by which token"),
        sa.Column("lease", sa.BigInteger, comment="fencing token: who does not hold the newest one writes nothing"),
        sa.Column("lease_until", sa.DateTime(timezone=True)),
        sa.Column("answer", BYTEA),
        sa.Column("answered_at", sa.DateTime(timezone=True)),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["run.id"], name="fk_assignment_run"),
        sa.ForeignKeyConstraint(["proposal"], ["proposal.id"], name="fk_assignment_proposal"),
        sa.ForeignKeyConstraint(["prompt"], ["blob.hash"], name="fk_assignment_prompt"),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name="fk_assignment_person"),
        sa.ForeignKeyConstraint(["token"], ["token.id"], name="fk_assignment_token"),
        sa.ForeignKeyConstraint(["answer"], ["blob.hash"], name="fk_assignment_answer"),
        sa.PrimaryKeyConstraint("id", name="pk_assignment"),
    )
    unanswered = sa.text("state IN ('open', 'leased')")
    op.create_index("ix_assignment_proposal", "assignment", ["proposal"])
    op.create_index("ix_assignment_unanswered", "assignment", ["id"], postgresql_where=unanswered)
    op.create_index("ix_assignment_unanswered_run", "assignment", ["run"], postgresql_where=unanswered)
    op.create_index("ix_assignment_run_id", "assignment", ["run", "id"])
    op.create_index(
        "ix_assignment_answered",
        "assignment",
        ["token", "answered_at"],
        postgresql_where=sa.text("state = 'answered'"),
    )
