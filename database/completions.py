"""Model calls and their money: reserved before the call, stored before it is parsed, settled at what it cost."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from database import blobs
from database.encoding import storable
from database.engine import Connection
from database.proposals import ClaimedProposal, LeaseLost

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OverBudget:
    """The call could cost more than is left; nothing was written. `left_micro_dollars` is what could be reserved."""

    left_micro_dollars: int


Reservation = int | OverBudget | LeaseLost
"""The id of the completion of a call that may be made, or why it must not be."""


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """A paid answer of a proposal whose worker died before it made a program of it."""

    completion: int
    model: str
    template: str
    prompt: str
    text: str
    finish_reason: str | None


@dataclass(frozen=True, slots=True)
class NewCall:
    """A model call about to be made for a claimed proposal; `micro_dollars` is the most that it can cost."""

    claimed: ClaimedProposal
    model: str
    template: str
    prompt: str
    micro_dollars: int


@dataclass(frozen=True, slots=True)
class Settlement:
    """What a call brought: an answer, or a failure; and what it cost in tokens, micro-dollars and seconds."""

    completion: int
    answer: str | None
    failure: str | None
    finish_reason: str | None
    tokens_in: int
    tokens_out: int
    micro_dollars: int
    latency_s: float


_HELD = sa.text("""
    SELECT p.id FROM proposal p
    JOIN unnest(CAST(:ids AS bigint[]), CAST(:tokens AS bigint[])) AS mine(id, token) ON mine.id = p.id
    WHERE p.lease = mine.token AND p.state = 'leased' ORDER BY p.id FOR NO KEY UPDATE OF p
""")
_LOCK_MONEY = sa.text("""
    SELECT run, limit_micro_dollars - spent_micro_dollars - reserved_micro_dollars AS room FROM account
    WHERE run = ANY(CAST(:runs AS bigint[])) ORDER BY run FOR NO KEY UPDATE
""")
_OPEN = sa.text("""
    WITH opened AS (
        INSERT INTO completion (run, proposal, lease, model, template, prompt, reserved_micro_dollars)
        SELECT * FROM unnest(CAST(:runs AS bigint[]), CAST(:proposals AS bigint[]), CAST(:leases AS bigint[]),
            CAST(:models AS text[]), CAST(:templates AS text[]), CAST(:prompts AS bytea[]), CAST(:amounts AS bigint[]))
        RETURNING id, proposal, run, reserved_micro_dollars
    ),
    money AS (
        UPDATE account a SET reserved_micro_dollars = a.reserved_micro_dollars + o.amount
        FROM (SELECT run, sum(reserved_micro_dollars) AS amount FROM opened GROUP BY run) o WHERE a.run = o.run
    )
    SELECT id, proposal FROM opened
""")
_LOCK = sa.text("""
    SELECT id, run, reserved_micro_dollars AS reserved FROM completion
    WHERE id = ANY(CAST(:ids AS bigint[])) AND cost_micro_dollars IS NULL ORDER BY id FOR NO KEY UPDATE
""")
_SETTLE = sa.text("""
    WITH given AS (
        SELECT * FROM unnest(CAST(:ids AS bigint[]), CAST(:answers AS bytea[]), CAST(:failures AS text[]),
            CAST(:reasons AS text[]), CAST(:tokens_in AS integer[]), CAST(:tokens_out AS integer[]),
            CAST(:costs AS bigint[]), CAST(:latencies AS double precision[]))
            AS g(id, answer, failure, reason, tokens_in, tokens_out, cost, latency)
    ),
    settled AS (
        UPDATE completion c SET answer = g.answer, failure = g.failure, finish_reason = g.reason, tokens_in = g.tokens_in,
            tokens_out = g.tokens_out, cost_micro_dollars = g.cost, latency_s = g.latency
        FROM given g WHERE c.id = g.id
        RETURNING c.run, c.reserved_micro_dollars AS reserved, g.cost, g.tokens_in, g.tokens_out
    )
    UPDATE account a SET spent_micro_dollars = a.spent_micro_dollars + s.cost,
        reserved_micro_dollars = a.reserved_micro_dollars - s.reserved,
        tokens_in = a.tokens_in + s.tokens_in, tokens_out = a.tokens_out + s.tokens_out
    FROM (
        SELECT run, sum(cost) AS cost, sum(reserved) AS reserved, sum(tokens_in) AS tokens_in, sum(tokens_out) AS tokens_out
        FROM settled GROUP BY run
    ) s WHERE a.run = s.run
""")
_LOCK_LOST = sa.text("""
    SELECT c.id FROM completion c JOIN proposal p ON p.id = c.proposal
    WHERE c.cost_micro_dollars IS NULL AND (p.state <> 'leased' OR p.lease IS DISTINCT FROM c.lease)
    ORDER BY c.id FOR NO KEY UPDATE OF c SKIP LOCKED
