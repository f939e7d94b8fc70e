"""What evaluations held GPUs for."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    op.add_column(
        "evaluation",
        sa.Column(
            "gpu_s",
            sa.DOUBLE_PRECISION(),
            server_default="0",
            nullable=False,
            comment="seconds for which a GPU was held, all attempts together",
        ),
    )
