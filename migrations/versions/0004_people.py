"""People, their tokens, projects that own problems and runs, and the audit log."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"

role = postgresql.ENUM("admin", "member", "viewer", "worker", name="role", create_type=False)


def upgrade() -> None:
    role.create(op.get_bind())
    op.create_table(
        "person",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("is_admin", sa.Boolean(), server_default=sa.text("false"), nullable=False, comment="administers the installation"),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False, comment="tokens of others are worth nothing"),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
        sa.UniqueConstraint("name", name=op.f("uq_person_name")),
    )
    op.create_table(
        "token",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("person", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False, comment="what it is for, in the person's words"),
        sa.Column("hash", postgresql.BYTEA(), nullable=False, comment="SHA-256 of the text, which is stored nowhere"),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True, comment="null: never"),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True, comment="to the minute"),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_token_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_token")),
        sa.UniqueConstraint("hash", name=op.f("uq_token_hash")),
    )
    op.create_index("ix_token_person", "token", ["person"])
    op.create_table(
        "project",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_project")),
        sa.UniqueConstraint("name", name=op.f("uq_project_name")),
    )
    op.create_table(
        "membership",
        sa.Column("project", sa.BigInteger(), nullable=False),
        sa.Column("person", sa.BigInteger(), nullable=False),
        sa.Column("role", role, nullable=False),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_membership_person")),
        sa.ForeignKeyConstraint(["project"], ["project.id"], name=op.f("fk_membership_project")),
        sa.PrimaryKeyConstraint("project", "person", name=op.f("pk_membership")),
    )
    op.create_index("ix_membership_person", "membership", ["person"])
    op.create_table(
        "project_problem",
        sa.Column("project", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False, comment="of the problem; the newest revision of a name is meant by it"),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["project"], ["project.id"], name=op.f("fk_project_problem_project")),
        sa.ForeignKeyConstraint(["revision"], ["problem.revision"], name=op.f("fk_project_problem_revision")),
        sa.PrimaryKeyConstraint("project", "revision", name=op.f("pk_project_problem")),
    )
    op.create_index("ix_project_problem_name", "project_problem", ["project", "name", "created_at"])
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("person", sa.BigInteger(), nullable=True, comment="null: who has the database itself"),
        sa.Column("token", sa.BigInteger(), nullable=True),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False, comment="the row that it was done to, as `person 3`"),
        sa.Column("detail", postgresql.JSONB(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_audit_person")),
        sa.ForeignKeyConstraint(["token"], ["token.id"], name=op.f("fk_audit_token")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.execute("CREATE TRIGGER never_changed BEFORE UPDATE ON audit FOR EACH ROW EXECUTE FUNCTION refuse_change()")
    op.execute("CREATE TRIGGER never_deleted BEFORE DELETE ON audit FOR EACH ROW EXECUTE FUNCTION refuse_change()")
    op.execute("CREATE TRIGGER never_emptied BEFORE TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()")
    # The first row has id 1, which everything that knows of no projects belongs to.
    op.execute("INSERT INTO project (name) VALUES ('default')")
    op.execute("INSERT INTO project_problem (project, revision, name, created_at) SELECT 1, revision, name, created_at FROM problem")
    op.add_column("run", sa.Column("project", sa.BigInteger(), server_default="1", nullable=False))
    op.alter_column("run", "project", server_default=None)
    op.add_column("run", sa.Column("person", sa.BigInteger(), nullable=True, comment="who started it; null: the command line"))
    op.create_foreign_key(op.f("fk_run_project"), "run", "project", ["project"], ["id"])
    op.create_foreign_key(op.f("fk_run_person"), "run", "person", ["person"], ["id"])
    op.create_index("ix_run_project", "run", ["project", "id"])
