"""Requests that were answered already, so that one that is sent twice is done once.

What a request did and what it was answered are written in one transaction: a server that is killed leaves both or neither.
"""

from dataclasses import dataclass

import sqlalchemy as sa

from database.engine import Connection

KEPT_H = 24
"""Hours for which an answer is kept."""


@dataclass(frozen=True, slots=True)
class AnsweredRequest:
    """What was answered: the status and the body of the answer, and the SHA-256 of the request."""

    request: bytes
    status: int
    body: str


_FIND = sa.text(f"""
    SELECT request, status, body FROM answered_request
    WHERE person = :person AND key = :key AND created_at > clock_timestamp() - interval '{KEPT_H} hours'
""")  # noqa: S608 - made of constants
# Who holds it has it until the end of the transaction, however that ends.
_HOLD = sa.text("SELECT pg_try_advisory_xact_lock(hashtextextended(CAST(:name AS text), 0))")
_KEEP = sa.text(f"""
    WITH outdated AS (
        SELECT person, key FROM answered_request
        WHERE created_at < clock_timestamp() - interval '{KEPT_H} hours' AND NOT (person = :person AND key = :key)
        ORDER BY created_at LIMIT 100 FOR UPDATE SKIP LOCKED
    ),
    gone AS (
        DELETE FROM answered_request a USING outdated o WHERE a.person = o.person AND a.key = o.key
    )
    INSERT INTO answered_request (person, key, request, status, body) VALUES (:person, :key, :request, :status, :body)
    ON CONFLICT (person, key) DO UPDATE
        SET request = excluded.request, status = excluded.status, body = excluded.body, created_at = excluded.created_at
""")  # noqa: S608 - made of constants


async def find(connection: Connection, person: int, key: str) -> AnsweredRequest | None:
    """What a person was answered to the request of this key within the last day; None if there was none."""
    row = (await connection.execute(_FIND, {"person": person, "key": key})).first()
    return None if row is None else AnsweredRequest(row.request, row.status, row.body)


async def hold(connection: Connection, person: int, key: str) -> bool:
    """Be the only one that answers a request of this key until the transaction ends; False: somebody else is.

    Look afterwards whether it was answered meanwhile.
    """
    return (await connection.execute(_HOLD, {"name": f"{person}:{key}"})).scalar_one()


async def keep(connection: Connection, person: int, key: str, answered: AnsweredRequest) -> None:
    """Remember what was answered, in the transaction of what was done; forgets some that are too old."""
    row = {"person": person, "key": key, "request": answered.request, "status": answered.status, "body": answered.body}
    await connection.execute(_KEEP, row)
