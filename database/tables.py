"""The schema. Everything that must survive a crash is a row here; the migrations are held equal to it by a test."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, DOUBLE_PRECISION, JSONB

# With it come the tables that nothing here refers to.
from database.alert_tables import metadata
from database.people_tables import person, project, token
from database.schema import enum_column_type as _enum
from database.schema import identity as _id
from database.schema import moment as _now
from database.service_tables import machine
from evolution.assignment import AssignmentState
from evolution.commands import CommandState
from evolution.evaluation import EvaluationState, Purpose, Tier, Verdict
from evolution.proposal import Operator, ProposalState, Refusal
from evolution.run import RunState, StopReason


def _lease() -> list[sa.Column[Any]]:
    """Ownership of queued work. `lease` is the fencing token: who does not hold the newest one writes nothing."""
    return [
        sa.Column("attempt", sa.SmallInteger, server_default="0", nullable=False),
        sa.Column("lease", sa.BigInteger),
        sa.Column("lease_owner", sa.Text),
        sa.Column("lease_until", sa.DateTime(timezone=True)),
    ]


lease_token = sa.Sequence("lease_token", metadata=metadata, cache=100)

blob = sa.Table(
    "blob",
    metadata,
    sa.Column("hash", BYTEA, primary_key=True, comment="SHA-256 of the content"),
    sa.Column("content", BYTEA, nullable=False),
    sa.Column("private", sa.Boolean, server_default=sa.false(), nullable=False, comment="a prompt or an answer"),
)

problem = sa.Table(
    "problem",
    metadata,
    sa.Column("revision", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("definition", JSONB, nullable=False, comment="resolved, for people and views; files are the truth"),
    _now("created_at"),
)

problem_file = sa.Table(
    "problem_file",
    metadata,
    sa.Column("revision", sa.Text, sa.ForeignKey("problem.revision"), primary_key=True),
    sa.Column("path", sa.Text, primary_key=True),
    sa.Column("blob", BYTEA, sa.ForeignKey("blob.hash"), nullable=False, index=True),
)

run = sa.Table(
    "run",
    metadata,
    _id(),
    sa.Column("project", sa.BigInteger, sa.ForeignKey(project.c.id), nullable=False),
    sa.Column("person", sa.BigInteger, sa.ForeignKey(person.c.id), comment="who started it; null: the command line"),
    sa.Column("origin_run", sa.BigInteger, sa.ForeignKey("run.id"), comment="the run that it was forked from"),
    sa.Column("origin_program", sa.Integer, comment="number of the program there that is the seed here"),
    sa.Column("problem", sa.Text, sa.ForeignKey("problem.revision"), nullable=False),
    sa.Column("config", JSONB, nullable=False, comment="in force now: people may set its budget and its models"),
    sa.Column("first_config", JSONB, nullable=False, comment="what the run began with; its log is replayed from here"),
    sa.Column("seed", sa.BigInteger, nullable=False),
    sa.Column("secret", BYTEA, nullable=False, comment="32 random bytes; the judge's seeds derive from it"),
    sa.Column("tier", _enum(Tier), nullable=False, comment="evaluators of another tier do not claim its work"),
    sa.Column("state", _enum(RunState), server_default=RunState.RUNNING.value, nullable=False),
    sa.Column("stop_reason", _enum(StopReason)),
    sa.Column("stop_detail", sa.Text),
    sa.Column("controller_epoch", sa.BigInteger, server_default="0", nullable=False),
    sa.Column("as_of_event", sa.BigInteger, server_default="0", nullable=False, comment="number of the newest event"),
    sa.Column("active_s", DOUBLE_PRECISION, server_default="0", nullable=False, comment="seconds under a controller"),
    sa.Column("champion", sa.BigInteger, comment="number of the verified best program"),
    sa.Column("gpus", sa.SmallInteger, server_default="0", nullable=False, comment="that an evaluator of it must have"),
    sa.Column("priority", DOUBLE_PRECISION, server_default="1", nullable=False, comment="its share among runs of the project"),
    sa.Column("mean_s", DOUBLE_PRECISION, server_default="0", nullable=False, comment="seconds of one of its evaluations"),
    sa.Column("mean_gpu_s", DOUBLE_PRECISION, server_default="0", nullable=False, comment="those for which it holds a GPU"),
    _now("created_at"),
    sa.Column("finished_at", sa.DateTime(timezone=True)),
    sa.CheckConstraint("priority between 0.001 and 1000", name="priority_in_range"),
)
sa.Index("ix_run_origin", run.c.origin_run, postgresql_where=run.c.origin_run.is_not(None))
sa.Index("ix_run_project", run.c.project, run.c.id)
sa.Index(None, run.c.problem, run.c.id)
sa.Index(None, run.c.state, run.c.id)
sa.Index("ix_run_unfinished", run.c.id, postgresql_where=run.c.state != RunState.FINISHED.value)

command = sa.Table(
    "command",
    metadata,
    _id(),
    sa.Column("run", sa.BigInteger, sa.ForeignKey("run.id"), nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("payload", JSONB, nullable=False),
    sa.Column("person", sa.BigInteger, sa.ForeignKey(person.c.id), comment="who asked; null: the command line"),
    sa.Column("state", _enum(CommandState), server_default=CommandState.WAITING.value, nullable=False),
    sa.Column("detail", sa.Text, comment="why it was refused, in words"),
    sa.Column("event", sa.BigInteger, comment="number of the event that it became"),
    _now("created_at"),
)
sa.Index("ix_command_waiting", command.c.run, command.c.id, postgresql_where=command.c.state == CommandState.WAITING.value)
sa.Index("ix_command_run_id", command.c.run, command.c.id)

account = sa.Table(
    "account",
    metadata,
    sa.Column("run", sa.BigInteger, sa.ForeignKey("run.id"), primary_key=True),
    sa.Column("limit_micro_dollars", sa.BigInteger, comment="null: no limit"),
    sa.Column("spent_micro_dollars", sa.BigInteger, server_default="0", nullable=False),
    sa.Column("reserved_micro_dollars", sa.BigInteger, server_default="0", nullable=False),
    sa.Column("tokens_in", sa.BigInteger, server_default="0", nullable=False),
    sa.Column("tokens_out", sa.BigInteger, server_default="0", nullable=False),
    sa.CheckConstraint(
        "limit_micro_dollars is null or spent_micro_dollars + reserved_micro_dollars <= limit_micro_dollars",
        name="within_limit",
    ),
)

proposal = sa.Table(
    "proposal",
    metadata,
    _id(),
    sa.Column("run", sa.BigInteger, sa.ForeignKey("run.id"), nullable=False),
    sa.Column("number", sa.Integer, nullable=False, comment="gapless within the run; the seed program has 0"),
    sa.Column("seen_event", sa.BigInteger, nullable=False, comment="the choice was made from the log up to here"),
    sa.Column("operator", _enum(Operator), nullable=False),
    sa.Column("island", sa.SmallInteger, nullable=False),
    sa.Column("parent", sa.Integer, comment="number of a program of the same run"),
    sa.Column("inspirations", ARRAY(sa.Integer), nullable=False),
    sa.Column("model", sa.Text),
    sa.Column("ideas", ARRAY(sa.BigInteger), comment="commands whose ideas the model is told; null: none"),
    sa.Column("injection", sa.BigInteger, sa.ForeignKey("command.id"), comment="command that holds the program of an inject"),
    sa.Column("tuning_session", sa.Integer),
    sa.Column("tuning_generation", sa.Integer),
    sa.Column("tuning_index", sa.Integer),
    sa.Column("tuning_population", sa.Integer),
    sa.Column("state", _enum(ProposalState), server_default=ProposalState.QUEUED.value, nullable=False),
    sa.Column("refusal", _enum(Refusal)),
    sa.Column("detail", sa.Text, comment="why it was refused, in words"),
    sa.Column("duplicate_of", sa.Integer, comment="number of the program that it repeated"),
    sa.Column("child", BYTEA, sa.ForeignKey("blob.hash"), comment="files of a child that was a duplicate, and their measures"),
    sa.Column("child_length", sa.Integer),
    sa.Column("child_literals", sa.Integer),
    sa.Column("closed_event", sa.BigInteger, comment="event that took it in; null while it is in flight"),
    *_lease(),
    _now("created_at"),
    sa.UniqueConstraint("run", "number"),
)
sa.Index(
    "ix_proposal_operator",
    proposal.c.run,
    proposal.c.operator,
    proposal.c.number,
    postgresql_where=proposal.c.state == ProposalState.ANSWERED.value,
)
sa.Index(
    "ix_proposal_model",
    proposal.c.run,
    proposal.c.model,
    proposal.c.number,
    postgresql_where=(proposal.c.state == ProposalState.ANSWERED.value) & proposal.c.model.is_not(None),
)
sa.Index("ix_proposal_claim", proposal.c.run, proposal.c.id, postgresql_where=proposal.c.state == ProposalState.QUEUED.value)
sa.Index("ix_proposal_leased", proposal.c.lease_until, postgresql_where=proposal.c.state == ProposalState.LEASED.value)
sa.Index("ix_proposal_open", proposal.c.run, proposal.c.number, postgresql_where=proposal.c.closed_event.is_(None))
sa.Index(
    "ix_proposal_tuning", proposal.c.run, proposal.c.tuning_session, postgresql_where=proposal.c.tuning_session.is_not(None)
)

sa.Index("ix_proposal_child", proposal.c.child, postgresql_where=proposal.c.child.is_not(None))

completion = sa.Table(
    "completion",
    metadata,
    _id(),
    sa.Column("run", sa.BigInteger, sa.ForeignKey("run.id"), nullable=False, index=True),
    sa.Column("proposal", sa.BigInteger, sa.ForeignKey("proposal.id"), nullable=False, index=True),
    sa.Column("lease", sa.BigInteger, nullable=False, comment="of the proposal, when the call was made"),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("template", sa.Text, nullable=False, comment="prompt template and its version"),
    sa.Column("prompt", BYTEA, sa.ForeignKey("blob.hash"), nullable=False, index=True),
    sa.Column("answer", BYTEA, sa.ForeignKey("blob.hash"), index=True, comment="null: the call failed; see failure"),
    sa.Column("failure", sa.Text),
    sa.Column("finish_reason", sa.Text),
    sa.Column("tokens_in", sa.Integer),
    sa.Column("tokens_out", sa.Integer),
    sa.Column("reserved_micro_dollars", sa.BigInteger, nullable=False),
    sa.Column("reserved_tokens", sa.BigInteger, server_default="0", nullable=False),
    sa.Column("cost_micro_dollars", sa.BigInteger, comment="null while the call is in flight"),
    sa.Column("latency_s", DOUBLE_PRECISION),
    _now("created_at"),
)
sa.Index("ix_completion_open", completion.c.run, postgresql_where=completion.c.cost_micro_dollars.is_(None))

assignment = sa.Table(
    "assignment",
    metadata,
    _id(),
    sa.Column("run", sa.BigInteger, sa.ForeignKey("run.id"), nullable=False),
    sa.Column("proposal", sa.BigInteger, sa.ForeignKey("proposal.id"), nullable=False, index=True),
    sa.Column("handed", sa.BigInteger, nullable=False, comment="lease of the proposal while people have it"),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("template", sa.Text, nullable=False, comment="prompt template and its version"),
    sa.Column("prompt", BYTEA, sa.ForeignKey("blob.hash"), nullable=False, index=True),
    sa.Column("state", _enum(AssignmentState), server_default=AssignmentState.OPEN.value, nullable=False),
    sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False, comment="an answer that comes later is refused"),
    sa.Column("person", sa.BigInteger, sa.ForeignKey(person.c.id), comment="who leased it last"),
    sa.Column("token", sa.BigInteger, sa.ForeignKey(token.c.id), comment="by which token"),
    sa.Column("lease", sa.BigInteger, comment="fencing token: who does not hold the newest one writes nothing"),
    sa.Column("lease_until", sa.DateTime(timezone=True)),
    sa.Column("answer", BYTEA, sa.ForeignKey("blob.hash"), index=True),
    sa.Column("answered_at", sa.DateTime(timezone=True)),
    _now("created_at"),
)
_UNANSWERED = assignment.c.state.in_([AssignmentState.OPEN.value, AssignmentState.LEASED.value])
sa.Index("ix_assignment_unanswered", assignment.c.id, postgresql_where=_UNANSWERED)
sa.Index("ix_assignment_unanswered_run", assignment.c.run, postgresql_where=_UNANSWERED)
sa.Index("ix_assignment_run_id", assignment.c.run, assignment.c.id)
sa.Index(
    "ix_assignment_answered",
    assignment.c.token,
    assignment.c.answered_at,
    postgresql_where=assignment.c.state == AssignmentState.ANSWERED.value,
)

sa.Index("ix_completion_model", completion.c.model, postgresql_where=completion.c.cost_micro_dollars.is_(None))

endpoint = sa.Table(
    "endpoint",
    metadata,
    sa.Column("model", sa.Text, primary_key=True, comment="as runs call it"),
    sa.Column("paused_until", sa.DateTime(timezone=True), comment="the endpoint asked for it"),
    sa.Column("next_at", sa.DateTime(timezone=True), comment="no call begins before, where calls a minute are limited"),
)

program = sa.Table(
    "program",
    metadata,
    _id(),
    sa.Column("run", sa.BigInteger, sa.ForeignKey("run.id"), nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("island", sa.SmallInteger, nullable=False),
    sa.Column("parent", sa.Integer),
    sa.Column("files", BYTEA, sa.ForeignKey("blob.hash"), nullable=False, index=True, comment="JSON object: path to text"),
    sa.Column("normalised_hash", BYTEA, nullable=False),
    sa.Column("length", sa.Integer, nullable=False, comment="characters of evolvable text"),
    sa.Column("literals", sa.Integer, nullable=False, comment="numeric literals in evolvable text"),
    sa.Column("generation", sa.Integer, nullable=False),
    _now("created_at"),
    sa.UniqueConstraint("run", "number"),
    sa.UniqueConstraint("run", "normalised_hash"),
)

sa.Index(None, program.c.run, program.c.island, program.c.number)
sa.Index(None, program.c.run, program.c.parent, program.c.number)

scored = sa.Table(
    "scored",
    metadata,
    sa.Column("run", sa.BigInteger, sa.ForeignKey("run.id"), primary_key=True),
    sa.Column("place", sa.Integer, primary_key=True, comment="among the run's scored programs in order of admission, from 0"),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("island", sa.SmallInteger, nullable=False),
    sa.Column("score", DOUBLE_PRECISION, nullable=False),
)

sa.Index(None, scored.c.run, scored.c.score, scored.c.number)
sa.Index(None, scored.c.run, scored.c.island, scored.c.score, scored.c.number)

evaluation = sa.Table(
    "evaluation",
    metadata,
    _id(),
    sa.Column("run", sa.BigInteger, sa.ForeignKey("run.id"), nullable=False),
    sa.Column("program", sa.BigInteger, sa.ForeignKey("program.id"), nullable=False),
    sa.Column("purpose", _enum(Purpose), nullable=False),
    sa.Column("state", _enum(EvaluationState), server_default=EvaluationState.QUEUED.value, nullable=False),
    sa.Column("verdict", _enum(Verdict)),
    sa.Column("score", DOUBLE_PRECISION, comment="higher is better, whatever the problem's direction"),
    sa.Column("metrics", JSONB),
    sa.Column("features", JSONB),
    sa.Column("stages", JSONB),
    sa.Column("duration_s", DOUBLE_PRECISION),
    sa.Column(
        "gpu_s",
        DOUBLE_PRECISION,
        server_default="0",
        nullable=False,
        comment="seconds for which a GPU was held, all attempts together",
    ),
    sa.Column("machine", BYTEA, sa.ForeignKey(machine.c.fingerprint)),
    sa.Column("tier", _enum(Tier), nullable=False, comment="that of the run, so that a claim finds its own by index"),
    sa.Column("picture", BYTEA, sa.ForeignKey("blob.hash"), comment="SVG of the judge, made when a champion is verified"),
    sa.Column("host_fault", sa.Text, comment="the last failure that was not the candidate's"),
    sa.Column("series", sa.SmallInteger, server_default="0", nullable=False, comment="of seeds: verifications before it"),
    sa.Column("closed_event", sa.BigInteger, comment="event that took a verification in; a search one has its proposal's"),
    sa.Column("fingerprint", BYTEA, comment="SHA-256 of what its judge said of the program's behaviour"),
    sa.Column("twin", sa.Integer, comment="number of the program that behaves alike, whose result this is"),
    *_lease(),
    _now("created_at"),
    sa.Column("finished_at", sa.DateTime(timezone=True)),
    sa.CheckConstraint("coalesce(verdict = 'scored', false) = (score is not null)", name="score_iff_scored"),
    sa.CheckConstraint("score is null or abs(score) < 'Infinity'", name="score_finite"),
)
sa.Index(
    "ix_evaluation_verdict",
    evaluation.c.run,
    evaluation.c.verdict,
    evaluation.c.program,
    postgresql_where=(evaluation.c.purpose == Purpose.SEARCH.value) & evaluation.c.verdict.is_not(None),
)
sa.Index(
    "uq_evaluation_search", evaluation.c.program, unique=True, postgresql_where=evaluation.c.purpose == Purpose.SEARCH.value
)
sa.Index("ix_evaluation_verify", evaluation.c.program, postgresql_where=evaluation.c.purpose == Purpose.VERIFY.value)
sa.Index(
    "ix_evaluation_claim",
    evaluation.c.run,
    evaluation.c.tier,
    evaluation.c.id,
    postgresql_where=evaluation.c.state == EvaluationState.QUEUED.value,
)
sa.Index(
    "ix_evaluation_fingerprint",
    evaluation.c.run,
    evaluation.c.fingerprint,
    postgresql_where=evaluation.c.fingerprint.is_not(None) & evaluation.c.twin.is_(None),
)
sa.Index("ix_evaluation_picture", evaluation.c.picture, postgresql_where=evaluation.c.picture.is_not(None))
sa.Index("ix_evaluation_leased", evaluation.c.lease_until, postgresql_where=evaluation.c.state == EvaluationState.LEASED.value)
sa.Index(
    "ix_evaluation_open",
    evaluation.c.run,
    postgresql_where=(evaluation.c.purpose == Purpose.VERIFY.value) & evaluation.c.closed_event.is_(None),
)

elite = sa.Table(
    "elite",
    metadata,
    sa.Column("run", sa.BigInteger, sa.ForeignKey("run.id"), primary_key=True),
    sa.Column("island", sa.SmallInteger, primary_key=True),
    sa.Column("cell", ARRAY(sa.SmallInteger), primary_key=True),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("score", DOUBLE_PRECISION, nullable=False),
    sa.Column("length", sa.Integer, nullable=False),
    sa.Column("literals", sa.Integer, nullable=False),
    sa.Column("at_event", sa.BigInteger, nullable=False),
)

record = sa.Table(
    "record",
    metadata,
    sa.Column("run", sa.BigInteger, sa.ForeignKey("run.id"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("score", DOUBLE_PRECISION, nullable=False),
    sa.Column("evaluations", sa.Integer, nullable=False),
    sa.Column("seconds", DOUBLE_PRECISION, nullable=False),
    sa.Column("micro_dollars", sa.BigInteger, nullable=False),
    sa.Column("gpu_milliseconds", sa.BigInteger, server_default="0", nullable=False),
)

search_state = sa.Table(
    "search_state",
    metadata,
    sa.Column("run", sa.BigInteger, sa.ForeignKey("run.id"), primary_key=True),
    sa.Column("as_of_event", sa.BigInteger, nullable=False),
    sa.Column("state", JSONB, nullable=False, comment="all of evolution.state but its archive, which is the table elite"),
)

event = sa.Table(
    "event",
    metadata,
    sa.Column("run", sa.BigInteger, sa.ForeignKey("run.id"), primary_key=True),
    sa.Column("number", sa.BigInteger, primary_key=True, comment="gapless within the run, from 1"),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("payload", JSONB, nullable=False),
    _now("at"),
)
