"""Webhooks: where a project has alerts sent, of which kinds, and what became of each delivery."""

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from database import audit
from database.engine import Connection
from database.errors import NotAllowed, NotFound
from evolution.alerts import AlertKind

MOST = 20
"""Webhooks of one project."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where alerts of a project go; `shares` are percent of a limit. The secret is told when it is made, and never again."""

    id: int
    project: int
    url: str
    kinds: tuple[AlertKind, ...]
    shares: tuple[int, ...]
    plateau_evaluations: int | None
    plateau_seconds: float | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Delivery:
    """An alert on its way to a webhook. `next_at` None: it was delivered, or is given up after `attempts`."""

    id: int
    webhook: int
    kind: AlertKind
    payload: dict[str, Any]
    attempts: int
    next_at: datetime | None
    delivered_at: datetime | None
    status: int | None
    failure: str | None
    created_at: datetime


_LOCK_PROJECT = sa.text("SELECT id FROM project WHERE id = :project FOR NO KEY UPDATE")
_COUNT = sa.text("SELECT count(*) FROM webhook WHERE project = :project")
_COLUMNS = "id, project, url, kinds, shares, plateau_evaluations, plateau_seconds, created_at"
# Alerts begin now: what the logs hold already is told to nobody.
_CREATE = sa.text(f"""
    WITH begun AS (
        INSERT INTO alert_position (run, event, verified)
        SELECT r.id, r.as_of_event, (
            SELECT max(e.score) FROM program g JOIN evaluation e ON e.program = g.id AND e.purpose = 'verify'
            WHERE g.run = r.id AND e.closed_event IS NOT NULL
        ) FROM run r WHERE r.project = :project ON CONFLICT DO NOTHING
    )
    INSERT INTO webhook (project, url, secret, kinds, shares, plateau_evaluations, plateau_seconds, person)
    VALUES (:project, :url, :secret, CAST(:kinds AS text[]), CAST(:shares AS smallint[]), :plateau_evaluations,
        :plateau_seconds, :person)
    RETURNING {_COLUMNS}
""")  # noqa: S608 - made of constants
_LIST = sa.text(f"SELECT {_COLUMNS} FROM webhook WHERE project = :project ORDER BY id")  # noqa: S608 - made of constants
_DELETE = sa.text("DELETE FROM webhook WHERE project = :project AND id = :webhook RETURNING id")
_TEST = sa.text("""
    INSERT INTO delivery (webhook, key, kind, payload)
    SELECT id, 'test:' || gen_random_uuid(), 'test', jsonb_build_object('kind', 'test', 'project', project, 'at', now())
    FROM webhook WHERE project = :project AND id = :webhook RETURNING id
""")
_DELIVERIES = sa.text("""
    SELECT d.id, d.webhook, d.kind, CAST(d.payload AS text) AS payload, d.attempts, d.next_at, d.delivered_at, d.status,
        d.failure, d.created_at
    FROM delivery d JOIN webhook w ON w.id = d.webhook
    WHERE w.project = :project AND d.webhook = :webhook AND (CAST(:before AS bigint) IS NULL OR d.id < :before)
    ORDER BY d.id DESC LIMIT :limit
""")


async def create(
    connection: Connection,
    project: int,
    *,
    url: str,
    secret: str | None,
    kinds: Sequence[AlertKind],
    shares: Sequence[int],
    plateau_evaluations: int | None,
    plateau_seconds: float | None,
    by: audit.Actor | None,
) -> tuple[Webhook, str]:
    """Have alerts of a project sent from now on; returns the webhook, and the secret by which deliveries are signed.

    Raises:
        NotFound: no such project.
        NotAllowed: it has `MOST` already.
    """
    if (await connection.execute(_LOCK_PROJECT, {"project": project})).first() is None:
        raise NotFound(f"there is no project {project} in this database")
    if (await connection.execute(_COUNT, {"project": project})).scalar_one() >= MOST:
        raise NotAllowed(f"project {project} has {MOST} webhooks already, and may have no more; delete one first")
    chosen = secret or secrets.token_urlsafe(32)
    row = {
        "project": project,
        "url": url,
        "kinds": [kind.value for kind in kinds],
        "shares": sorted(set(shares)),
        "plateau_evaluations": plateau_evaluations,
        "plateau_seconds": plateau_seconds,
    }
    own = {"secret": chosen, "person": by.person if by else None}
    made = _webhook((await connection.execute(_CREATE, row | own)).one())
    # Addresses of chats and the like are secrets themselves.
    told = {"project": project, "kinds": row["kinds"]}
    await audit.note(connection, by, "create_webhook", f"webhook {made.id}", told)
    return made, chosen


async def listing(connection: Connection, project: int) -> list[Webhook]:
    """The webhooks of a project, oldest first; there are `MOST` at most."""
    return [_webhook(row) for row in await connection.execute(_LIST, {"project": project})]


async def delete(connection: Connection, project: int, webhook: int, *, by: audit.Actor | None) -> None:
    """Send nothing there any more, and forget its deliveries.

    Raises:
        NotFound: the project has no such webhook.
    """
    if (await connection.execute(_DELETE, {"project": project, "webhook": webhook})).first() is None:
        raise _missing(project, webhook)
    await audit.note(connection, by, "delete_webhook", f"webhook {webhook}", {"project": project})


async def test(connection: Connection, project: int, webhook: int) -> Delivery:
    """Have a delivery of the kind `TEST` sent.

    Raises:
        NotFound: the project has no such webhook.
    """
    made = (await connection.execute(_TEST, {"project": project, "webhook": webhook})).scalar_one_or_none()
    if made is None:
        raise _missing(project, webhook)
    return (await deliveries(connection, project, webhook, made + 1, 1))[0]


async def deliveries(connection: Connection, project: int, webhook: int, before: int | None, limit: int) -> list[Delivery]:
    """What was sent to a webhook, or is to be, newest first: older than delivery `before` (None: from the newest on)."""
    row = {"project": project, "webhook": webhook, "before": before, "limit": limit}
    return [
        Delivery(
            id=found.id,
            webhook=found.webhook,
            kind=AlertKind(found.kind),
            payload=json.loads(found.payload),
            attempts=found.attempts,
            next_at=found.next_at,
            delivered_at=found.delivered_at,
            status=found.status,
            failure=found.failure,
            created_at=found.created_at,
        )
        for found in await connection.execute(_DELIVERIES, row)
    ]


def _webhook(row: sa.Row[Any]) -> Webhook:
    return Webhook(
        id=row.id,
        project=row.project,
        url=row.url,
        kinds=tuple(AlertKind(kind) for kind in row.kinds),
        shares=tuple(row.shares),
        plateau_evaluations=row.plateau_evaluations,
        plateau_seconds=row.plateau_seconds,
        created_at=row.created_at,
    )


def _missing(project: int, webhook: int) -> NotFound:
    return NotFound(f"project {project} has no webhook {webhook}; list them, and choose one")
