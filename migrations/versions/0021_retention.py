"""Ended runs may lose texts that nothing of lasting worth needs."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"

NOW = sa.text("now()")


def upgrade() -> None:
    op.add_column(
        "project", sa.Column("retention_days", sa.Integer(), nullable=True, comment="ended runs keep texts so long; null: for ever")
    )
    op.create_check_constraint(op.f("ck_project_retention_in_range"), "project", "retention_days between 1 and 36500")
    op.create_table(
        "removal",
        sa.Column("run", sa.BigInteger(), nullable=False),
        sa.Column("after_number", sa.Integer(), server_default="-1", nullable=False, comment="proposals up to here are done"),
        sa.Column("programs", sa.BigInteger(), server_default="0", nullable=False, comment="that lost their sources"),
        sa.Column("prompts", sa.BigInteger(), server_default="0", nullable=False, comment="that are gone, with their answers"),
        sa.Column("began_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["run"], ["run.id"], name=op.f("fk_removal_run")),
        sa.PrimaryKeyConstraint("run", name=op.f("pk_removal")),
    )
    op.create_index("ix_removal_unfinished", "removal", ["run"], unique=False, postgresql_where=sa.text("ended_at IS NULL"))
    # Who names a content must be found by it before it can go.
    op.create_index(op.f("ix_program_files"), "program", ["files"], unique=False)
    op.create_index(op.f("ix_problem_file_blob"), "problem_file", ["blob"], unique=False)
    op.create_index("ix_proposal_child", "proposal", ["child"], unique=False, postgresql_where=sa.text("child IS NOT NULL"))
    op.create_index(op.f("ix_completion_prompt"), "completion", ["prompt"], unique=False)
    op.create_index(op.f("ix_completion_answer"), "completion", ["answer"], unique=False)
    op.create_index(op.f("ix_assignment_prompt"), "assignment", ["prompt"], unique=False)
    op.create_index(op.f("ix_assignment_answer"), "assignment", ["answer"], unique=False)
    op.create_index(
        "ix_evaluation_picture", "evaluation", ["picture"], unique=False, postgresql_where=sa.text("picture IS NOT NULL")
    )
    op.create_index("ix_run_origin", "run", ["origin_run"], unique=False, postgresql_where=sa.text("origin_run IS NOT NULL"))
    op.execute("""
        CREATE FUNCTION refuse_change_but_removal() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF current_setting('galapagos.removes', true) = 'texts' THEN
                IF TG_OP = 'DELETE' THEN
                    RETURN OLD;
                END IF;
                IF NEW.files = sha256('{}') AND EXISTS (SELECT FROM run WHERE id = OLD.run AND state = 'finished') THEN
                    OLD.files := NEW.files;
                    IF OLD IS NOT DISTINCT FROM NEW THEN
                        RETURN NEW;
                    END IF;
                END IF;
            END IF;
            RAISE EXCEPTION '% is written once: % is refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'integrity_constraint_violation';
        END $$
    """)
    op.execute("DROP TRIGGER never_changed ON program")
    op.execute("CREATE TRIGGER never_changed BEFORE UPDATE ON program FOR EACH ROW EXECUTE FUNCTION refuse_change_but_removal()")
    op.execute("DROP TRIGGER never_deleted ON blob")
    op.execute("CREATE TRIGGER never_deleted BEFORE DELETE ON blob FOR EACH ROW EXECUTE FUNCTION refuse_change_but_removal()")
    op.execute(r"""
        CREATE FUNCTION remove_texts(of_run bigint, numbers integer[], proposals bigint[]) RETURNS TABLE (what text, hash bytea)
        LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp SET galapagos.removes = 'texts' AS $$
            WITH allowed AS (
                SELECT r.id FROM run r JOIN removal m ON m.run = r.id AND m.ended_at IS NULL
                WHERE r.id = of_run AND r.state = 'finished'
            ),
            source AS (
                SELECT g.id, g.files FROM program g JOIN allowed a ON a.id = g.run
                WHERE g.number = ANY(numbers) AND g.files <> sha256('{}')
            ),
            without_source AS (UPDATE program g SET files = sha256('{}') FROM source s WHERE g.id = s.id),
            judged AS (SELECT e.id, e.picture FROM evaluation e JOIN source s ON s.id = e.program),
            without_words AS (
                UPDATE evaluation e SET picture = NULL, stages = (
                    SELECT coalesce(jsonb_agg(stage || '{"feedback": "", "log_tail": ""}' ORDER BY place), e.stages)
                    FROM jsonb_array_elements(CASE jsonb_typeof(e.stages) WHEN 'array' THEN e.stages ELSE '[]' END)
                        WITH ORDINALITY AS s(stage, place)
                ) FROM judged j WHERE e.id = j.id
            ),
            call AS (
                SELECT c.id, c.prompt, c.answer FROM completion c JOIN allowed a ON a.id = c.run
                WHERE c.proposal = ANY(proposals) AND c.prompt <> sha256('private\000')
            ),
            without_call AS (
                UPDATE completion c SET prompt = sha256('private\000'),
                    answer = CASE WHEN c.answer IS NOT NULL THEN sha256('private\000') END
                FROM call WHERE c.id = call.id
            ),
            task AS (
                SELECT t.id, t.prompt, t.answer FROM assignment t JOIN allowed a ON a.id = t.run
                WHERE t.proposal = ANY(proposals) AND t.prompt <> sha256('private\000')
            ),
            without_task AS (
                UPDATE assignment t SET prompt = sha256('private\000'),
                    answer = CASE WHEN t.answer IS NOT NULL THEN sha256('private\000') END
                FROM task WHERE t.id = task.id
            ),
            repeated AS (
                SELECT p.id, p.child FROM proposal p JOIN allowed a ON a.id = p.run
                WHERE p.id = ANY(proposals) AND p.child IS NOT NULL
            ),
            without_child AS (UPDATE proposal p SET child = NULL FROM repeated r WHERE p.id = r.id)
            SELECT 'source', files FROM source
            UNION ALL SELECT 'picture', picture FROM judged WHERE picture IS NOT NULL
            UNION ALL SELECT 'prompt', prompt FROM call
            UNION ALL SELECT 'answer', answer FROM call WHERE answer IS NOT NULL
            UNION ALL SELECT 'task', prompt FROM task
            UNION ALL SELECT 'answer', answer FROM task WHERE answer IS NOT NULL
            UNION ALL SELECT 'child', child FROM repeated
        $$
    """)
