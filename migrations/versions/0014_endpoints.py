"""What all workers know of a model endpoint."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.create_table(
        "endpoint",
        sa.Column("model", sa.Text(), nullable=False, comment="as runs call it"),
        sa.Column("paused_until", sa.DateTime(timezone=True), nullable=True, comment="the endpoint asked for it"),
        sa.Column(
            "next_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="no call begins before, where calls a minute are limited",
        ),
        sa.PrimaryKeyConstraint("model", name=op.f("pk_endpoint")),
    )
    op.create_index(
        "ix_completion_model", "completion", ["model"], unique=False, postgresql_where=sa.text("cost_micro_dollars IS NULL")
    )
