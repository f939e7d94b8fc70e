"""Where a run was forked from."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade():
    op.add_column("run", sa.Column("origin_run", sa.BigInteger(), comment="the run that it was forked from"))
    op.add_column("run", sa.Column("origin_program", sa.Integer(), comment="number of the program there that is the seed here"))
    op.create_foreign_key("fk_run_origin_run", "run", "run", ["origin_run"], ["id"])
