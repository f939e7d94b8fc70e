"""What a language model is told about a run: a fixed number of queries, whatever the length of the run."""

from dataclasses import dataclass
from itertools import pairwise

import sqlalchemy as sa

from database import programs
from database.engine import Connection
from database.errors import NotFound
from database.programs import EvaluatedProgram
from database.proposals import ClaimedProposal
from database.tables import account, program, proposal
from evolution.proposal import MODEL_OPERATORS, Operator, ProposalState, Refusal

ANCESTORS = 5
REFUSALS = 3
_LOOK_BACK = 500
_TOLD = (
    Refusal.NO_CHANGE,
    Refusal.DUPLICATE,
    Refusal.OUTSIDE_EVOLVE_BLOCK,
    Refusal.DID_NOT_APPLY,
    Refusal.NO_ANSWER,
    Refusal.SYNTAX_ERROR,
    Refusal.TOO_LONG,
)


@dataclass(frozen=True, slots=True)
class Step:
    """One change in a line of descent: `child` was made of `parent` by `operator`."""

    operator: Operator
    parent: EvaluatedProgram
    child: EvaluatedProgram


@dataclass(frozen=True, slots=True)
class PastRefusal:
    """An earlier answer to the same parent that brought no program."""

    number: int
    operator: Operator
    reason: Refusal
    detail: str
    duplicate_of: int | None


@dataclass(frozen=True, slots=True)
class PromptView:
    """All that a prompt is made of beside the problem.

    `inspirations` are in the order of the proposal. `steps` holds up to `ANCESTORS` changes that led to the parent,
    oldest first; `refusals` up to `REFUSALS` of its earlier refusals, oldest first.
    """

    parent: EvaluatedProgram
    inspirations: tuple[EvaluatedProgram, ...]
    steps: tuple[Step, ...]
    refusals: tuple[PastRefusal, ...]
    money_limited: bool


async def load(connection: Connection, claimed: ClaimedProposal) -> PromptView:
    """Read what the prompt of a claimed proposal needs.

    Raises:
        NotFound: the run has no such parent.
    """
    line = await _line(connection, claimed)
    numbers = {claimed.parent, *claimed.inspirations, *(number for number, _ in line)}
    known = await programs.load_evaluated(connection, claimed.run, sorted(numbers))
    if claimed.parent not in known:
        raise NotFound(f"run {claimed.run} has no program {claimed.parent}, the parent of proposal {claimed.number}")
    limit = await connection.execute(sa.select(account.c.limit_micro_dollars).where(account.c.run == claimed.run))
    steps = [
        Step(operator, known[parent], known[child])
        for (child, operator), (parent, _) in pairwise(line)
        if parent in known and child in known
    ]
    return PromptView(
        parent=known[claimed.parent],
        inspirations=tuple(known[number] for number in claimed.inspirations if number in known),
        steps=tuple(reversed(steps)),
        refusals=await _refusals(connection, claimed),
        money_limited=limit.scalar_one_or_none() is not None,
    )


async def _line(connection: Connection, claimed: ClaimedProposal) -> list[tuple[int, Operator]]:
    """Numbers and operators of the parent and its ancestors, newest first."""
    here = (program.c.run == claimed.run, program.c.number == claimed.parent)
    line = sa.select(program.c.number, program.c.parent, sa.literal(0).label("depth")).where(*here).cte("line", recursive=True)
    older = (
        sa.select(program.c.number, program.c.parent, line.c.depth + 1)
        .join(line, program.c.number == line.c.parent)
        .where(program.c.run == claimed.run, line.c.depth < ANCESTORS)
    )
    line = line.union_all(older)
    of_line = sa.and_(proposal.c.run == claimed.run, proposal.c.number == line.c.number)
    query = sa.select(line.c.number, proposal.c.operator).join(proposal, of_line).order_by(line.c.depth)
    return [(number, operator) for number, operator in await connection.execute(query)]


async def _refusals(connection: Connection, claimed: ClaimedProposal) -> tuple[PastRefusal, ...]:
    query = (
        sa.select(proposal.c.number, proposal.c.operator, proposal.c.refusal, proposal.c.detail, proposal.c.duplicate_of)
        .where(
            proposal.c.run == claimed.run,
            proposal.c.number.between(claimed.number - _LOOK_BACK, claimed.number - 1),
            proposal.c.parent == claimed.parent,
            proposal.c.state == ProposalState.REFUSED,
            proposal.c.operator.in_(MODEL_OPERATORS),
            proposal.c.refusal.in_(_TOLD),
        )
        .order_by(proposal.c.number.desc())
        .limit(REFUSALS)
    )
    rows = (await connection.execute(query)).all()
    return tuple(
        PastRefusal(number, operator, reason, detail or "", twin) for number, operator, reason, detail, twin in rows[::-1]
    )
