"""The log of a run, written by its controller only, numbered from 1 without gaps."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from pydantic import ValidationError

from database.engine import Connection
from database.errors import Damaged, EventGap
from evolution.events import EVENT, Event


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """An event with its number and the start of the transaction that wrote it."""

    number: int
    at: datetime
    event: Event


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event as it is stored, whether this version knows its kind or not."""

    number: int
    at: datetime
    kind: str
    fields: dict[str, Any]


# Event 1, or the follower of one that exists; the primary key refuses a second event with its number.
_APPEND = sa.text("""
    INSERT INTO event (run, number, kind, payload)
    SELECT :run, :after + e.place, e.kind, CAST(e.payload AS jsonb)
    FROM unnest(CAST(:kinds AS text[]), CAST(:payloads AS text[])) WITH ORDINALITY AS e(kind, payload, place)
    WHERE CAST(:after AS bigint) = 0 OR EXISTS (SELECT FROM event WHERE run = :run AND number = :after)
    ON CONFLICT DO NOTHING RETURNING number
""")
_READ = sa.text("""
    SELECT number, at, kind, CAST(payload AS text) AS payload FROM event WHERE run = :run AND number > :after
    ORDER BY number LIMIT :limit
""")

_FIELDS = msgspec.json.Decoder(dict[str, Any])

_NEWEST = sa.text("SELECT id, as_of_event FROM run WHERE id = ANY(CAST(:runs AS bigint[]))")


async def append(connection: Connection, run: int, after: int, events: Sequence[Event]) -> int:
    """Write `events` behind event `after`, the newest one of the run; returns the number of the last one written.

    Call it under `runs.lock_for_pass`.

    Raises:
        EventGap: `after` is not the newest event.
    """
    row = {
        "run": run,
        "after": after,
        "kinds": [event.kind for event in events],
        "payloads": [event.model_dump_json() for event in events],
    }
    written = (await connection.execute(_APPEND, row)).scalars().all()
    if len(written) != len(events):
        raise EventGap(
            f"events of run {run} must follow its newest one; expected that to be {after}, but it is not; adopt the run anew"
        )
    return after + len(events)


async def read(connection: Connection, run: int, after: int = 0, limit: int = 10_000) -> list[LoggedEvent]:
    """Events with numbers above `after`, in order, at most `limit`: call again with the last number until none comes.

    Raises:
        Damaged: one of them is no event that this version knows.
    """
    rows = await connection.execute(_READ, {"run": run, "after": after, "limit": limit})
    return [LoggedEvent(row.number, row.at, _event(run, row.number, row.payload)) for row in rows]


async def read_stored(connection: Connection, run: int, after: int, limit: int) -> list[StoredEvent]:
    """The same for those who only pass them on: nothing is made of them, which costs several times what reading them does."""
    rows = await connection.execute(_READ, {"run": run, "after": after, "limit": limit})
    return [StoredEvent(number, at, kind, _FIELDS.decode(payload)) for number, at, kind, payload in rows]


async def newest(connection: Connection, runs: Sequence[int]) -> dict[int, int]:
    """The number of the newest event of each of these runs, 0 before the first; runs that do not exist are left out."""
    return {row.id: row.as_of_event for row in await connection.execute(_NEWEST, {"runs": list(runs)})}


def _event(run: int, number: int, payload: str) -> Event:
    try:
        return EVENT.validate_json(payload)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise Damaged(
            f"event {number} of run {run} is not one that this version knows ({first['msg']}); restore the log from a backup, "
            "or use the version that wrote it"
        ) from error
