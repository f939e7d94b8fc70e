"""Model calls and their money: reserved before the call, stored before it is parsed, settled at what it cost."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from database import blobs, charges, endpoints, spending
from database.charges import Charges, OverBudget
from database.encoding import storable
from database.endpoints import UNLIMITED, Gates, Throttle, Wait
from database.engine import Connection
from database.proposals import ClaimedProposal, LeaseLost
from evolution.limits import Resource

Decision = int | OverBudget | LeaseLost
"""The id of the completion of a call that may be made, or why it must not be."""
Reservation = Decision | Wait
"""The same, or that it is too early to tell."""


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
    """A model call about to be made for a claimed proposal; `micro_dollars` and `tokens` are the most that it can take.

    `throttle` is what the model's endpoint allows all workers together; it is the same for all calls of the model.
    """

    claimed: ClaimedProposal
    model: str
    template: str
    prompt: str
    micro_dollars: int
    tokens: int
    throttle: Throttle = UNLIMITED


@dataclass(frozen=True, slots=True)
class Settlement:
    """What a call brought: an answer, or a failure; and what it cost in tokens, micro-dollars and seconds.

    `unreported`: the endpoint did not tell how many tokens it took, so all that were reserved count as used. `pause_s`: it
    asked that nobody calls it for so many seconds.
    """

    completion: int
    answer: str | None
    failure: str | None
    finish_reason: str | None
    tokens_in: int
    tokens_out: int
    micro_dollars: int
    latency_s: float
    unreported: bool = False
    pause_s: float | None = None


@dataclass(frozen=True, slots=True)
class _Open:
    """What is set aside for a call that is under way."""

    run: int
    model: str
    micro_dollars: int
    tokens: int


_HELD = sa.text("""
    SELECT p.id, coalesce(extract(epoch FROM e.paused_until - clock_timestamp()), 0) AS pause FROM proposal p
    JOIN unnest(CAST(:ids AS bigint[]), CAST(:tokens AS bigint[]), CAST(:models AS text[])) AS mine(id, token, model)
        ON mine.id = p.id
    LEFT JOIN endpoint e ON e.model = mine.model
    WHERE p.lease = mine.token AND p.state = 'leased' ORDER BY p.id FOR NO KEY UPDATE OF p
""")
_OPEN = sa.text("""
    WITH opened AS (
        INSERT INTO completion (run, proposal, lease, model, template, prompt, reserved_micro_dollars, reserved_tokens)
        SELECT * FROM unnest(CAST(:runs AS bigint[]), CAST(:proposals AS bigint[]), CAST(:leases AS bigint[]),
            CAST(:models AS text[]), CAST(:templates AS text[]), CAST(:prompts AS bytea[]), CAST(:amounts AS bigint[]),
            CAST(:tokens AS bigint[]))
        RETURNING id, proposal, run, reserved_micro_dollars
    ),
    money AS (
        UPDATE account a SET reserved_micro_dollars = a.reserved_micro_dollars + o.amount
        FROM (SELECT run, sum(reserved_micro_dollars) AS amount FROM opened GROUP BY run) o WHERE a.run = o.run
    )
    SELECT id, proposal FROM opened
""")
_LOCK = sa.text("""
    SELECT id, run, model, reserved_micro_dollars AS micro_dollars, reserved_tokens AS tokens FROM completion
    WHERE id = ANY(CAST(:ids AS bigint[])) AND cost_micro_dollars IS NULL ORDER BY id FOR NO KEY UPDATE
""")
_SETTLE = sa.text(f"""
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
        RETURNING c.run, c.model, c.reserved_micro_dollars AS reserved, g.cost, g.tokens_in, g.tokens_out, g.failure
    ),
    booked AS ({spending.BOOKED})
    UPDATE account a SET spent_micro_dollars = a.spent_micro_dollars + s.cost,
        reserved_micro_dollars = a.reserved_micro_dollars - s.reserved,
        tokens_in = a.tokens_in + s.tokens_in, tokens_out = a.tokens_out + s.tokens_out
    FROM (
        SELECT run, sum(cost) AS cost, sum(reserved) AS reserved, sum(tokens_in) AS tokens_in, sum(tokens_out) AS tokens_out
        FROM settled GROUP BY run
    ) s WHERE a.run = s.run
""")  # noqa: S608 - made of constants
_LOCK_LOST = sa.text("""
    SELECT c.id FROM completion c JOIN proposal p ON p.id = c.proposal
    WHERE c.cost_micro_dollars IS NULL AND (p.state <> 'leased' OR p.lease IS DISTINCT FROM c.lease)
    ORDER BY c.id FOR NO KEY UPDATE OF c SKIP LOCKED
""")
# Waits for whoever is settling one of them now.
_LOCK_OPEN = sa.text("SELECT id FROM completion WHERE run = :run AND cost_micro_dollars IS NULL ORDER BY id FOR NO KEY UPDATE")
_RUNS = sa.text("SELECT DISTINCT run FROM completion WHERE id = ANY(CAST(:ids AS bigint[]))")
_SETTLE_LOST = sa.text(f"""
    WITH settled AS (
        UPDATE completion SET cost_micro_dollars = reserved_micro_dollars, failure = :failure
        WHERE id = ANY(CAST(:ids AS bigint[]))
        RETURNING run, model, failure, reserved_micro_dollars AS cost, reserved_tokens AS tokens, tokens_in, tokens_out
    ),
    booked AS ({spending.BOOKED}),
    owed AS (
        SELECT w.id, sum(CASE w.resource WHEN 'tokens' THEN s.tokens ELSE s.cost END) AS amount
        FROM settled s JOIN run r ON r.id = s.run
        JOIN allowance w ON w.resource IN ('micro_dollars', 'tokens')
            AND (w.run = r.id OR w.project = r.project OR w.person = r.person)
        GROUP BY w.id
    ),
    paid AS (
        UPDATE allowance w SET spent = w.spent + o.amount, reserved = w.reserved - o.amount FROM owed o WHERE w.id = o.id
    )
    UPDATE account a SET spent_micro_dollars = a.spent_micro_dollars + s.amount,
        reserved_micro_dollars = a.reserved_micro_dollars - s.amount
    FROM (SELECT run, sum(cost) AS amount FROM settled GROUP BY run) s WHERE a.run = s.run
