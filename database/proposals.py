"""Proposals: asked by the controller, claimed and answered (or refused) by workers, closed by the controller."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from database import blobs, fair_share
from database.encoding import storable
from database.engine import Connection
from database.leases import Lease, by_lease
from database.programs import NewProgram
from evolution.evaluation import EvaluationState, Verdict
from evolution.limits import Share
from evolution.proposal import MODEL_OPERATORS, Choice, Operator, ProposalState, Refusal, TuningStep


@dataclass(frozen=True, slots=True)
class ClaimedProposal:
    """A child to be made.

    `parent` and `inspirations` are numbers of programs of the run; `run_seed` feeds the named random streams;
    `attempt` is 1 the first time; `problem` is a revision; `ideas` and `injection` are numbers of commands.
    """

    lease: Lease
    run: int
    number: int
    attempt: int
    operator: Operator
    island: int
    parent: int
    inspirations: tuple[int, ...]
    model: str | None
    tuning: TuningStep | None
    seen_event: int
    problem: str
    run_seed: int
    ideas: tuple[int, ...] = ()
    injection: int | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """The child is stored and its evaluation queued."""

    number: int


@dataclass(frozen=True, slots=True)
class DuplicateOf:
    """The run has this program already, as `number`; the proposal is refused DUPLICATE."""

    number: int


@dataclass(frozen=True, slots=True)
class LeaseLost:
    """The work was given to someone else; nothing was written."""


Answer = Answered | DuplicateOf | LeaseLost


@dataclass(frozen=True, slots=True)
class NewRefusal:
    """A proposal that brings no program, and why, in words that a language model or a person can use."""

    lease: Lease
    reason: Refusal
    detail: str = ""


@dataclass(frozen=True, slots=True)
class OpenProposal:
    """A proposal that the controller has not taken in yet, with all that came of it so far.

    The fields from `program_id` to `features` belong to the program that stands for the answer (its own, or the one
    that it repeated) and its search evaluation, and are None as long as there is none; `features` are the judge's.
    """

    number: int
    model: str | None
    state: ProposalState
    refusal: Refusal | None
    duplicate_of: int | None
    program_id: int | None
    length: int | None
    literals: int | None
    evaluation: int | None
    evaluation_state: EvaluationState | None
    verdict: Verdict | None
    score: float | None
    features: dict[str, float] | None
    duration_s: float | None
    gpu_s: float


_ASK = sa.text("""
    INSERT INTO proposal (run, number, seen_event, operator, island, parent, inspirations, model, ideas, injection,
        tuning_session, tuning_generation, tuning_index, tuning_population)
    SELECT :run, a.number, a.seen_event, CAST(a.operator AS operator), a.island, a.parent, CAST(a.inspirations AS integer[]),
        a.model, CAST(a.ideas AS bigint[]), a.injection, a.session, a.generation, a.index, a.population
    FROM unnest(CAST(:numbers AS integer[]), CAST(:seen_events AS bigint[]), CAST(:operators AS text[]),
        CAST(:islands AS smallint[]), CAST(:parents AS integer[]), CAST(:inspirations AS text[]), CAST(:models AS text[]),
        CAST(:ideas AS text[]), CAST(:injections AS bigint[]), CAST(:sessions AS integer[]), CAST(:generations AS integer[]),
        CAST(:indices AS integer[]), CAST(:populations AS integer[]))
        AS a(number, seen_event, operator, island, parent, inspirations, model, ideas, injection, session, generation, index,
            population)
    ORDER BY a.number
""")
_QUEUED = """t.state = 'queued' AND CAST(t.operator AS text) = ANY(CAST(:kinds AS text[]))
    AND (t.model IS NULL OR t.model <> ALL(CAST(:but_for AS text[])))"""


def _claim(picked: str, chosen_rows: str) -> sa.TextClause:
    return sa.text(f"""
        WITH {picked},
        leased AS (
            UPDATE proposal p SET state = 'leased', attempt = p.attempt + 1, lease = nextval('lease_token'),
                lease_owner = :owner,
                lease_until = clock_timestamp() + make_interval(secs => CAST(:lease_s AS double precision))
            WHERE p.id = ANY(ARRAY(SELECT id FROM picked)) RETURNING p.*
        ),
        whole AS (
            SELECT l.id, l.lease, l.run, l.number, l.attempt, CAST(l.operator AS text) AS operator, l.island, l.parent,
                l.inspirations, l.model, l.ideas, l.injection, l.tuning_session, l.tuning_generation, l.tuning_index,
                l.tuning_population, l.seen_event, r.problem, r.seed
            FROM leased l JOIN run r ON r.id = l.run
        )
        SELECT c.rows AS chosen, w.* FROM ({chosen_rows}) c LEFT JOIN whole w ON true ORDER BY w.id
    """)  # noqa: S608 - made of constants


_CLAIM = {most: _claim(*fair_share.picked("proposal", _QUEUED, "1.0", most)) for most in fair_share.MOST}
_CLAIM_ANY = _claim(*fair_share.picked_by_anybody("proposal", _QUEUED))
_REFUSE = sa.text("""
    UPDATE proposal p SET state = 'refused', refusal = CAST(w.reason AS refusal), detail = w.detail
    FROM unnest(CAST(:ids AS bigint[]), CAST(:tokens AS bigint[]), CAST(:reasons AS text[]), CAST(:details AS text[]))
        AS w(id, token, reason, detail)
    WHERE p.id = w.id AND p.lease = w.token AND p.state = 'leased' RETURNING p.id
