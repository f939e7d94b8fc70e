"""GPUs: told of by the evaluators that see them, leased to one at a time, set aside while something is wrong with them.

A lease is a row of Postgres and not a lock of the host: evaluators in containers share devices and the database, but no
files, people see who has what, and the device of a process that died is free again when its lease runs out.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from database.encoding import storable, to_json
from database.engine import Connection
from database.fleet import KEPT_S, LOST_S
from evolution.gpu import GpuHealth, GpuState

FIRST_PAUSE_S, LONGEST_PAUSE_S = 15, 600
"""How long a device is set aside the first time, and at most; four times as long each time that one follows another."""


@dataclass(frozen=True, slots=True)
class GpuLease:
    """The right to use a device, as long as `token` is the newest one given out for it."""

    uuid: str
    token: int


@dataclass(frozen=True, slots=True)
class StoredGpu:
    """A device as it was last told of, with who has it, for which run of which project.

    One of which nobody told for `fleet.LOST_S` is lost. `aside_times` counts the troubles since it was last well.
    """

    host: str
    state: GpuState
    heard_at: datetime
    owner: str | None
    run: int | None
    project: int | None
    leased_at: datetime | None
    aside_until: datetime | None
    aside_times: int


_TELL = sa.text("""
    INSERT INTO gpu (uuid, host, gpu, reading)
    SELECT w.uuid, :host, CAST(w.gpu AS jsonb), CAST(w.reading AS jsonb)
    FROM unnest(CAST(:uuids AS text[]), CAST(:gpus AS text[]), CAST(:readings AS text[])) AS w(uuid, gpu, reading)
    ORDER BY w.uuid
    ON CONFLICT (uuid) DO UPDATE SET host = excluded.host, gpu = excluded.gpu, reading = excluded.reading, heard_at = now()
""")
_LEASE = sa.text("""
    UPDATE gpu SET lease = nextval('lease_token'), lease_owner = :owner, lease_run = CAST(:run AS bigint),
        leased_at = clock_timestamp(),
        lease_until = clock_timestamp() + make_interval(secs => CAST(:lease_s AS double precision))
    WHERE uuid = (
        SELECT g.uuid FROM gpu g WHERE g.uuid = ANY(CAST(:uuids AS text[]))
            AND (g.lease IS NULL OR g.lease_until < now()) AND (g.aside_until IS NULL OR g.aside_until < now())
        ORDER BY g.uuid <> CAST(:preferred AS text), g.uuid LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
    ) RETURNING uuid, lease
""")
_EXTEND = sa.text("""
    WITH held AS (
        SELECT g.uuid FROM gpu g
        JOIN unnest(CAST(:uuids AS text[]), CAST(:tokens AS bigint[])) AS mine(uuid, token) ON mine.uuid = g.uuid
        WHERE g.lease = mine.token ORDER BY g.uuid FOR NO KEY UPDATE OF g
    )
    UPDATE gpu g SET lease_until = clock_timestamp() + make_interval(secs => CAST(:lease_s AS double precision))
    FROM held WHERE g.uuid = held.uuid RETURNING g.uuid
""")
_RELEASE = sa.text("""
    UPDATE gpu SET lease = NULL, lease_owner = NULL, lease_run = NULL, leased_at = NULL, lease_until = NULL,
        aside_until = NULL, aside_times = 0, health = NULL, cause = NULL
    WHERE uuid = :uuid AND lease = :token RETURNING uuid
""")
_SET_ASIDE = sa.text("""
    UPDATE gpu SET lease = NULL, lease_owner = NULL, lease_run = NULL, leased_at = NULL, lease_until = NULL,
        aside_until = now() + make_interval(secs => least(:first * power(4, least(aside_times, 10)), :longest)),
        aside_times = least(aside_times + 1, 1000), health = CAST(CAST(:health AS text) AS gpuhealth), cause = :cause
    WHERE uuid = :uuid AND lease = :token
    RETURNING CAST(extract(epoch FROM aside_until - now()) AS double precision)
