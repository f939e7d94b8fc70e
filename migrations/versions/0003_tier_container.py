"""Boxes that are containers."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade():
    op.execute("ALTER TYPE tier ADD VALUE 'container' BEFORE 'plain'")
