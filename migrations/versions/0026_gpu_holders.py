"""For which run a GPU is held."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    op.add_column("gpu", sa.Column("lease_run", sa.BigInteger(), nullable=True, comment="for whose evaluation it is held"))
    op.create_foreign_key(op.f("fk_gpu_lease_run"), "gpu", "run", ["lease_run"], ["id"])
