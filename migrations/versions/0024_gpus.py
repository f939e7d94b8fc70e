"""GPUs that evaluators see and lease, and which runs need one."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    op.add_column(
        "run",
        sa.Column("gpus", sa.SmallInteger(), server_default="0", nullable=False, comment="that an evaluator of it must have"),
    )
    op.create_table(
        "gpu",
        sa.Column("uuid", sa.Text(), nullable=False, comment="as its driver calls it"),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("gpu", postgresql.JSONB(astext_type=sa.Text()), nullable=False, comment="model, driver, memory"),
        sa.Column(
            "reading",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="memory used, temperature, power, clocks, throttle reasons",
        ),
        sa.Column(
            "lease", sa.BigInteger(), nullable=True, comment="fencing token: who does not hold the newest one writes nothing"
        ),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("leased_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("aside_until", sa.DateTime(timezone=True), nullable=True, comment="nobody is given it before"),
        sa.Column("aside_times", sa.SmallInteger(), server_default="0", nullable=False, comment="one after the other"),
        sa.Column(
            "health",
            sa.Enum("free", "leased", "busy", "lost", name="gpuhealth"),
            nullable=True,
            comment="why it is set aside: busy or lost",
        ),
        sa.Column("cause", sa.Text(), nullable=True, comment="the same in words"),
        sa.Column("heard_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("uuid", name=op.f("pk_gpu")),
    )