""")
# The inner LIMITs keep the planner at one index look-up for each open proposal, whatever it believes of the tables.
_OPEN = sa.text("""
    SELECT p.number, p.model, CAST(p.state AS text) AS state, CAST(p.refusal AS text) AS refusal, p.duplicate_of,
        g.id AS program_id, g.length, g.literals, e.id AS evaluation, CAST(e.state AS text) AS evaluation_state,
        CAST(e.verdict AS text) AS verdict, e.score, CAST(e.features AS text) AS features,
        e.duration_s, coalesce(e.gpu_s, 0) AS gpu_s
    FROM proposal p
    LEFT JOIN LATERAL (
        SELECT g.id, g.length, g.literals FROM program g
        WHERE g.run = p.run AND g.number = coalesce(p.duplicate_of, p.number) LIMIT 1
    ) g ON true
    LEFT JOIN LATERAL (
        SELECT e.id, e.state, e.verdict, e.score, e.features, e.duration_s, e.gpu_s FROM evaluation e
        WHERE e.program = g.id AND e.purpose = 'search' LIMIT 1
    ) e ON true
    WHERE p.run = :run AND p.closed_event IS NULL ORDER BY p.number
""")
_CLOSE = sa.text("""
    UPDATE proposal p SET closed_event = w.event
    FROM unnest(CAST(:numbers AS integer[]), CAST(:events AS bigint[])) AS w(number, event)
    WHERE p.run = :run AND p.number = w.number
""")


_HELD = sa.text("""
    SELECT p.id, p.number, CAST(p.state AS text) AS state, p.duplicate_of
    FROM proposal p JOIN unnest(CAST(:ids AS bigint[]), CAST(:tokens AS bigint[])) AS mine(id, token) ON mine.id = p.id
    WHERE p.lease = mine.token ORDER BY p.id FOR NO KEY UPDATE OF p
""")
_CHILDREN = """unnest(CAST(:ids AS bigint[]), CAST(:files AS bytea[]), CAST(:hashes AS bytea[]), CAST(:lengths AS integer[]),
        CAST(:literals AS integer[])) AS w(proposal, files, hash, length, literals)"""
# In the order of the hashes, so that batches with common programs wait for one another instead of deadlocking.
_STORE = sa.text(f"""
    WITH stored AS (
        INSERT INTO program (run, number, island, parent, files, normalised_hash, length, literals, generation)
        SELECT p.run, p.number, p.island, p.parent, w.files, w.hash, w.length, w.literals, coalesce(parent.generation + 1, 0)
        FROM {_CHILDREN} JOIN proposal p ON p.id = w.proposal
        LEFT JOIN LATERAL (
            SELECT g.generation FROM program g WHERE g.run = p.run AND g.number = p.parent LIMIT 1
        ) parent ON true
        ORDER BY p.run, w.hash, p.number
        ON CONFLICT DO NOTHING RETURNING id, run, number
    ),
    queued AS (
        INSERT INTO evaluation (run, program, purpose, tier)
        SELECT s.run, s.id, 'search', r.tier FROM stored s JOIN run r ON r.id = s.run ORDER BY s.run, s.number
    )
    UPDATE proposal p SET state = 'answered' FROM stored s WHERE p.run = s.run AND p.number = s.number RETURNING p.id
""")  # noqa: S608 - made of constants
_REPEATED = sa.text(f"""
    UPDATE proposal p SET state = 'refused', refusal = 'duplicate', duplicate_of = g.number,
        child = w.files, child_length = w.length, child_literals = w.literals
    FROM {_CHILDREN}, program g
    WHERE p.id = w.proposal AND g.run = p.run AND g.normalised_hash = w.hash RETURNING p.id, g.number
