"""Projects and runs take turns in what evaluators and workers do, by weight."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"

share = postgresql.ENUM("evaluations", "model_calls", "mutations", name="share", create_type=False)
AMOUNT = sa.DOUBLE_PRECISION()


def upgrade() -> None:
    share.create(op.get_bind())
    op.add_column(
        "project", sa.Column("weight", AMOUNT, server_default="1", nullable=False, comment="its share of slots against others")
    )
    op.create_check_constraint(op.f("ck_project_weight_in_range"), "project", "weight between 0.001 and 1000")
    op.add_column(
        "run", sa.Column("priority", AMOUNT, server_default="1", nullable=False, comment="its share among runs of the project")
    )
    op.create_check_constraint(op.f("ck_run_priority_in_range"), "run", "priority between 0.001 and 1000")
    op.add_column(
        "run", sa.Column("mean_s", AMOUNT, server_default="0", nullable=False, comment="seconds of one of its evaluations")
    )
    op.create_table(
        "turn",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("project", sa.BigInteger(), nullable=True),
        sa.Column("run", sa.BigInteger(), nullable=True),
        sa.Column("share", share, nullable=False),
        sa.Column("at", AMOUNT, server_default="0", nullable=False, comment="what was served, divided by the weight"),
        sa.CheckConstraint("num_nonnulls(project, run) = 1", name=op.f("ck_turn_one_owner")),
        sa.ForeignKeyConstraint(["project"], ["project.id"], name=op.f("fk_turn_project")),
        sa.ForeignKeyConstraint(["run"], ["run.id"], name=op.f("fk_turn_run")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_turn")),
        sa.UniqueConstraint("project", "share", name=op.f("uq_turn_project_share")),
        sa.UniqueConstraint("run", "share", name=op.f("uq_turn_run_share")),
    )
    op.execute("INSERT INTO turn (project, share) SELECT id, unnest(enum_range(CAST(NULL AS share))) FROM project")
    op.execute("INSERT INTO turn (run, share) SELECT id, unnest(enum_range(CAST(NULL AS share))) FROM run")
    op.drop_index("ix_evaluation_claim", "evaluation")
    op.create_index(
        "ix_evaluation_claim", "evaluation", ["run", "tier", "id"], unique=False, postgresql_where=sa.text("state = 'queued'")
    )
    op.drop_index("ix_proposal_claim", "proposal")
    op.create_index("ix_proposal_claim", "proposal", ["run", "id"], unique=False, postgresql_where=sa.text("state = 'queued'"))
