"""The initial schema."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None

tier = postgresql.ENUM("namespaces", "plain", name="tier", create_type=False)
runstate = postgresql.ENUM("running", "finishing", "finished", name="runstate", create_type=False)
stopreason = postgresql.ENUM(
    "evaluations",
    "seconds",
    "money",
    "target",
    "stopped",
    "seed_failed",
    "judge_failed",
    "exhausted",
    name="stopreason",
    create_type=False,
)
operator = postgresql.ENUM(
    "seed", "diff", "rewrite", "crossover", "repair", "mutate", "tune", name="operator", create_type=False
)
proposalstate = postgresql.ENUM("queued", "leased", "answered", "refused", name="proposalstate", create_type=False)
refusal = postgresql.ENUM(
    "no_change",
    "duplicate",
    "outside_evolve_block",
    "did_not_apply",
    "no_answer",
    "syntax_error",
    "too_long",
    "nothing_to_change",
    "model_failed",
    "budget",
    "worker_lost",
    "host_fault",
    name="refusal",
    create_type=False,
)
purpose = postgresql.ENUM("search", "verify", name="purpose", create_type=False)
evaluationstate = postgresql.ENUM("queued", "leased", "finished", "abandoned", name="evaluationstate", create_type=False)
verdict = postgresql.ENUM(
    "scored", "gated", "wrong", "crashed", "timed_out", "out_of_memory", "forbidden", name="verdict", create_type=False
)
ENUMS = (tier, runstate, stopreason, operator, proposalstate, refusal, purpose, evaluationstate, verdict)

# Programs, what they and prompts are made of, problems and the log are written once.
WRITTEN_ONCE = ("blob", "problem", "problem_file", "program", "event")


def upgrade() -> None:
    for kind in ENUMS:
        kind.create(op.get_bind())
    op.execute("CREATE SEQUENCE lease_token CACHE 100")
    op.create_table(
        "blob",
        sa.Column("hash", postgresql.BYTEA(), nullable=False, comment="SHA-256 of the content"),
        sa.Column("content", postgresql.BYTEA(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_blob")),
    )
    op.create_table(
        "machine",
        sa.Column("fingerprint", postgresql.BYTEA(), nullable=False),
        sa.Column("description", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", name=op.f("pk_machine")),
    )
    op.create_table(
        "problem",
        sa.Column("revision", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "definition", postgresql.JSONB(), nullable=False, comment="resolved, for people and views; files are the truth"
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("revision", name=op.f("pk_problem")),
    )
    op.create_table(
        "problem_file",
        sa.Column("revision", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("blob", postgresql.BYTEA(), nullable=False),
        sa.ForeignKeyConstraint(["blob"], ["blob.hash"], name=op.f("fk_problem_file_blob")),
        sa.ForeignKeyConstraint(["revision"], ["problem.revision"], name=op.f("fk_problem_file_revision")),
        sa.PrimaryKeyConstraint("revision", "path", name=op.f("pk_problem_file")),
    )
    op.create_table(
        "run",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("config", postgresql.JSONB(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("secret", postgresql.BYTEA(), nullable=False, comment="32 random bytes; the judge's seeds derive from it"),
        sa.Column("tier", tier, nullable=False, comment="evaluators of another tier do not claim its work"),
        sa.Column("state", runstate, server_default="running", nullable=False),
        sa.Column("stop_reason", stopreason, nullable=True),
        sa.Column("stop_detail", sa.Text(), nullable=True),
        sa.Column(
            "stop_asked", sa.Boolean(), server_default=sa.text("false"), nullable=False, comment="a person wants it to stop"
        ),
        sa.Column("controller_epoch", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("as_of_event", sa.BigInteger(), server_default="0", nullable=False, comment="number of the newest event"),
        sa.Column("active_s", sa.DOUBLE_PRECISION(), server_default="0", nullable=False, comment="seconds under a controller"),
        sa.Column("champion", sa.BigInteger(), nullable=True, comment="number of the verified best program"),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["problem"], ["problem.revision"], name=op.f("fk_run_problem")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run")),
    )
    op.create_index("ix_run_unfinished", "run", ["id"], unique=False, postgresql_where=sa.text("state != 'finished'"))
    op.create_table(
        "account",
        sa.Column("run", sa.BigInteger(), nullable=False),
        sa.Column("limit_micro_dollars", sa.BigInteger(), nullable=True, comment="null: no limit"),
        sa.Column("spent_micro_dollars", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("reserved_micro_dollars", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("tokens_in", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("tokens_out", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint(
            "limit_micro_dollars is null or spent_micro_dollars + reserved_micro_dollars <= limit_micro_dollars",
            name=op.f("ck_account_within_limit"),
        ),
        sa.ForeignKeyConstraint(["run"], ["run.id"], name=op.f("fk_account_run")),
        sa.PrimaryKeyConstraint("run", name=op.f("pk_account")),
    )
    op.create_table(
        "elite",
        sa.Column("run", sa.BigInteger(), nullable=False),
        sa.Column("island", sa.SmallInteger(), nullable=False),
        sa.Column("cell", postgresql.ARRAY(sa.SmallInteger()), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("score", sa.DOUBLE_PRECISION(), nullable=False),
        sa.Column("length", sa.Integer(), nullable=False),
        sa.Column("literals", sa.Integer(), nullable=False),
        sa.Column("at_event", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["run.id"], name=op.f("fk_elite_run")),
        sa.PrimaryKeyConstraint("run", "island", "cell", name=op.f("pk_elite")),
    )
    op.create_table(
        "event",
        sa.Column("run", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False, comment="gapless within the run, from 1"),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("payload", postgresql.JSONB(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["run.id"], name=op.f("fk_event_run")),
        sa.PrimaryKeyConstraint("run", "number", name=op.f("pk_event")),
    )
    op.create_table(
        "program",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("run", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("island", sa.SmallInteger(), nullable=False),
        sa.Column("parent", sa.Integer(), nullable=True),
        sa.Column("files", postgresql.BYTEA(), nullable=False, comment="JSON object: path to text"),
        sa.Column("normalised_hash", postgresql.BYTEA(), nullable=False),
        sa.Column("length", sa.Integer(), nullable=False, comment="characters of evolvable text"),
        sa.Column("literals", sa.Integer(), nullable=False, comment="numeric literals in evolvable text"),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["files"], ["blob.hash"], name=op.f("fk_program_files")),
        sa.ForeignKeyConstraint(["run"], ["run.id"], name=op.f("fk_program_run")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_program")),
        sa.UniqueConstraint("run", "normalised_hash", name=op.f("uq_program_run_normalised_hash")),
        sa.UniqueConstraint("run", "number", name=op.f("uq_program_run_number")),
    )
    op.create_table(
        "proposal",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("run", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False, comment="gapless within the run; the seed program has 0"),
        sa.Column("seen_event", sa.BigInteger(), nullable=False, comment="the choice was made from the log up to here"),
        sa.Column("operator", operator, nullable=False),
        sa.Column("island", sa.SmallInteger(), nullable=False),
        sa.Column("parent", sa.Integer(), nullable=True, comment="number of a program of the same run"),
        sa.Column("inspirations", postgresql.ARRAY(sa.Integer()), nullable=False),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("tuning_session", sa.Integer(), nullable=True),
        sa.Column("tuning_generation", sa.Integer(), nullable=True),
        sa.Column("tuning_index", sa.Integer(), nullable=True),
        sa.Column("tuning_population", sa.Integer(), nullable=True),
        sa.Column("state", proposalstate, server_default="queued", nullable=False),
        sa.Column("refusal", refusal, nullable=True),
        sa.Column("detail", sa.Text(), nullable=True, comment="why it was refused, in words"),
        sa.Column("duplicate_of", sa.Integer(), nullable=True, comment="number of the program that it repeated"),
        sa.Column(
            "child",
            postgresql.BYTEA(),
            nullable=True,
            comment="files of a child that was a duplicate, and their measures",
        ),
        sa.Column("child_length", sa.Integer(), nullable=True),
        sa.Column("child_literals", sa.Integer(), nullable=True),
        sa.Column("closed_event", sa.BigInteger(), nullable=True, comment="event that took it in; null while it is in flight"),
        sa.Column("attempt", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("lease", sa.BigInteger(), nullable=True),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["child"], ["blob.hash"], name=op.f("fk_proposal_child")),
        sa.ForeignKeyConstraint(["run"], ["run.id"], name=op.f("fk_proposal_run")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_proposal")),
        sa.UniqueConstraint("run", "number", name=op.f("uq_proposal_run_number")),
    )
    op.create_index("ix_proposal_claim", "proposal", ["id"], unique=False, postgresql_where=sa.text("state = 'queued'"))
    op.create_index(
        "ix_proposal_leased", "proposal", ["lease_until"], unique=False, postgresql_where=sa.text("state = 'leased'")
    )
    op.create_index(
        "ix_proposal_open", "proposal", ["run", "number"], unique=False, postgresql_where=sa.text("closed_event IS NULL")
    )
    op.create_index(
        "ix_proposal_tuning",
        "proposal",
        ["run", "tuning_session"],
        unique=False,
        postgresql_where=sa.text("tuning_session IS NOT NULL"),
    )
    op.create_table(
        "record",
        sa.Column("run", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("score", sa.DOUBLE_PRECISION(), nullable=False),
        sa.Column("evaluations", sa.Integer(), nullable=False),
        sa.Column("seconds", sa.DOUBLE_PRECISION(), nullable=False),
        sa.Column("micro_dollars", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["run.id"], name=op.f("fk_record_run")),
        sa.PrimaryKeyConstraint("run", "number", name=op.f("pk_record")),
    )
    op.create_table(
        "scored",
        sa.Column("run", sa.BigInteger(), nullable=False),
        sa.Column(
            "place", sa.Integer(), nullable=False, comment="among the run's scored programs in order of admission, from 0"
        ),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("island", sa.SmallInteger(), nullable=False),
        sa.Column("score", sa.DOUBLE_PRECISION(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["run.id"], name=op.f("fk_scored_run")),
        sa.PrimaryKeyConstraint("run", "place", name=op.f("pk_scored")),
    )
    op.create_table(
        "search_state",
        sa.Column("run", sa.BigInteger(), nullable=False),
        sa.Column("as_of_event", sa.BigInteger(), nullable=False),
        sa.Column(
            "state",
            postgresql.JSONB(),
            nullable=False,
            comment="all of evolution.state but its archive, which is the table elite",
        ),
        sa.ForeignKeyConstraint(["run"], ["run.id"], name=op.f("fk_search_state_run")),
        sa.PrimaryKeyConstraint("run", name=op.f("pk_search_state")),
    )
    op.create_table(
        "completion",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("run", sa.BigInteger(), nullable=False),
        sa.Column("proposal", sa.BigInteger(), nullable=False),
        sa.Column("lease", sa.BigInteger(), nullable=False, comment="of the proposal, when the call was made"),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("template", sa.Text(), nullable=False, comment="prompt template and its version"),
        sa.Column("prompt", postgresql.BYTEA(), nullable=False),
        sa.Column("answer", postgresql.BYTEA(), nullable=True, comment="null: the call failed; see failure"),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column("finish_reason", sa.Text(), nullable=True),
        sa.Column("tokens_in", sa.Integer(), nullable=True),
        sa.Column("tokens_out", sa.Integer(), nullable=True),
        sa.Column("reserved_micro_dollars", sa.BigInteger(), nullable=False),
        sa.Column("cost_micro_dollars", sa.BigInteger(), nullable=True, comment="null while the call is in flight"),
        sa.Column("latency_s", sa.DOUBLE_PRECISION(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["answer"], ["blob.hash"], name=op.f("fk_completion_answer")),
        sa.ForeignKeyConstraint(["prompt"], ["blob.hash"], name=op.f("fk_completion_prompt")),
        sa.ForeignKeyConstraint(["proposal"], ["proposal.id"], name=op.f("fk_completion_proposal")),
        sa.ForeignKeyConstraint(["run"], ["run.id"], name=op.f("fk_completion_run")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_completion")),
    )
    op.create_index(
        "ix_completion_open", "completion", ["run"], unique=False, postgresql_where=sa.text("cost_micro_dollars IS NULL")
    )
    op.create_index("ix_completion_run", "completion", ["run"], unique=False)
    op.create_index("ix_completion_proposal", "completion", ["proposal"], unique=False)
    op.create_table(
        "evaluation",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("run", sa.BigInteger(), nullable=False),
        sa.Column("program", sa.BigInteger(), nullable=False),
        sa.Column("purpose", purpose, nullable=False),
        sa.Column("state", evaluationstate, server_default="queued", nullable=False),
        sa.Column("verdict", verdict, nullable=True),
        sa.Column("score", sa.DOUBLE_PRECISION(), nullable=True, comment="higher is better, whatever the problem's direction"),
        sa.Column("metrics", postgresql.JSONB(), nullable=True),
        sa.Column("features", postgresql.JSONB(), nullable=True),
        sa.Column("stages", postgresql.JSONB(), nullable=True),
        sa.Column("duration_s", sa.DOUBLE_PRECISION(), nullable=True),
        sa.Column("machine", postgresql.BYTEA(), nullable=True),
        sa.Column("tier", tier, nullable=False, comment="that of the run, so that a claim finds its own by index"),
        sa.Column("picture", postgresql.BYTEA(), nullable=True, comment="SVG of the judge, made when a champion is verified"),
        sa.Column("host_fault", sa.Text(), nullable=True, comment="the last failure that was not the candidate's"),
        sa.Column(
            "closed_event",
            sa.BigInteger(),
            nullable=True,
            comment="event that took a verification in; a search one has its proposal's",
        ),
        sa.Column("attempt", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("lease", sa.BigInteger(), nullable=True),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "coalesce(verdict = 'scored', false) = (score is not null)", name=op.f("ck_evaluation_score_iff_scored")
        ),
        sa.CheckConstraint("score is null or abs(score) < 'Infinity'", name=op.f("ck_evaluation_score_finite")),
        sa.ForeignKeyConstraint(["machine"], ["machine.fingerprint"], name=op.f("fk_evaluation_machine")),
        sa.ForeignKeyConstraint(["picture"], ["blob.hash"], name=op.f("fk_evaluation_picture")),
        sa.ForeignKeyConstraint(["program"], ["program.id"], name=op.f("fk_evaluation_program")),
        sa.ForeignKeyConstraint(["run"], ["run.id"], name=op.f("fk_evaluation_run")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evaluation")),
    )
    op.create_index(
        "ix_evaluation_claim", "evaluation", ["tier", "id"], unique=False, postgresql_where=sa.text("state = 'queued'")
    )
    op.create_index(
        "ix_evaluation_leased", "evaluation", ["lease_until"], unique=False, postgresql_where=sa.text("state = 'leased'")
    )
    op.create_index(
        "ix_evaluation_open",
        "evaluation",
        ["run"],
        unique=False,
        postgresql_where=sa.text("purpose = 'verify' AND closed_event IS NULL"),
    )
    op.create_index(
        "ix_evaluation_verify", "evaluation", ["program"], unique=False, postgresql_where=sa.text("purpose = 'verify'")
    )
    op.create_index(
        "uq_evaluation_search", "evaluation", ["program"], unique=True, postgresql_where=sa.text("purpose = 'search'")
    )
    op.execute("""
        CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION '% is written once: % is refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'integrity_constraint_violation';
        END $$
    """)
    for table in WRITTEN_ONCE:
        op.execute(f"CREATE TRIGGER never_changed BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_change()")
        op.execute(f"CREATE TRIGGER never_emptied BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()")
        if table != "program":
            op.execute(f"CREATE TRIGGER never_deleted BEFORE DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_change()")
    # A program goes only when its proposal does not stand for it any more: another one turned out to own it.
    op.execute("""
        CREATE FUNCTION refuse_loss() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF EXISTS (SELECT FROM proposal WHERE run = OLD.run AND number = OLD.number AND state = 'answered') THEN
                RAISE EXCEPTION 'program % of run % answers its proposal: DELETE is refused', OLD.number, OLD.run
                    USING ERRCODE = 'integrity_constraint_violation';
            END IF;
            RETURN OLD;
        END $$
    """)
    op.execute("CREATE TRIGGER never_deleted BEFORE DELETE ON program FOR EACH ROW EXECUTE FUNCTION refuse_loss()")
