"""Programs that people inject, and ideas that models are told."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0011"
down_revision = "0010"


def upgrade():
    op.execute("ALTER TYPE operator ADD VALUE 'inject'")
    op.add_column(
        "proposal",
        sa.Column("ideas", ARRAY(sa.BigInteger), comment="commands whose ideas the model is told; null: none"),
    )
    op.add_column(
        "proposal", sa.Column("injection", sa.BigInteger, comment="command that holds the program of an inject")
    )
    op.create_foreign_key("fk_proposal_injection", "proposal", "command", ["injection"], ["id"])
