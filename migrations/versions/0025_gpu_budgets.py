"""GPU seconds are limited and counted, and projects take turns in GPUs."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"

RESOURCES = "'micro_dollars', 'tokens', 'evaluations', 'gpu_milliseconds'"
SHARES = "'evaluations', 'model_calls', 'mutations', 'gpus'"
SEEN = "empty: evaluations, of which no model is said"


def upgrade() -> None:
    op.execute("ALTER TYPE stopreason ADD VALUE 'gpu_seconds'")
    _renew("resource", RESOURCES, "allowance", "resource")
    _renew("share", SHARES, "turn", "share")
    for owner in ("project", "person", "run"):
        op.execute(f"INSERT INTO allowance ({owner}, resource) SELECT id, 'gpu_milliseconds' FROM {owner} ORDER BY id")
    for owner in ("project", "run"):
        op.execute(f"INSERT INTO turn ({owner}, share) SELECT id, 'gpus' FROM {owner} ORDER BY id")
    op.add_column(
        "run",
        sa.Column(
            "mean_gpu_s",
            sa.DOUBLE_PRECISION(),
            server_default="0",
            nullable=False,
            comment="those for which it holds a GPU",
        ),
    )
    op.add_column("record", sa.Column("gpu_milliseconds", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("spending", sa.Column("gpu_milliseconds", sa.BigInteger(), server_default="0", nullable=False))
    op.alter_column(
        "spending",
        "model",
        existing_type=sa.Text(),
        existing_nullable=False,
        comment="empty: evaluations and GPU time, of which no model is said",
        existing_comment=SEEN,
    )


def _renew(name: str, values: str, table: str, column: str) -> None:
    """Make a type anew with one more value: one that is added cannot be used in the same transaction."""
    op.execute(f"ALTER TYPE {name} RENAME TO {name}_before")
    op.execute(f"CREATE TYPE {name} AS ENUM ({values})")
    op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} TYPE {name} USING CAST(CAST({column} AS text) AS {name})")
    op.execute(f"DROP TYPE {name}_before")