""")  # noqa: S608 - made of constants
_REASSIGN_PROPOSALS = sa.text("""
    WITH made AS (SELECT files, length, literals FROM program WHERE run = :run AND number = :owner)
    UPDATE proposal p SET
        state = CASE p.number WHEN :heir THEN CAST('answered' AS proposalstate) ELSE 'refused' END,
        refusal = CASE p.number WHEN :heir THEN NULL ELSE CAST('duplicate' AS refusal) END,
        duplicate_of = CASE p.number WHEN :heir THEN NULL ELSE CAST(:heir AS integer) END,
        child = CASE p.number WHEN :owner THEN made.files ELSE p.child END,
        child_length = CASE p.number WHEN :owner THEN made.length ELSE p.child_length END,
        child_literals = CASE p.number WHEN :owner THEN made.literals ELSE p.child_literals END
    FROM made
    WHERE p.run = :run AND p.closed_event IS NULL AND (p.number = :owner OR p.duplicate_of = :owner)
""")
_REASSIGN_PROGRAM = sa.text("""
    WITH gone AS (DELETE FROM program WHERE run = :run AND number = :owner RETURNING id, normalised_hash),
    came AS (
        INSERT INTO program (run, number, island, parent, files, normalised_hash, length, literals, generation)
        SELECT p.run, p.number, p.island, p.parent, p.child, gone.normalised_hash, p.child_length, p.child_literals,
            coalesce(parent.generation + 1, 0)
        FROM gone JOIN proposal p ON p.run = :run AND p.number = :heir
        LEFT JOIN program parent ON parent.run = p.run AND parent.number = p.parent
        RETURNING id
    )
    UPDATE evaluation e SET program = came.id FROM gone, came WHERE e.program = gone.id
