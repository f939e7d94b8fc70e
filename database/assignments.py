"""What people and agents are asked in a model's place: offered by workers, leased and answered through the service.

A worker that offers a proposal hands its lease over, to nobody who runs: no process waits for the answer. The proposal
is back in its queue when the answer is stored, or when the patience is over, and the worker that claims it then finds
what there is (`take_up`). Who locks both locks the assignment before the proposal.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from database import blobs
from database.audit import Actor
from database.encoding import storable
from database.engine import PEOPLE, WORKERS, Connection, notify
from database.errors import NotAllowed, NotFound
from database.proposals import ClaimedProposal, LeaseLost
from evolution.assignment import AssignmentState
from evolution.evaluation import Verdict
from evolution.models import Message
from evolution.proposal import Operator, ProposalState, Refusal

LONGEST_ANSWER = 2_000_000
"""Characters of an answer."""
TOLD = 5
"""So many of the newest answers of a token are told about with its next assignment."""


@dataclass(frozen=True, slots=True)
class Ending:
    """The run is ending, or has ended: nobody is asked any more, and nothing was written."""


@dataclass(frozen=True, slots=True)
class GivenAnswer:
    """What somebody answered, as stored, with the prompt that was asked; `latency_s` is since the asking."""

    template: str
    prompt: str
    text: str
    latency_s: float


@dataclass(frozen=True, slots=True)
class Overdue:
    """Nobody answered in time."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an assignment.

    `state`, `answered_at` and `expires_at` are its own. `proposal_state` and `refusal`, with its reason in words, are those of
    the proposal, which reads the answer once a worker is free. `program` is the number of the program that it brought, or
    repeated (`repeats`); `verdict` and `score`, in the problem's own direction, are None until it is judged.
    """

    id: int
    run: int
    proposal: int
    model: str
    state: AssignmentState
    created_at: datetime
    expires_at: datetime
    answered_at: datetime | None
    proposal_state: ProposalState
    refusal: Refusal | None
    detail: str | None
    program: int | None
    repeats: bool
    verdict: Verdict | None
    score: float | None


@dataclass(frozen=True, slots=True)
class Leased:
    """An assignment for whoever leased it, with all that an answer needs. `files` are the parent's, path to text.

    `lease` must be shown with everything that is done to it; it ends at `lease_until`, and the assignment at `expires_at`.
    `earlier` is what became of the newest answers that came by the same token, newest first.
    """

    id: int
    lease: int
    lease_until: datetime
    expires_at: datetime
    run: int
    project: int
    problem: str
    problem_name: str
    proposal: int
    model: str
    operator: Operator
    parent: int
    messages: tuple[Message, ...]
    files: Mapping[str, str]
    earlier: tuple[Outcome, ...] = ()


_OFFER = sa.text("""
    WITH held AS (
        SELECT id FROM proposal WHERE id = :proposal AND lease = :token AND state = 'leased' FOR NO KEY UPDATE
    ),
    handed AS (
        UPDATE proposal p SET lease = nextval('lease_token'), lease_owner = 'people', attempt = p.attempt - 1,
            lease_until = clock_timestamp() + make_interval(secs => CAST(:patience_s AS double precision))
        FROM held WHERE p.id = held.id RETURNING p.id, p.run, p.lease, p.lease_until
    )
    INSERT INTO assignment (run, proposal, handed, model, template, prompt, expires_at)
    SELECT run, id, lease, :model, :template, :prompt, lease_until FROM handed RETURNING id
""")
_RUN_ENDS = sa.text("SELECT state IN ('finishing', 'finished') FROM run WHERE id = :run")
# Its proposal is with a worker again: whoever still has it is late.
_GIVE_UP = sa.text("""
    UPDATE assignment SET state = 'withdrawn' WHERE proposal = :proposal AND state IN ('open', 'leased')
        AND EXISTS (SELECT FROM proposal WHERE id = :proposal AND lease = :token AND state = 'leased')
""")
_ASKED = sa.text("SELECT EXISTS (SELECT FROM assignment WHERE proposal = :proposal)")
_GIVEN = sa.text("""
    SELECT a.template, p.content AS prompt, s.content AS text,
        CAST(extract(epoch FROM a.answered_at - a.created_at) AS double precision) AS latency_s
    FROM assignment a JOIN blob p ON p.hash = a.prompt JOIN blob s ON s.hash = a.answer
    WHERE a.proposal = :proposal AND a.state = 'answered' ORDER BY a.id DESC LIMIT 1
