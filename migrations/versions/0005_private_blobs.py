"""Prompts and answers are marked as private, so that a role may be kept from them row by row."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade():
    op.add_column(
        "blob",
        sa.Column("private", sa.Boolean(), server_default=sa.false(), nullable=False, comment="a prompt or an answer"),
    )
    op.execute("ALTER TABLE blob DISABLE TRIGGER never_changed")
    op.execute("""
        UPDATE blob SET private = true
        WHERE hash IN (SELECT prompt FROM completion UNION SELECT answer FROM completion)
            AND hash NOT IN (SELECT files FROM program UNION ALL SELECT blob FROM problem_file)
    """)
    op.execute("ALTER TABLE blob ENABLE TRIGGER never_changed")
    op.execute("ALTER TABLE blob ENABLE ROW LEVEL SECURITY")
    # Whom a role's own policy does not bound sees all that it was granted.
    op.execute("CREATE POLICY granted ON blob USING (true) WITH CHECK (true)")
