"""What was spent is summed up by run, day and model."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.create_table(
        "spending",
        sa.Column("run", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False, comment="in UTC"),
        sa.Column("model", sa.Text(), nullable=False, comment="empty: evaluations, of which no model is said"),
        sa.Column("calls", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("failed", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("micro_dollars", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("tokens_in", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("tokens_out", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("evaluations", sa.BigInteger(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["run"], ["run.id"], name=op.f("fk_spending_run")),
        sa.PrimaryKeyConstraint("run", "day", "model", name=op.f("pk_spending")),
    )
    op.create_index(op.f("ix_spending_day"), "spending", ["day"], unique=False)
    op.execute("""
        INSERT INTO spending (run, day, model, calls, failed, micro_dollars, tokens_in, tokens_out)
        SELECT run, CAST(created_at AT TIME ZONE 'UTC' AS date), model, count(*), count(failure), sum(cost_micro_dollars),
            coalesce(sum(tokens_in), 0), coalesce(sum(tokens_out), 0)
        FROM completion WHERE cost_micro_dollars IS NOT NULL GROUP BY 1, 2, 3
    """)
    op.execute("""
        INSERT INTO spending (run, day, model, evaluations)
        SELECT run, CAST(at AT TIME ZONE 'UTC' AS date), '', count(*) FROM event
        WHERE kind = 'admitted' AND CAST(payload ->> 'number' AS integer) > 0 GROUP BY 1, 2
    """)