""")  # noqa: S608 - made of constants
_STORED = sa.text("""
    SELECT c.id, c.model, c.template, p.content AS prompt, a.content AS text, c.finish_reason
    FROM completion c JOIN blob p ON p.hash = c.prompt JOIN blob a ON a.hash = c.answer
    WHERE c.proposal = :proposal ORDER BY c.id DESC LIMIT 1
""")


async def reserve(
    connection: Connection,
    claimed: ClaimedProposal,
    *,
    model: str,
    template: str,
    prompt: str,
    micro_dollars: int,
    tokens: int = 0,
) -> Reservation:
    """Record one model call about to be made: see `book`."""
    _, reserved = await book(connection, [], [NewCall(claimed, model, template, prompt, micro_dollars, tokens)])
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

    A call is charged to the run's account and to what its project and the person who started it may spend. One that
    took less than reserved frees the rest; one that took more is booked as far as all limits allow (`Charges.settle`).
    The money was spent whoever holds the proposal's lease now, so settling is not fenced by it.

    A call of an endpoint that is paused, or that has as many calls as it allows all workers together, has to wait.

    Whoever books locks proposals, then completions, then accounts, then limits, then endpoints, each in the order of their
    keys, then writes blobs: whatever is settled and reserved at the same time elsewhere then waits, and nothing deadlocks.
    """
    held = await _held(connection, calls)
    rows = await connection.execute(_LOCK, {"ids": [one.completion for one in settlements]}) if settlements else ()
    waiting = {row.id: _Open(row.run, row.model, row.micro_dollars, row.tokens) for row in rows}
    fresh = [one for one in settlements if one.completion in waiting]
    wanted = [call for call in calls if call.claimed.lease.id in held]
    runs = {*(one.run for one in waiting.values()), *(call.claimed.run for call in wanted)}
    charged = await charges.lock(connection, sorted(runs))
    booked = {one.completion: _booked(one, waiting[one.completion], charged) for one in fresh}
    gates = await _gates(connection, wanted, held, fresh, waiting)
    results = [_granted(call, held, charged, gates) for call in calls]
    granted = [call for call, result in zip(calls, results, strict=True) if result is None]
    answers = [storable(one.answer).encode() for one in fresh if one.answer is not None]
    prompts = [storable(call.prompt).encode() for call in granted]
    hashes = await blobs.put(connection, [*answers, *prompts], private=True)
    if fresh:
        await _settle(connection, fresh, booked, hashes[: len(answers)])
    opened = await _opened(connection, granted, hashes[len(answers) :]) if granted else {}
    await charged.write(connection)
    await gates.write(connection)
    reservations = [
        opened[call.claimed.lease.id] if result is None else result for call, result in zip(calls, results, strict=True)
    ]
    return [booked.get(one.completion) for one in settlements], reservations


async def _held(connection: Connection, calls: Sequence[NewCall]) -> dict[int, float]:
    """The proposals among those of `calls` that are still leased to the caller, each with the pause of its endpoint."""
    if not calls:
        return {}
    row = {
        "ids": [call.claimed.lease.id for call in calls],
        "tokens": [call.claimed.lease.token for call in calls],
        "models": [call.model for call in calls],
    }
    return {found.id: float(found.pause) for found in await connection.execute(_HELD, row)}


async def _gates(
    connection: Connection,
    calls: Sequence[NewCall],
    held: Mapping[int, float],
    settled: Sequence[Settlement],
    waiting: Mapping[int, _Open],
) -> Gates:
    asked: dict[str, float] = {}
    for one in settled:
        if one.pause_s is not None:
            model = waiting[one.completion].model
            asked[model] = max(asked.get(model, 0.0), one.pause_s)
    throttles = {call.model: call.throttle for call in calls}
    paused = {call.model: held[call.claimed.lease.id] for call in calls}
    freed = Counter(waiting[one.completion].model for one in settled)
    return await endpoints.gates(connection, throttles, paused, asked, freed)


def _granted(call: NewCall, held: Mapping[int, float], charged: Charges, gates: Gates) -> OverBudget | LeaseLost | Wait | None:
    """Why a call must not be made; None if it may, with what it can take set aside in `charged`."""
    if call.claimed.lease.id not in held:
        return LeaseLost()
    wait = gates.wait(call.model)
    if wait is not None:
        return wait
    refused = charged.reserve(call.claimed.run, {Resource.MICRO_DOLLARS: call.micro_dollars, Resource.TOKENS: call.tokens})
    if refused is None:
        gates.take(call.model)
    return refused


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
        "tokens": [call.tokens for call in calls],
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


def _booked(one: Settlement, opened: _Open, charged: Charges) -> int:
    """The micro-dollars that are booked for a call."""
    name = f"model call {one.completion} of run {opened.run}"
    tokens = opened.tokens if one.unreported else one.tokens_in + one.tokens_out
    charged.settle(opened.run, Resource.TOKENS, opened.tokens, tokens, name)
    return charged.settle(opened.run, Resource.MICRO_DOLLARS, opened.micro_dollars, one.micro_dollars, name)


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
        runs = (await connection.execute(_RUNS, {"ids": list(ids)})).scalars().all()
        await charges.lock(connection, runs)
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