""")
_KNOWN = sa.text("""
    SELECT uuid, host, CAST(gpu AS text) AS gpu, CAST(reading AS text) AS reading, heard_at, aside_until, aside_times,
        CASE WHEN lease_until >= now() THEN lease_owner END AS owner,
        CASE WHEN lease_until >= now() THEN leased_at END AS leased_at,
        CASE WHEN lease_until >= now() THEN lease_run END AS run,
        CASE WHEN lease_until >= now() THEN (SELECT project FROM run WHERE id = lease_run) END AS project,
        heard_at < now() - make_interval(secs => :lost) AS unheard,
        CASE WHEN aside_until >= now() THEN CAST(health AS text) WHEN lease_until >= now() THEN 'leased' ELSE 'free' END
            AS health,
        CASE WHEN aside_until >= now() THEN cause ELSE '' END AS cause
    FROM gpu WHERE heard_at >= now() - make_interval(secs => :kept) ORDER BY host, uuid
""")


async def tell(connection: Connection, host: str, states: Sequence[GpuState]) -> None:
    """Store what devices of this host are and read; whether one is busy or lost is said by `set_aside` alone."""
    row = {
        "host": host,
        "uuids": [state.gpu.uuid for state in states],
        "gpus": [to_json(state.gpu) for state in states],
        "readings": [to_json(_reading(state)) for state in states],
    }
    await connection.execute(_TELL, row)


def _reading(state: GpuState) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(state)
    return {name: value for name, value in found.items() if name not in {"gpu", "health", "cause"}}


async def lease(
    connection: Connection,
    owner: str,
    uuids: Sequence[str],
    lease_s: float,
    preferred: str | None = None,
    run: int | None = None,
) -> GpuLease | None:
    """Lease one of these devices for itself, `preferred` if it can be had; None while each is leased or set aside.

    `run` is the one for whose evaluation it is held.
    """
    row = {"owner": owner, "uuids": list(uuids), "lease_s": lease_s, "preferred": preferred or "", "run": run}
    found = (await connection.execute(_LEASE, row)).first()
    return None if found is None else GpuLease(found.uuid, found.lease)


async def extend(connection: Connection, leases: Sequence[GpuLease], lease_s: float) -> frozenset[str]:
    """Let the leases run `lease_s` seconds from now. Returns the devices still held: what runs on all others must end."""
    row = {"uuids": [item.uuid for item in leases], "tokens": [item.token for item in leases], "lease_s": lease_s}
    return frozenset((await connection.execute(_EXTEND, row)).scalars())


async def release(connection: Connection, held: GpuLease) -> bool:
    """Give a device back that is clean; False if the lease was lost."""
    return (await connection.execute(_RELEASE, {"uuid": held.uuid, "token": held.token})).first() is not None


async def set_aside(connection: Connection, held: GpuLease, health: GpuHealth, cause: str) -> float | None:
    """Give a device back that nobody should have for a while, and why. Returns its seconds, None if the lease was lost."""
    row = {
        "uuid": held.uuid,
        "token": held.token,
        "health": health.value,
        "cause": storable(cause),
        "first": FIRST_PAUSE_S,
        "longest": LONGEST_PAUSE_S,
    }
    return (await connection.execute(_SET_ASIDE, row)).scalar_one_or_none()


async def known(connection: Connection) -> list[StoredGpu]:
    """The devices that an evaluator saw within the last hour, by host."""
    return [_stored(row) for row in await connection.execute(_KNOWN, {"kept": KEPT_S, "lost": LOST_S})]


def _stored(row: sa.Row[Any]) -> StoredGpu:
    told: dict[str, Any] = {**json.loads(row.reading), "gpu": json.loads(row.gpu), "health": row.health}
    state = replace(msgspec.convert(told, GpuState), cause=row.cause or "")
    if row.unheard:
        state = replace(state, health=GpuHealth.LOST, cause=f"no evaluator has told of it for {LOST_S} s")
    return StoredGpu(
        host=row.host,
        state=state,
        heard_at=row.heard_at,
        owner=row.owner,
        run=row.run,
        project=row.project,
        leased_at=row.leased_at,
        aside_until=row.aside_until,
        aside_times=row.aside_times,
    )