""")
_LEASE = sa.text("""
    WITH picked AS (
        SELECT a.id FROM assignment a JOIN run r ON r.id = a.run
        WHERE a.state IN ('open', 'leased') AND (a.state = 'open' OR a.lease_until < clock_timestamp())
            AND a.expires_at > clock_timestamp() AND r.state = 'running'
            AND (CAST(:projects AS bigint[]) IS NULL OR r.project = ANY(CAST(:projects AS bigint[])))
            AND (CAST(:run AS bigint) IS NULL OR a.run = :run) AND (CAST(:model AS text) IS NULL OR a.model = :model)
        ORDER BY a.id LIMIT 1 FOR NO KEY UPDATE OF a SKIP LOCKED
    ),
    leased AS (
        UPDATE assignment a SET state = 'leased', person = :person, token = :token, lease = nextval('lease_token'),
            lease_until = least(a.expires_at,
                clock_timestamp() + make_interval(secs => CAST(:lease_s AS double precision)))
        FROM picked WHERE a.id = picked.id RETURNING a.*
    )
    SELECT l.id, l.lease, l.lease_until, l.expires_at, l.run, r.project, r.problem, q.name AS problem_name, l.model,
        p.number AS proposal, CAST(p.operator AS text) AS operator, p.parent, m.content AS messages, f.content AS files
    FROM leased l JOIN run r ON r.id = l.run JOIN problem q ON q.revision = r.problem JOIN proposal p ON p.id = l.proposal
        JOIN program g ON g.run = l.run AND g.number = p.parent
        JOIN blob m ON m.hash = l.prompt JOIN blob f ON f.hash = g.files
""")
_MINE = "id = :id AND person = :person AND lease = :lease"
_HOLD = f"{_MINE} AND state = 'leased' AND lease_until > clock_timestamp()"
_EXTEND = sa.text(f"""
    UPDATE assignment SET lease_until = least(expires_at,
        clock_timestamp() + make_interval(secs => CAST(:lease_s AS double precision)))
    WHERE {_HOLD} RETURNING lease_until
""")  # noqa: S608 - made of constants
_RELEASE = sa.text(f"UPDATE assignment SET state = 'open', lease_until = NULL WHERE {_HOLD} RETURNING id")  # noqa: S608
_ANSWER = sa.text(f"""
    UPDATE assignment SET state = 'answered', answer = :answer, answered_at = clock_timestamp()
    WHERE {_HOLD} RETURNING proposal, handed
""")  # noqa: S608 - made of constants
_ANSWERED = sa.text(f"SELECT answer = :answer FROM assignment WHERE {_MINE} AND state = 'answered'")  # noqa: S608
_QUEUE_AGAIN = sa.text("""
    UPDATE proposal SET state = 'queued', lease = NULL, lease_owner = NULL, lease_until = NULL
    WHERE id = :proposal AND state = 'leased' AND lease = :handed
""")
_WHOSE = sa.text("""
    SELECT CAST(state AS text) AS state, person = :person AS mine, lease = :lease AS newest,
        lease_until <= clock_timestamp() AS over FROM assignment WHERE id = :id
""")
_WITHDRAW = sa.text("""
    WITH gone AS (
        UPDATE assignment SET state = 'withdrawn' WHERE run = :run AND state IN ('open', 'leased') RETURNING proposal, handed
    )
    UPDATE proposal p SET state = 'refused', refusal = 'no_answer', detail = :detail
    FROM gone WHERE p.id = gone.proposal AND p.state = 'leased' AND p.lease = gone.handed RETURNING p.number
