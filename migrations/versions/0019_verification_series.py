"""Verifications of one program are numbered: each has seeds of its own."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.add_column(
        "evaluation",
        sa.Column(
            "series",
            sa.SmallInteger(),
            server_default="0",
            nullable=False,
            comment="of seeds: verifications before it",
        ),
    )
    op.execute("""
        UPDATE evaluation e SET series = least(n.before, 32767) FROM (
            SELECT id, row_number() OVER (PARTITION BY program ORDER BY id) - 1 AS before
            FROM evaluation WHERE purpose = 'verify'
        ) n WHERE e.id = n.id AND n.before > 0
    """)
