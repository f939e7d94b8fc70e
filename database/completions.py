"""Model calls and their money: reserved before the call, stored before it is parsed, settled at what it cost."""

import logging
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


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """A paid answer of a proposal whose worker died before it made a program of it."""

    completion: int
    model: str
    template: str
    prompt: str
    text: str
    finish_reason: str | None


_HELD = sa.text("SELECT id FROM proposal WHERE id = :id AND lease = :token AND state = 'leased' FOR NO KEY UPDATE")
_SET_ASIDE = sa.text("""
    UPDATE account SET reserved_micro_dollars = reserved_micro_dollars + CAST(:amount AS bigint)
    WHERE run = :run AND (limit_micro_dollars IS NULL
        OR spent_micro_dollars + reserved_micro_dollars + CAST(:amount AS bigint) <= limit_micro_dollars)
    RETURNING run
""")
_LEFT = sa.text("SELECT limit_micro_dollars - spent_micro_dollars - reserved_micro_dollars FROM account WHERE run = :run")
_OPEN = sa.text("""
    INSERT INTO completion (run, proposal, lease, model, template, prompt, reserved_micro_dollars)
    VALUES (:run, :proposal, :lease, :model, :template, :prompt, :amount) RETURNING id
""")
_LOCK = sa.text("""
    SELECT run, reserved_micro_dollars AS reserved FROM completion WHERE id = :id AND cost_micro_dollars IS NULL
    FOR NO KEY UPDATE
""")
_LOCK_ACCOUNT = sa.text("""
    SELECT limit_micro_dollars AS most, spent_micro_dollars + reserved_micro_dollars AS used FROM account WHERE run = :run
    FOR NO KEY UPDATE
""")
_SETTLE = sa.text("""
    WITH money AS (
        UPDATE account SET spent_micro_dollars = spent_micro_dollars + CAST(:cost AS bigint),
            reserved_micro_dollars = reserved_micro_dollars - CAST(:reserved AS bigint),
            tokens_in = tokens_in + CAST(:tokens_in AS bigint), tokens_out = tokens_out + CAST(:tokens_out AS bigint)
        WHERE run = :run
    )
    UPDATE completion SET answer = :answer, failure = :failure, finish_reason = :finish_reason, tokens_in = :tokens_in,
        tokens_out = :tokens_out, cost_micro_dollars = :cost, latency_s = :latency_s
    WHERE id = :id
""")
_LOCK_LOST = sa.text("""
    SELECT c.id FROM completion c JOIN proposal p ON p.id = c.proposal
    WHERE c.cost_micro_dollars IS NULL AND (p.state <> 'leased' OR p.lease IS DISTINCT FROM c.lease)
    ORDER BY c.id FOR NO KEY UPDATE OF c SKIP LOCKED
""")
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
) -> int | OverBudget | LeaseLost:
    """Record a model call about to be made and set aside the most that it can cost; returns the completion's id.

    Commit before calling the model: only then is the money safe from others.
    """
    if (await connection.execute(_HELD, {"id": claimed.lease.id, "token": claimed.lease.token})).first() is None:
        return LeaseLost()
    money = {"run": claimed.run, "amount": micro_dollars}
    if (await connection.execute(_SET_ASIDE, money)).first() is None:
        return OverBudget((await connection.execute(_LEFT, {"run": claimed.run})).scalar_one())
    row = {
        "run": claimed.run,
        "proposal": claimed.lease.id,
        "lease": claimed.lease.token,
        "model": model,
        "template": template,
        "prompt": (await blobs.put(connection, [storable(prompt).encode()]))[0],
        "amount": micro_dollars,
    }
    return (await connection.execute(_OPEN, row)).scalar_one()


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
    """Store what a call brought and book its cost; returns the micro-dollars booked, None if it was settled before.

    A call that cost less than reserved frees the rest. One that cost more is booked in full as far as the limit
    allows; beyond it the limit is booked and the difference logged as an error: the endpoint's declared price or
    token limit is wrong, and a budget never shows more spent than its limit. The money was spent whoever holds the
    proposal's lease now, so settling is not fenced by it.
    """
    found = (await connection.execute(_LOCK, {"id": completion})).first()
    if found is None:
        return None
    stored = None if answer is None else (await blobs.put(connection, [storable(answer).encode()]))[0]
    account = (await connection.execute(_LOCK_ACCOUNT, {"run": found.run})).one()
    booked = micro_dollars
    if account.most is not None:
        booked = min(micro_dollars, account.most - account.used + found.reserved)
    if booked < micro_dollars:
        _log.error(
            "model call %s of run %s cost %s micro-dollars, %s were reserved and the budget has room for %s: that is booked, "
            "the rest is not; correct the price or the token limit of the model",
            completion,
            found.run,
            micro_dollars,
            found.reserved,
            booked,
        )
    row = {
        "id": completion,
        "run": found.run,
        "cost": booked,
        "reserved": found.reserved,
        "answer": stored,
        "failure": None if failure is None else storable(failure),
        "finish_reason": finish_reason,
        "tokens_in": tokens_in,
        "tokens_out": tokens_out,
        "latency_s": latency_s,
    }
    await connection.execute(_SETTLE, row)
    return booked


async def settle_lost(connection: Connection) -> int:
    """Settle calls whose worker lost its lease, at their reservation: nobody knows what they cost. Returns how many."""
    ids = (await connection.execute(_LOCK_LOST)).scalars().all()
    if ids:
        await connection.execute(_LOCK_ACCOUNTS, {"ids": ids})
        await connection.execute(_SETTLE_LOST, {"ids": ids, "failure": "the worker was lost while the model answered"})
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