""")
_RUN_OF = sa.text("SELECT run FROM assignment WHERE id = :id")
_OUTCOME = """
    SELECT a.id, a.run, p.number AS proposal, a.model, CAST(a.state AS text) AS state, a.created_at,
        a.expires_at, a.answered_at, CAST(p.state AS text) AS proposal_state, CAST(p.refusal AS text) AS refusal, p.detail,
        g.number AS program, p.duplicate_of IS NOT NULL AS repeats, CAST(e.verdict AS text) AS verdict,
        e.score * CASE q.definition -> 'score' ->> 'direction' WHEN 'minimize' THEN -1.0 ELSE 1.0 END AS score
    FROM assignment a JOIN proposal p ON p.id = a.proposal JOIN run r ON r.id = a.run JOIN problem q ON q.revision = r.problem
    LEFT JOIN program g ON g.run = p.run AND g.number = coalesce(p.duplicate_of, p.number)
    LEFT JOIN evaluation e ON e.program = g.id AND e.purpose = 'search'
"""
_EARLIER = sa.text(
    f"{_OUTCOME} WHERE a.token = :token AND a.state = 'answered' AND a.run = :run ORDER BY a.answered_at DESC LIMIT :most"
)
_OF_ID = sa.text(f"{_OUTCOME} WHERE a.id = :id")
_LISTING = sa.text(
    f"{_OUTCOME} WHERE a.run = :run AND (CAST(:before AS bigint) IS NULL OR a.id < :before) ORDER BY a.id DESC LIMIT :limit"
)


async def offer(
    connection: Connection, claimed: ClaimedProposal, *, model: str, template: str, prompt: str, patience_s: float
) -> int | LeaseLost | Ending:
    """Hand a claimed proposal over to people, who may answer `prompt` for `patience_s` seconds; returns the assignment's id.

    The claim is void afterwards. Being handed over is no attempt that failed: the proposal may wait through any number
    of restarts of its workers.
    """
    if (await connection.execute(_RUN_ENDS, {"run": claimed.run})).scalar_one():
        return Ending()
    (stored,) = await blobs.put(connection, [storable(prompt).encode()], private=True)
    row = {
        "proposal": claimed.lease.id,
        "token": claimed.lease.token,
        "patience_s": patience_s,
        "model": model,
        "template": template,
        "prompt": stored,
    }
    made = (await connection.execute(_OFFER, row)).scalar_one_or_none()
    if made is None:
        return LeaseLost()
    await notify(connection, PEOPLE)
    return made


async def take_up(connection: Connection, claimed: ClaimedProposal) -> GivenAnswer | Overdue | None:
    """What people made of a proposal that is claimed again; None if nobody was asked yet."""
    given = {"proposal": claimed.lease.id, "token": claimed.lease.token}
    await connection.execute(_GIVE_UP, given)
    row = (await connection.execute(_GIVEN, given)).first()
    if row is not None:
        return GivenAnswer(row.template, row.prompt.decode(), row.text.decode(), max(0.0, row.latency_s))
    return Overdue() if (await connection.execute(_ASKED, given)).scalar_one() else None


async def lease(
    connection: Connection,
    caller: Actor,
    projects: Collection[int] | None,
    lease_s: float,
    *,
    run: int | None = None,
    model: str | None = None,
) -> Leased | None:
    """The oldest assignment that nobody has, of a running run of `projects` (None: of any), or None if there is none.

    `run` and `model` narrow it down. It is the caller's for `lease_s` seconds, and never longer than until it expires.
    """
    row = {
        "person": caller.person,
        "token": caller.token,
        "projects": None if projects is None else sorted(projects),
        "lease_s": lease_s,
        "run": run,
        "model": model,
    }
    found = (await connection.execute(_LEASE, row)).mappings().first()
    if found is None:
        return None
    given = dict(found)
    messages = tuple(Message.model_validate(item) for item in json.loads(given.pop("messages")))
    files = blobs.unpack_files(given.pop("files"))
    asked = {"token": caller.token, "run": given["run"], "most": TOLD}
    earlier = tuple(_outcome(item) for item in (await connection.execute(_EARLIER, asked)).mappings())
    operator = Operator(given.pop("operator"))
    return Leased(**given, operator=operator, messages=messages, files=files, earlier=earlier)


async def extend(connection: Connection, caller: Actor, assignment: int, token: int, lease_s: float) -> datetime:
    """Let a lease run `lease_s` seconds from now, at most until the assignment expires; returns when it ends.

    Raises:
        NotFound: no such assignment.
        NotAllowed: the lease is lost.
    """
    row = {**_held(caller, assignment, token), "lease_s": lease_s}
    until = (await connection.execute(_EXTEND, row)).scalar_one_or_none()
    if until is None:
        raise await _lost(connection, caller, assignment, token)
    return until


async def release(connection: Connection, caller: Actor, assignment: int, token: int) -> None:
    """Give an assignment back for others.

    Raises:
        NotFound: no such assignment.
        NotAllowed: the lease is lost.
    """
    row = _held(caller, assignment, token)
    if (await connection.execute(_RELEASE, row)).first() is None:
        raise await _lost(connection, caller, assignment, token)
    await notify(connection, PEOPLE)


async def answer(connection: Connection, caller: Actor, assignment: int, token: int, text: str) -> None:
    """Store an answer, of at most `LONGEST_ANSWER` characters, and queue its proposal for a worker that reads it.

    The same answer again is taken once.

    Raises:
        NotFound: no such assignment.
        NotAllowed: the lease is lost; nothing was stored.
    """
    if len(text) > LONGEST_ANSWER:
        raise NotAllowed(f"an answer may have {LONGEST_ANSWER} characters; this one has {len(text)}; send less")
    (stored,) = await blobs.put(connection, [storable(text).encode()], private=True)
    row = {**_held(caller, assignment, token), "answer": stored}
    found = (await connection.execute(_ANSWER, row)).first()
    if found is not None:
        await connection.execute(_QUEUE_AGAIN, {"proposal": found.proposal, "handed": found.handed})
        await notify(connection, WORKERS)
    elif not (await connection.execute(_ANSWERED, row)).scalar_one_or_none():
        raise await _lost(connection, caller, assignment, token)


async def withdraw(connection: Connection, run: int, detail: str) -> int:
    """Refuse all that people have not answered of a run, for the run's controller; `detail` says why. Returns how many."""
    return len((await connection.execute(_WITHDRAW, {"run": run, "detail": detail})).all())


