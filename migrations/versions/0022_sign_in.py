"""People may sign in with an account of an OpenID provider."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    op.add_column("person", sa.Column("issuer", sa.Text(), nullable=True, comment="the provider of the account that signs in"))
    op.add_column("person", sa.Column("subject", sa.Text(), nullable=True, comment="that account, as its provider calls it"))
    op.create_check_constraint(op.f("ck_person_whole_account"), "person", "num_nonnulls(issuer, subject) in (0, 2)")
    op.create_unique_constraint(op.f("uq_person_issuer_subject"), "person", ["issuer", "subject"])
    op.add_column(
        "token",
        sa.Column("session", sa.Boolean(), server_default=sa.false(), nullable=False, comment="made by a sign-in; ends with it"),
    )
    op.create_table(
        "sign_in",
        sa.Column("hash", sa.LargeBinary(), nullable=False, comment="SHA-256 of its state and of the browser's secret"),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_sign_in")),
    )
    op.create_index(op.f("ix_sign_in_expires_at"), "sign_in", ["expires_at"], unique=False)
