"""A stop reason for runs whose stored state cannot be continued."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("ALTER TYPE stopreason ADD VALUE 'damaged'")
