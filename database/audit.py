"""The audit log: who changed what, by which token, and when. Rows are appended, and never changed or removed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import sqlalchemy as sa

from database.encoding import to_json
from database.engine import Connection


class Actor(Protocol):
    """Whoever does something, through a token or by signing in."""

    @property
    def person(self) -> int:
        """The id of the person."""
        ...

    @property
    def token(self) -> int | None:
        """The id of the token; None for a sign-in, which has none yet."""
        ...


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One change. `person` None: it was made by somebody who has the database itself; `token` None alone: by a sign-in."""

    id: int
    person: int | None
    name: str | None
    token: int | None
    action: str
    subject: str
    detail: dict[str, Any]
    at: datetime


_NOTE = sa.text("""
    INSERT INTO audit (person, token, action, subject, detail)
    VALUES (:person, :token, :action, :subject, CAST(:detail AS jsonb))
""")
_READ = sa.text("""
    SELECT a.id, a.person, p.name, a.token, a.action, a.subject, a.detail, a.at
    FROM audit a LEFT JOIN person p ON p.id = a.person
    WHERE CAST(:before AS bigint) IS NULL OR a.id < :before ORDER BY a.id DESC LIMIT :limit
""")


async def note(connection: Connection, by: Actor | None, action: str, subject: str, detail: Mapping[str, Any]) -> None:
    """Append that `by` (None: somebody who has the database itself) did `action` to `subject`, as `person 3`.

    Call it in the transaction of the change. `detail` holds plain values and no secret.
    """
    row = {
        "person": by.person if by else None,
        "token": by.token if by else None,
        "action": action,
        "subject": subject,
        "detail": to_json(dict(detail)),
    }
    await connection.execute(_NOTE, row)


async def read(connection: Connection, before: int | None = None, limit: int = 100) -> list[AuditEntry]:
    """The newest entries, at most `limit`; give the id of the last one as `before` to go on."""
    rows = await connection.execute(_READ, {"before": before, "limit": limit})
    return [AuditEntry(**row) for row in rows.mappings()]
