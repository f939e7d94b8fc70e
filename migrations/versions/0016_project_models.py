"""Projects may be allowed some models instead of all."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.add_column(
        "project",
        sa.Column(
            "any_model", sa.Boolean(), server_default=sa.true(), nullable=False, comment="else those of project_model alone"
        ),
    )
    op.create_table(
        "project_model",
        sa.Column("project", sa.BigInteger(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False, comment="as runs call it; it need not be configured"),
        sa.ForeignKeyConstraint(["project"], ["project.id"], name=op.f("fk_project_model_project")),
        sa.PrimaryKeyConstraint("project", "model", name=op.f("pk_project_model")),
    )