""")


async def ask(connection: Connection, run: int, asked: Sequence[tuple[int, int, Choice]]) -> None:
    """Queue proposals, each given as (number, number of the newest event that the choice saw, choice)."""
    choices = [choice for _, _, choice in asked]
    steps = [choice.tuning for choice in choices]
    row = {
        "run": run,
        "numbers": [number for number, _, _ in asked],
        "seen_events": [seen for _, seen, _ in asked],
        "operators": [choice.operator.value for choice in choices],
        "islands": [choice.island for choice in choices],
        "parents": [choice.parent for choice in choices],
        # An array of arrays of unequal lengths cannot be sent: these travel as text.
        "inspirations": [_array(choice.inspirations) for choice in choices],
        "models": [choice.model for choice in choices],
        "ideas": [_array(choice.ideas) if choice.ideas else None for choice in choices],
        "injections": [choice.injection for choice in choices],
        "sessions": [step and step.session for step in steps],
        "generations": [step and step.generation for step in steps],
        "indices": [step and step.index for step in steps],
        "populations": [step and step.population for step in steps],
    }
    await connection.execute(_ASK, row)


def _array(numbers: Sequence[int]) -> str:
    return f"{{{','.join(map(str, numbers))}}}"


async def claim(
    connection: Connection, owner: str, limit: int, lease_s: float, kinds: Collection[Operator], but_for: Collection[str] = ()
) -> list[ClaimedProposal]:
    """Lease up to `limit` queued proposals of unfinished runs whose operator is among `kinds`: see `database.fair_share`.

    None for the models in `but_for`.
    """
    row = {
        "owner": owner,
        "limit": limit,
        "lease_s": lease_s,
        "kinds": sorted(kind.value for kind in kinds),
        "but_for": sorted(but_for),
    }
    share = Share.MODEL_CALLS if MODEL_OPERATORS.issuperset(kinds) else Share.MUTATIONS
    rows = await fair_share.claim(connection, _CLAIM, _CLAIM_ANY, row, share)
    return [
        ClaimedProposal(
            lease=Lease(found.id, found.lease),
            run=found.run,
            number=found.number,
            attempt=found.attempt,
            operator=Operator(found.operator),
            island=found.island,
            parent=found.parent,
            inspirations=tuple(found.inspirations),
            model=found.model,
            tuning=_tuning(found),
            seen_event=found.seen_event,
            problem=found.problem,
            run_seed=found.seed,
            ideas=tuple(found.ideas or ()),
            injection=found.injection,
        )
        for found in rows
    ]


def _tuning(row: sa.Row[Any]) -> TuningStep | None:
    if row.tuning_session is None:
        return None
    return TuningStep(row.tuning_session, row.tuning_generation, row.tuning_index, row.tuning_population)


async def answer(connection: Connection, claimed: ClaimedProposal, child: NewProgram) -> Answer:
    """Store one child: see `answer_many`."""
    return (await answer_many(connection, [(claimed, child)]))[0]


async def answer_many(connection: Connection, answers: Sequence[tuple[ClaimedProposal, NewProgram]]) -> list[Answer]:
    """Store children and queue their evaluations, fenced by their leases, in a constant number of statements.

    Results are in the order of `answers`. Answering again with the lease that was answered gives the same result and
    writes nothing. One batch per transaction, so that batches with common programs cannot deadlock.
    """
    leases = [claimed.lease for claimed, _ in answers]
    found = await connection.execute(
        _HELD, {"ids": [lease.id for lease in leases], "tokens": [lease.token for lease in leases]}
    )
    results: dict[int, Answer] = {lease.id: LeaseLost() for lease in leases}
    held: set[int] = set()
    for row in found:
        if row.state == ProposalState.LEASED:
            held.add(row.id)
        elif row.state == ProposalState.ANSWERED:
            results[row.id] = Answered(row.number)
        elif row.duplicate_of is not None:
            results[row.id] = DuplicateOf(row.duplicate_of)
    children = [(claimed, child) for claimed, child in answers if claimed.lease.id in held]
    if children:
        results |= await _store(connection, children)
    return [results[lease.id] for lease in leases]


async def _store(connection: Connection, children: list[tuple[ClaimedProposal, NewProgram]]) -> dict[int, Answer]:
    files = await blobs.put(connection, [blobs.pack_files(child.files) for _, child in children])
    row = {
        "ids": [claimed.lease.id for claimed, _ in children],
        "files": files,
        "hashes": [child.normalised_hash for _, child in children],
        "lengths": [child.length for _, child in children],
        "literals": [child.literals for _, child in children],
    }
    stored = set((await connection.execute(_STORE, row)).scalars())
    results: dict[int, Answer] = {
        claimed.lease.id: Answered(claimed.number) for claimed, _ in children if claimed.lease.id in stored
    }
    if len(stored) < len(children):
        rest = [place for place, (claimed, _) in enumerate(children) if claimed.lease.id not in stored]
        repeated = await connection.execute(_REPEATED, {name: [values[i] for i in rest] for name, values in row.items()})
        results |= {found.id: DuplicateOf(found.number) for found in repeated}
    return results


async def reassign(connection: Connection, run: int, owner: int, heir: int) -> None:
    """Let proposal `heir`, refused as a duplicate of `owner`, own the program instead; neither is taken in yet.

    Under a fixed lag the lowest number owns what several proposals made, whoever was quicker. The program gets the
    number, the place in the family and the text that `heir` would have given it; its evaluation stays.
    """
    row = {"run": run, "owner": owner, "heir": heir}
    await connection.execute(_REASSIGN_PROPOSALS, row)
    await connection.execute(_REASSIGN_PROGRAM, row)


async def refuse(connection: Connection, refusals: Sequence[NewRefusal]) -> frozenset[int]:
    """End proposals without a program. Returns the ids written; the leases of all others were lost."""
    refusals = by_lease(refusals)
    row = {
        "ids": [refusal.lease.id for refusal in refusals],
        "tokens": [refusal.lease.token for refusal in refusals],
        "reasons": [refusal.reason.value for refusal in refusals],
        "details": [storable(refusal.detail) for refusal in refusals],
    }
    return frozenset((await connection.execute(_REFUSE, row)).scalars())


async def open_proposals(connection: Connection, run: int) -> list[OpenProposal]:
    """All proposals in flight or not yet taken in, in number order; costs as much as there are of them, no more."""
    return [
        OpenProposal(
            number=row.number,
            model=row.model,
            state=ProposalState(row.state),
            refusal=None if row.refusal is None else Refusal(row.refusal),
            duplicate_of=row.duplicate_of,
            program_id=row.program_id,
            length=row.length,
            literals=row.literals,
            evaluation=row.evaluation,
            evaluation_state=None if row.evaluation_state is None else EvaluationState(row.evaluation_state),
            verdict=None if row.verdict is None else Verdict(row.verdict),
            score=row.score,
            features=None if row.features is None else json.loads(row.features),
            duration_s=row.duration_s,
            gpu_s=row.gpu_s,
        )
        for row in await connection.execute(_OPEN, {"run": run})
    ]


async def close(connection: Connection, run: int, taken_in: Sequence[tuple[int, int]]) -> None:
    """Mark proposals as taken in, each given as (number, number of the event that did it)."""
    if not taken_in:
        return
    row = {"run": run, "numbers": [number for number, _ in taken_in], "events": [event for _, event in taken_in]}
    await connection.execute(_CLOSE, row)
