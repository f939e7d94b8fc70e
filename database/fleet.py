"""Which processes there are, as they say themselves with every beat of their pulse, and how much waits for them."""

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version

import sqlalchemy as sa

from database.engine import Connection
from database.leases import Queue
from evolution.evaluation import Tier
from evolution.process import Kind

LOST_S = 20
"""A process that was not heard of for so long is lost: four beats."""
KEPT_S = 3600
"""A lost process is shown for so long."""
MOST_PROCESSES = 1000
MOST_RUNS = 200


@dataclass(frozen=True, slots=True)
class Capacity:
    """What evaluators can judge at a time, where, and how much of it is busy; `machine` is the fingerprint of a machine."""

    slots: int
    busy: int
    tier: Tier
    machine: bytes


Tells = Callable[[], Capacity | None]
"""What a process tells of its capacity now; None if it has none, or not yet."""


@dataclass(frozen=True, slots=True)
class Process:
    """A process that lives, or one that was `lost`; the fields behind `heard_at` are those of evaluators at work."""

    id: int
    kind: Kind
    host: str
    version: str
    started_at: datetime
    heard_at: datetime
    lost: bool
    slots: int | None
    busy: int | None
    tier: Tier | None
    machine: bytes | None


@dataclass(frozen=True, slots=True)
class QueueOfRun:
    """What waits in one queue for one run, and what is held under leases.

    Ages count from when the oldest of them was asked for; `lease_left_s` from now to the end of the first lease.
    """

    run: int
    project: int
    title: str
    queue: Queue
    waiting: int
    oldest_waiting_s: float | None
    held: int
    oldest_held_s: float | None
    lease_left_s: float | None


_MINE = {"host": socket.gethostname(), "version": version("galapagos")}
_JOIN = sa.text("""
    INSERT INTO process (kind, host, version, slots, busy, tier, machine)
    VALUES (:kind, :host, :version, :slots, :busy, CAST(CAST(:tier AS text) AS tier), :machine) RETURNING id
""")
# Who is gone for long is forgotten by whoever comes first; nobody waits for somebody else who does it.
_BEAT = sa.text("""
    WITH forgotten AS (
        DELETE FROM process WHERE id IN (
            SELECT id FROM process WHERE heard_at < now() - make_interval(secs => :kept) FOR UPDATE SKIP LOCKED
        )
    )
    UPDATE process SET heard_at = now(), slots = CAST(:slots AS smallint), busy = CAST(:busy AS smallint),
        tier = CAST(CAST(:tier AS text) AS tier), machine = CAST(:machine AS bytea)
    WHERE id = :id AND heard_at >= now() - make_interval(secs => :kept) RETURNING id
""")
_LEAVE = sa.text("DELETE FROM process WHERE id = :id")
_PROCESSES = sa.text("""
    SELECT id, kind, host, version, started_at, heard_at, heard_at < now() - make_interval(secs => :lost) AS lost,
        slots, busy, CAST(tier AS text) AS tier, machine
    FROM process WHERE heard_at >= now() - make_interval(secs => :kept) ORDER BY kind, host, id LIMIT :limit
""")
# Each part goes over one partial index that holds these rows and no others.
_QUEUES = sa.text(f"""
    WITH counted AS ({
    " UNION ALL ".join(
        f'''
        SELECT run, '{queue.value}' AS queue, count(*) FILTER (WHERE state = 'queued') AS waiting,
            min(created_at) FILTER (WHERE state = 'queued') AS oldest_waiting, count(*) FILTER (WHERE state = 'leased') AS held,
            min(created_at) FILTER (WHERE state = 'leased') AS oldest_held, min(lease_until) AS first_end
        FROM (
            SELECT run, state, created_at, NULL AS lease_until FROM {queue.value} WHERE state = 'queued'
            UNION ALL SELECT run, state, created_at, lease_until FROM {queue.value} WHERE state = 'leased'
        ) {queue.value} GROUP BY run'''
        for queue in Queue
    )
}),
    shown AS (
        SELECT r.id, r.project, r.problem FROM run r JOIN (SELECT run, sum(waiting + held) AS work FROM counted GROUP BY run) c
            ON c.run = r.id
        WHERE CAST(:projects AS bigint[]) IS NULL OR r.project = ANY(CAST(:projects AS bigint[]))
        ORDER BY c.work DESC, r.id LIMIT :limit
    )
    SELECT c.run, s.project, p.definition ->> 'title' AS title, c.queue, c.waiting, c.held,
        extract(epoch FROM now() - c.oldest_waiting) AS oldest_waiting_s,
        extract(epoch FROM now() - c.oldest_held) AS oldest_held_s, extract(epoch FROM c.first_end - now()) AS lease_left_s
    FROM counted c JOIN shown s ON s.id = c.run JOIN problem p ON p.revision = s.problem ORDER BY c.run, c.queue
""")  # noqa: S608 - made of constants


async def join(connection: Connection, kind: Kind, capacity: Capacity | None) -> int:
    """Say that a process of this kind lives, on this host; returns the number by which it goes on to say so."""
    return (await connection.execute(_JOIN, _row(capacity) | _MINE | {"kind": kind.value})).scalar_one()


async def beat(connection: Connection, process: int, capacity: Capacity | None) -> bool:
    """Say that a process still lives; False if it was taken for dead for so long that it must join anew."""
    row = _row(capacity) | {"id": process, "kept": KEPT_S}
    return (await connection.execute(_BEAT, row)).first() is not None


async def leave(connection: Connection, process: int) -> None:
    """Say that a process ends in good order."""
    await connection.execute(_LEAVE, {"id": process})


async def processes(connection: Connection) -> list[Process]:
    """The processes that live, and those that were lost within `KEPT_S`, by kind and host; at most `MOST_PROCESSES`."""
    rows = await connection.execute(_PROCESSES, {"lost": LOST_S, "kept": KEPT_S, "limit": MOST_PROCESSES})
    return [
        Process(
            id=row.id,
            kind=Kind(row.kind),
            host=row.host,
            version=row.version,
            started_at=row.started_at,
            heard_at=row.heard_at,
            lost=row.lost,
            slots=row.slots,
            busy=row.busy,
            tier=None if row.tier is None else Tier(row.tier),
            machine=row.machine,
        )
        for row in rows
    ]


async def queues(connection: Connection, projects: Sequence[int] | None) -> list[QueueOfRun]:
    """What waits and what is held, of runs of these projects (None: all), of the `MOST_RUNS` with most of it, by run.

    One statement, at a cost that grows with what waits and not with what is stored.
    """
    row = {"projects": None if projects is None else list(projects), "limit": MOST_RUNS}
    return [
        QueueOfRun(
            run=found.run,
            project=found.project,
            title=found.title,
            queue=Queue(found.queue),
            waiting=found.waiting,
            oldest_waiting_s=_seconds(found.oldest_waiting_s),
            held=found.held,
            oldest_held_s=_seconds(found.oldest_held_s),
            lease_left_s=_seconds(found.lease_left_s),
        )
        for found in await connection.execute(_QUEUES, row)
    ]


def _seconds(found: float | None) -> float | None:
    return None if found is None else float(found)


def _row(capacity: Capacity | None) -> dict[str, object]:
    return {
        "slots": None if capacity is None else capacity.slots,
        "busy": None if capacity is None else capacity.busy,
        "tier": None if capacity is None else capacity.tier.value,
        "machine": None if capacity is None else capacity.machine,
    }
