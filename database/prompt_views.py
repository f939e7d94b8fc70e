"""What a language model is told about a run: a fixed number of queries, whatever the length of the run."""

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import sqlalchemy as sa

from database import commands, programs
from database.engine import Connection
from database.errors import NotFound
from database.programs import EvaluatedProgram
from database.proposals import ClaimedProposal
from evolution.proposal import MODEL_OPERATORS, Operator, Refusal

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
    """One change in a line of descent: `child` was made of `parent` by `operator`, from a model's `answer` if there is one."""

    operator: Operator
    parent: EvaluatedProgram
    child: EvaluatedProgram
    answer: str | None = None


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
    oldest first; `refusals` up to `REFUSALS` of its earlier refusals, oldest first. `ideas` are people's, in their words.
    """

    parent: EvaluatedProgram
    inspirations: tuple[EvaluatedProgram, ...]
    steps: tuple[Step, ...]
    refusals: tuple[PastRefusal, ...]
    ideas: tuple[str, ...] = ()


class _Made(NamedTuple):
    number: int
    operator: Operator
    answer: str | None


_LINE = sa.text("""
    WITH RECURSIVE line AS (
        SELECT number, parent, 0 AS depth FROM program WHERE run = :run AND number = :number
        UNION ALL
        SELECT g.number, g.parent, line.depth + 1 FROM line JOIN program g ON g.run = :run AND g.number = line.parent
        WHERE line.depth < :ancestors
    )
    SELECT line.number, CAST(p.operator AS text) AS operator, said.content AS answer
    FROM line JOIN proposal p ON p.run = :run AND p.number = line.number
    LEFT JOIN LATERAL (
        SELECT b.content FROM completion c JOIN blob b ON b.hash = c.answer WHERE c.proposal = p.id ORDER BY c.id DESC LIMIT 1
    ) said ON true
    ORDER BY line.depth
""")
_REFUSALS = sa.text("""
    SELECT number, CAST(operator AS text) AS operator, CAST(refusal AS text) AS refusal, detail, duplicate_of FROM proposal
    WHERE run = :run AND number BETWEEN :first AND :last AND parent = :parent AND state = 'refused'
        AND CAST(operator AS text) = ANY(CAST(:operators AS text[])) AND CAST(refusal AS text) = ANY(CAST(:told AS text[]))
    ORDER BY number DESC LIMIT :most
""")
_MONEY_LIMITED = sa.text("""
    SELECT limit_micro_dollars IS NOT NULL OR EXISTS (
        SELECT FROM allowance w JOIN run r ON r.id = a.run
        WHERE w.resource = 'micro_dollars' AND w.most IS NOT NULL AND (w.project = r.project OR w.person = r.person)
    ) FROM account a WHERE a.run = :run
""")


async def load(connection: Connection, claimed: ClaimedProposal) -> PromptView:
    """Read what the prompt of a claimed proposal needs.

    Raises:
        NotFound: the run has no such parent.
    """
    line = await _line(connection, claimed)
    numbers = {claimed.parent, *claimed.inspirations, *(made.number for made in line)}
    known = await programs.load_evaluated(connection, claimed.run, sorted(numbers))
    if claimed.parent not in known:
        raise NotFound(f"run {claimed.run} has no program {claimed.parent}, the parent of proposal {claimed.number}")
    steps = [
        Step(made.operator, known[before.number], known[made.number], made.answer)
        for made, before in pairwise(line)
        if before.number in known and made.number in known
    ]
    return PromptView(
        parent=known[claimed.parent],
        inspirations=tuple(known[number] for number in claimed.inspirations if number in known),
        steps=tuple(reversed(steps)),
        refusals=await _refusals(connection, claimed),
        ideas=await commands.ideas(connection, claimed.ideas),
    )


async def money_limited(connection: Connection, run: int) -> bool:
    """Whether the run, its project or the person who started it has a limit of money."""
    return bool((await connection.execute(_MONEY_LIMITED, {"run": run})).scalar_one_or_none())


async def _line(connection: Connection, claimed: ClaimedProposal) -> list[_Made]:
    """The parent and its ancestors, newest first."""
    row = {"run": claimed.run, "number": claimed.parent, "ancestors": ANCESTORS}
    return [
        _Made(found.number, Operator(found.operator), None if found.answer is None else found.answer.decode())
        for found in await connection.execute(_LINE, row)
    ]


async def _refusals(connection: Connection, claimed: ClaimedProposal) -> tuple[PastRefusal, ...]:
    row = {
        "run": claimed.run,
        "first": claimed.number - _LOOK_BACK,
        "last": claimed.number - 1,
        "parent": claimed.parent,
        "operators": sorted(operator.value for operator in MODEL_OPERATORS),
        "told": [reason.value for reason in _TOLD],
        "most": REFUSALS,
    }
    found = [
        PastRefusal(past.number, Operator(past.operator), Refusal(past.refusal), past.detail or "", past.duplicate_of)
        for past in await connection.execute(_REFUSALS, row)
    ]
    return tuple(reversed(found))