""")
# Waits for whoever is settling one of them now.
_LOCK_OPEN = sa.text("SELECT id FROM completion WHERE run = :run AND cost_micro_dollars IS NULL ORDER BY id FOR NO KEY UPDATE")
_LOCK_ACCOUNTS = sa.text("""
    SELECT run FROM account WHERE run IN (SELECT run FROM completion WHERE id = ANY(CAST(:ids AS bigint[])))
    ORDER BY run FOR NO KEY UPDATE
""")
_SETTLE_LOST = sa.text("""
    WITH settled AS (
        UPDATE completion SET cost_micro_dollars = reserved_micro_dollars, failure = :failure
        WHERE id = ANY(CAST(:ids AS bigint[])) RETURNING run, reserved_micro_dollars AS amount
    )
    UPDATE account a SET spent_micro_dollars = a.spent_micro_dollars + s.amount,
        reserved_micro_dollars = a.reserved_micro_dollars - s.amount
    FROM (SELECT run, sum(amount) AS amount FROM settled GROUP BY run) s WHERE a.run = s.run
""")
_STORED = sa.text("""
    SELECT c.id, c.model, c.template, p.content AS prompt, a.content AS text, c.finish_reason
    FROM completion c JOIN blob p ON p.hash = c.prompt JOIN blob a ON a.hash = c.answer
    WHERE c.proposal = :proposal ORDER BY c.id DESC LIMIT 1
""")


async def reserve(
    connection: Connection, claimed: ClaimedProposal, *, model: str, template: str, prompt: str, micro_dollars: int
) -> Reservation:
    """Record one model call about to be made: see `book`."""
    _, reserved = await book(connection, [], [NewCall(claimed, model, template, prompt, micro_dollars)])
    return reserved[0]


async def settle(
    connection: Connection,
    completion: int,
    *,
    answer: str | None,
    failure: str | None,
    finish_reason: str | None,
    tokens_in: int,
    tokens_out: int,
    micro_dollars: int,
    latency_s: float,
) -> int | None:
    """Store what one call brought and book its cost: see `book`."""
    settlement = Settlement(completion, answer, failure, finish_reason, tokens_in, tokens_out, micro_dollars, latency_s)
    settled, _ = await book(connection, [settlement], [])
    return settled[0]


async def book(
    connection: Connection, settlements: Sequence[Settlement], calls: Sequence[NewCall]
) -> tuple[list[int | None], list[Reservation]]:
    """Settle calls that came back, then set aside the most that each call about to be made can cost.

    Returns for each settlement the micro-dollars booked, None if it was settled before; and for each new call the id
    of its completion, or why it must not be made. First come first served; at most one call for a proposal. Commit
    before calling a model: only then is the money safe from others. A constant number of statements.

    A call that cost less than reserved frees the rest. One that cost more is booked in full as far as the limit
    allows; beyond it the limit is booked and the difference logged as an error: the endpoint's declared price or
    token limit is wrong, and a budget never shows more spent than its limit. The money was spent whoever holds the
    proposal's lease now, so settling is not fenced by it.

    Whoever books locks proposals, then completions, then accounts, each in the order of their keys, then writes blobs:
    whatever is settled and reserved at the same time elsewhere then waits, and nothing deadlocks.
    """
    held = await _held(connection, calls)
    rows = await connection.execute(_LOCK, {"ids": [one.completion for one in settlements]}) if settlements else ()
    waiting = {row.id: (row.run, row.reserved) for row in rows}
    fresh = [one for one in settlements if one.completion in waiting]
    wanted = [call for call in calls if call.claimed.lease.id in held]
    runs = sorted({*(run for run, _ in waiting.values()), *(call.claimed.run for call in wanted)})
    found = await connection.execute(_LOCK_MONEY, {"runs": runs}) if runs else ()
    room: dict[int, int | None] = {row.run: row.room for row in found}
    booked: dict[int, int] = {}
    for one in fresh:
        run, reserved = waiting[one.completion]
        booked[one.completion], room[run] = _booked(one, run, reserved, room[run])
    results = [_granted(call, held, room) for call in calls]
    granted = [call for call, result in zip(calls, results, strict=True) if result is None]
    answers = [storable(one.answer).encode() for one in fresh if one.answer is not None]
    prompts = [storable(call.prompt).encode() for call in granted]
    hashes = await blobs.put(connection, [*answers, *prompts], private=True)
    if fresh:
        await _settle(connection, fresh, booked, hashes[: len(answers)])
    opened = await _opened(connection, granted, hashes[len(answers) :]) if granted else {}
    reservations = [
        opened[call.claimed.lease.id] if result is None else result for call, result in zip(calls, results, strict=True)
    ]
    return [booked.get(one.completion) for one in settlements], reservations


async def _held(connection: Connection, calls: Sequence[NewCall]) -> frozenset[int]:
    """The proposals among those of `calls` that are still leased to the caller."""
    if not calls:
        return frozenset()
    leases = [call.claimed.lease for call in calls]
    found = await connection.execute(
        _HELD, {"ids": [lease.id for lease in leases], "tokens": [lease.token for lease in leases]}
    )
    return frozenset(found.scalars())


def _granted(call: NewCall, held: frozenset[int], room: dict[int, int | None]) -> OverBudget | LeaseLost | None:
    """Why a call must not be made; None if it may, with its money taken out of `room`."""
    run = call.claimed.run
    left = room.get(run)
    if call.claimed.lease.id not in held:
        return LeaseLost()
    if left is not None and call.micro_dollars > left:
        return OverBudget(left)
    room[run] = None if left is None else left - call.micro_dollars
    return None


async def _opened(connection: Connection, calls: Sequence[NewCall], prompts: Sequence[bytes]) -> dict[int, int]:
    """Completions by proposal."""
    row = {
        "runs": [call.claimed.run for call in calls],
        "proposals": [call.claimed.lease.id for call in calls],
        "leases": [call.claimed.lease.token for call in calls],
        "models": [call.model for call in calls],
        "templates": [call.template for call in calls],
        "prompts": list(prompts),
        "amounts": [call.micro_dollars for call in calls],
    }
    return {found.proposal: found.id for found in await connection.execute(_OPEN, row)}


async def _settle(
    connection: Connection, settlements: Sequence[Settlement], booked: Mapping[int, int], answers: Sequence[bytes]
) -> None:
    stored = iter(answers)
    row = {
        "ids": [one.completion for one in settlements],
        "answers": [None if one.answer is None else next(stored) for one in settlements],
        "failures": [None if one.failure is None else storable(one.failure) for one in settlements],
        "reasons": [None if one.finish_reason is None else storable(one.finish_reason) for one in settlements],
        "tokens_in": [one.tokens_in for one in settlements],
        "tokens_out": [one.tokens_out for one in settlements],
        "costs": [booked[one.completion] for one in settlements],
        "latencies": [one.latency_s for one in settlements],
    }
    await connection.execute(_SETTLE, row)


def _booked(one: Settlement, run: int, reserved: int, room: int | None) -> tuple[int, int | None]:
    """What is booked of a call's cost, and the room that is left in the budget afterwards (None: no limit)."""
    if room is None:
        return one.micro_dollars, None
    booked = min(one.micro_dollars, room + reserved)
    if booked < one.micro_dollars:
        _log.error(
            "model call %s of run %s cost %s micro-dollars, %s were reserved and the budget has room for %s: that is booked, "
            "the rest is not; correct the price or the token limit of the model",
            one.completion,
            run,
            one.micro_dollars,
            reserved,
            booked,
        )
    return booked, room + reserved - booked


