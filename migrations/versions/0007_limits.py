"""Limits of what projects, people and runs may spend, beside the money of each run."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"

resource = postgresql.ENUM("micro_dollars", "tokens", "evaluations", name="resource", create_type=False)


def upgrade() -> None:
    resource.create(op.get_bind())
    op.create_table(
        "allowance",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("project", sa.BigInteger(), nullable=True),
        sa.Column("person", sa.BigInteger(), nullable=True),
        sa.Column("run", sa.BigInteger(), nullable=True),
        sa.Column("resource", resource, nullable=False),
        sa.Column("most", sa.BigInteger(), nullable=True, comment="null: no limit"),
        sa.Column("spent", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("reserved", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint("num_nonnulls(project, person, run) = 1", name=op.f("ck_allowance_one_payer")),
        sa.CheckConstraint("most is null or spent + reserved <= most", name=op.f("ck_allowance_within_limit")),
        sa.CheckConstraint("spent >= 0 and reserved >= 0", name=op.f("ck_allowance_not_negative")),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_allowance_person")),
        sa.ForeignKeyConstraint(["project"], ["project.id"], name=op.f("fk_allowance_project")),
        sa.ForeignKeyConstraint(["run"], ["run.id"], name=op.f("fk_allowance_run")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_allowance")),
        sa.UniqueConstraint("person", "resource", name=op.f("uq_allowance_person_resource")),
        sa.UniqueConstraint("project", "resource", name=op.f("uq_allowance_project_resource")),
        sa.UniqueConstraint("run", "resource", name=op.f("uq_allowance_run_resource")),
    )
    op.add_column("completion", sa.Column("reserved_tokens", sa.BigInteger(), server_default="0", nullable=False))
    # Calls that are under way reserved money, but no tokens.
    op.execute("""
        INSERT INTO allowance (project, resource, spent, reserved)
        SELECT q.id, CAST('micro_dollars' AS resource), coalesce(sum(a.spent_micro_dollars), 0), coalesce(sum(a.reserved_micro_dollars), 0)
        FROM project q LEFT JOIN run r ON r.project = q.id LEFT JOIN account a ON a.run = r.id GROUP BY q.id
        UNION ALL
        SELECT q.id, CAST('tokens' AS resource), coalesce(sum(a.tokens_in + a.tokens_out), 0), 0
        FROM project q LEFT JOIN run r ON r.project = q.id LEFT JOIN account a ON a.run = r.id GROUP BY q.id
        UNION ALL
        SELECT q.id, CAST('evaluations' AS resource),
            count(p.id) FILTER (WHERE p.closed_event IS NOT NULL AND p.state = 'answered'),
            count(p.id) FILTER (WHERE p.closed_event IS NULL AND r.state <> 'finished')
        FROM project q LEFT JOIN run r ON r.project = q.id LEFT JOIN proposal p ON p.run = r.id AND p.number > 0 GROUP BY q.id
    """)
    op.execute("""
        INSERT INTO allowance (person, resource, spent, reserved)
        SELECT h.id, CAST('micro_dollars' AS resource), coalesce(sum(a.spent_micro_dollars), 0), coalesce(sum(a.reserved_micro_dollars), 0)
        FROM person h LEFT JOIN run r ON r.person = h.id LEFT JOIN account a ON a.run = r.id GROUP BY h.id
        UNION ALL
        SELECT h.id, CAST('tokens' AS resource), coalesce(sum(a.tokens_in + a.tokens_out), 0), 0
        FROM person h LEFT JOIN run r ON r.person = h.id LEFT JOIN account a ON a.run = r.id GROUP BY h.id
        UNION ALL
        SELECT h.id, CAST('evaluations' AS resource),
            count(p.id) FILTER (WHERE p.closed_event IS NOT NULL AND p.state = 'answered'),
            count(p.id) FILTER (WHERE p.closed_event IS NULL AND r.state <> 'finished')
        FROM person h LEFT JOIN run r ON r.person = h.id LEFT JOIN proposal p ON p.run = r.id AND p.number > 0 GROUP BY h.id
    """)