async def run_of(connection: Connection, assignment: int) -> int | None:
    """The run of an assignment; None if there is no such assignment."""
    return (await connection.execute(_RUN_OF, {"id": assignment})).scalar_one_or_none()


async def outcome(connection: Connection, assignment: int) -> Outcome:
    """What became of an assignment.

    Raises:
        NotFound: no such assignment.
    """
    row = (await connection.execute(_OF_ID, {"id": assignment})).mappings().first()
    if row is None:
        raise _unknown(assignment)
    return _outcome(row)


async def listing(connection: Connection, run: int, before: int | None, limit: int) -> list[Outcome]:
    """The newest assignments of a run, at most `limit`; give the id of the last one as `before` to go on."""
    rows = await connection.execute(_LISTING, {"run": run, "before": before, "limit": limit})
    return [_outcome(row) for row in rows.mappings()]


def _held(caller: Actor, assignment: int, token: int) -> dict[str, int]:
    return {"id": assignment, "person": caller.person, "lease": token}


async def _lost(connection: Connection, caller: Actor, assignment: int, token: int) -> NotAllowed | NotFound:
    """Why a lease is not held."""
    row = (await connection.execute(_WHOSE, _held(caller, assignment, token))).first()
    if row is None:
        return _unknown(assignment)
    if not (row.mine and row.newest):
        why = "it was not leased to you, or somebody else has leased it since"
    elif row.state == AssignmentState.ANSWERED:
        why = "it is answered already, by another text"
    elif row.state == AssignmentState.WITHDRAWN:
        why = "it was withdrawn: its time is over, or its run has ended"
    else:
        why = "your lease is over" if row.over else "you released it"
    return NotAllowed(f"assignment {assignment} cannot be changed by this lease: {why}; nothing was stored; lease another one")


def _unknown(assignment: int) -> NotFound:
    return NotFound(f"there is no assignment {assignment} in this database")


def _outcome(row: sa.RowMapping) -> Outcome:
    return Outcome(
        id=row["id"],
        run=row["run"],
        proposal=row["proposal"],
        model=row["model"],
        state=AssignmentState(row["state"]),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        answered_at=row["answered_at"],
        proposal_state=ProposalState(row["proposal_state"]),
        refusal=None if row["refusal"] is None else Refusal(row["refusal"]),
        detail=row["detail"],
        program=row["program"],
        repeats=row["repeats"],
        verdict=None if row["verdict"] is None else Verdict(row["verdict"]),
        score=row["score"],
    )