async def settle_lost(connection: Connection) -> int:
    """Settle calls whose worker lost its lease, at their reservation: nobody knows what they cost. Returns how many."""
    ids = (await connection.execute(_LOCK_LOST)).scalars().all()
    return await _settle_at_reservation(connection, ids, "the worker was lost while the model answered")


async def settle_all(connection: Connection, run: int) -> int:
    """Settle every open call of a run that ends, at its reservation; returns how many.

    Afterwards nothing is reserved, and what was spent is the sum of the settled calls. A worker that is late with an
    answer finds its call settled, and books nothing.
    """
    ids = (await connection.execute(_LOCK_OPEN, {"run": run})).scalars().all()
    return await _settle_at_reservation(connection, ids, "the run ended before the worker told what the call cost")


async def _settle_at_reservation(connection: Connection, ids: Sequence[int], failure: str) -> int:
    if ids:
        await connection.execute(_LOCK_ACCOUNTS, {"ids": list(ids)})
        await connection.execute(_SETTLE_LOST, {"ids": list(ids), "failure": failure})
    return len(ids)


async def stored_answer(connection: Connection, claimed: ClaimedProposal) -> StoredAnswer | None:
    """The newest answer paid for this proposal, which is still to be parsed; None if the model must be asked."""
    row = (await connection.execute(_STORED, {"proposal": claimed.lease.id})).first()
    if row is None:
        return None
    return StoredAnswer(
        completion=row.id,
        model=row.model,
        template=row.template,
        prompt=row.prompt.decode(),
        text=row.text.decode(),
        finish_reason=row.finish_reason,
    )
