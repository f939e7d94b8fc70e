"""Alerts: made once of the log and the accounts, then delivered at least once, by whichever process comes first.

Nothing is written for them where candidates pass. `look` reads what is new since the last look, and stores what webhooks
are to be told together with how far it read; a key that is unique for each webhook lets nothing be stored twice, whoever
looks. Limits and plateaus are conditions rather than events: their keys name the limit, or the best that was not surpassed.
So their rows stay as long as anybody looks at what they tell of: at runs that go on, and those that ended within `KEPT_DAYS`.
"""

import json
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from database.encoding import storable
from database.engine import Connection
from database.run_lists import EVALUATIONS
from evolution.alerts import AlertKind

LEASE_S = 30
"""An attempt that was not decided after so long is made again: its process died."""
FIRST_PAUSE_S = 5
LONGEST_PAUSE_S = 3600
MOST_ATTEMPTS = 16
"""After so many attempts, about nine hours after the first, a delivery is given up."""
BATCH = 20
KEPT_DAYS = 90
"""What was delivered, or given up, is listed for so long, or for the days of the project's retention if these are fewer."""
FORGOTTEN_AT_ONCE = 1000
_LONGEST_FAILURE = 500
_RUNS = 200


@dataclass(frozen=True, slots=True)
class Due:
    """A delivery that is to be attempted now by who claimed it: the `attempt`-th time."""

    id: int
    attempt: int
    webhook: int
    url: str
    secret: str
    kind: AlertKind
    payload: dict[str, Any]


_WANTED = sa.text("SELECT EXISTS (SELECT FROM webhook)")
# "alerts": one looks at a time; who finds somebody else looking leaves it to them.
_LOCK = sa.text("SELECT pg_try_advisory_xact_lock(CAST(x'616c65727473' AS bigint))")
_OF_RUN = """
    jsonb_build_object('kind', a.kind, 'project', a.project, 'run', a.run, 'problem', a.problem, 'title', a.title, 'at', a.at)
"""
_NAMED = "JOIN problem p ON p.revision = r.problem"
_SIGN = "CASE p.definition -> 'score' ->> 'direction' WHEN 'minimize' THEN -1.0 ELSE 1.0 END"
_FROM_LOGS = sa.text(f"""
    WITH news AS (
        SELECT r.id AS run, r.project, p.name AS problem, p.definition ->> 'title' AS title, {_SIGN} AS sign,
            r.as_of_event AS newest, coalesce(o.event, 0) AS after, o.verified
        FROM run r {_NAMED} LEFT JOIN alert_position o ON o.run = r.id
        WHERE r.project IN (SELECT project FROM webhook) AND r.as_of_event > coalesce(o.event, 0)
        ORDER BY r.id LIMIT {_RUNS}
    ),
    told AS (
        SELECT n.*, e.number, e.at, CASE e.kind WHEN 'finished' THEN 'run_ended' ELSE 'verified_best' END AS kind,
            e.payload, CASE WHEN e.payload ->> 'verdict' = 'scored' AND NOT EXISTS (
                -- The first score of a program counts: nobody gets a better one by asking until luck gives it.
                SELECT FROM evaluation v JOIN evaluation o ON o.program = v.program AND o.purpose = 'verify'
                WHERE v.id = CAST(e.payload ->> 'evaluation' AS bigint) AND o.id < v.id AND o.score IS NOT NULL
            ) THEN CAST(e.payload ->> 'score' AS double precision) END AS score
        FROM news n JOIN event e ON e.run = n.run AND e.number > n.after AND e.number <= n.newest
            AND e.kind IN ('verified', 'finished')
    ),
    ranked AS (
        SELECT t.*, greatest(t.verified, max(t.score) OVER (
            PARTITION BY t.run ORDER BY t.number ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        )) AS before FROM told t
    ),
    made AS (
        INSERT INTO delivery (webhook, key, kind, payload)
        SELECT w.id, a.kind || ':' || a.run || ':' || a.number, a.kind, {_OF_RUN} || CASE a.kind
            WHEN 'run_ended' THEN jsonb_build_object('reason', a.payload -> 'reason', 'champion', a.payload -> 'champion')
            ELSE jsonb_build_object('program', a.payload -> 'number', 'score', a.sign * a.score,
                'score_before', a.sign * a.before)
            END
        FROM ranked a JOIN webhook w ON w.project = a.project AND a.kind = ANY(w.kinds) AND a.at >= w.created_at
        WHERE a.kind = 'run_ended'
            OR (CAST(a.payload ->> 'number' AS integer) > 0 AND a.score > coalesce(a.before, '-Infinity'))
        ORDER BY a.run, a.number, w.id ON CONFLICT DO NOTHING
    )
    INSERT INTO alert_position (run, event, verified)
    SELECT n.run, n.newest, greatest(n.verified, (SELECT max(t.score) FROM told t WHERE t.run = n.run)) FROM news n
    ON CONFLICT (run) DO UPDATE SET event = excluded.event, verified = excluded.verified
""")  # noqa: S608 - made of constants
_DAMAGED = sa.text(f"""
    INSERT INTO delivery (webhook, key, kind, payload)
    SELECT w.id, 'run_ended:' || a.run || ':damaged:' || a.epoch, a.kind,
        {_OF_RUN} || jsonb_build_object('reason', 'damaged', 'champion', NULL)
    FROM (
        SELECT r.id AS run, r.project, r.controller_epoch AS epoch, r.finished_at AS at, p.name AS problem,
            p.definition ->> 'title' AS title, 'run_ended' AS kind
        FROM run r {_NAMED} WHERE r.state = 'finished' AND r.stop_reason = 'damaged'
    ) a JOIN webhook w ON w.project = a.project AND a.kind = ANY(w.kinds) AND a.at >= w.created_at
    WHERE a.at > now() - interval '{KEPT_DAYS} days' AND NOT EXISTS (
        SELECT FROM delivery d WHERE d.webhook = w.id AND d.key = 'run_ended:' || a.run || ':damaged:' || a.epoch
    )
    ON CONFLICT DO NOTHING
""")  # noqa: S608 - made of constants
# Evaluations at the last best, and those since.
_PLATEAUS = sa.text(f"""
    INSERT INTO delivery (webhook, key, kind, payload)
    SELECT w.id, 'plateau:' || a.run || ':' || a.best, a.kind, {_OF_RUN} || jsonb_build_object('program', a.best,
        'score', a.sign * a.score, 'evaluations', a.evaluations, 'seconds', a.seconds)
    FROM (
        SELECT r.id AS run, r.project, now() AS at, p.name AS problem, p.definition ->> 'title' AS title, {_SIGN} AS sign,
            'plateau' AS kind, b.number AS best, b.score, {EVALUATIONS} - b.evaluations AS evaluations,
            r.active_s - b.seconds AS seconds
        FROM run r {_NAMED} JOIN search_state s ON s.run = r.id
        JOIN LATERAL (SELECT * FROM record WHERE run = r.id ORDER BY evaluations DESC, number DESC LIMIT 1) b ON true
        WHERE r.state = 'running' AND r.project IN (SELECT project FROM webhook WHERE 'plateau' = ANY(kinds))
    ) a JOIN webhook w ON w.project = a.project AND a.kind = ANY(w.kinds)
    WHERE (a.evaluations >= w.plateau_evaluations OR a.seconds >= w.plateau_seconds)
        AND NOT EXISTS (SELECT FROM delivery d WHERE d.webhook = w.id AND d.key = 'plateau:' || a.run || ':' || a.best)
    ON CONFLICT DO NOTHING
""")  # noqa: S608 - made of constants
_SHARES = sa.text(f"""
    WITH spent AS (
        SELECT r.project, 'run' AS payer, r.id AS owner, m.resource, m.spent, m.most
        FROM run r JOIN account a ON a.run = r.id LEFT JOIN search_state s ON s.run = r.id
        LEFT JOIN allowance g ON g.run = r.id AND g.resource = 'gpu_milliseconds'
        CROSS JOIN LATERAL (
            VALUES ('micro_dollars', a.spent_micro_dollars, a.limit_micro_dollars),
                ('evaluations', CAST({EVALUATIONS} AS bigint),
                    CASE jsonb_typeof(r.config -> 'budget' -> 'evaluations') WHEN 'number'
                    THEN CAST(r.config -> 'budget' -> 'evaluations' AS bigint) END),
                ('gpu_milliseconds', g.spent, g.most)
        ) m(resource, spent, most)
        WHERE r.project IN (SELECT project FROM webhook WHERE 'budget' = ANY(kinds))
            AND (r.finished_at IS NULL OR (r.finished_at > now() - interval '{KEPT_DAYS} days'
                AND r.finished_at >= (SELECT min(created_at) FROM webhook WHERE project = r.project)))
        UNION ALL SELECT project, 'project', project, CAST(resource AS text), spent, most FROM allowance
        WHERE project IN (SELECT project FROM webhook WHERE 'budget' = ANY(kinds)) AND resource <> 'tokens'
    ),
    reached AS (
        SELECT w.id AS webhook, w.created_at, x.*, share,
            'budget:' || payer || ':' || owner || ':' || resource || ':' || most || ':' || share AS key
        FROM spent x JOIN webhook w ON w.project = x.project AND 'budget' = ANY(w.kinds) CROSS JOIN unnest(w.shares) AS share
        WHERE x.most > 0 AND CAST(x.spent AS numeric) * 100 >= CAST(share AS numeric) * x.most
    )
    INSERT INTO delivery (webhook, key, kind, payload)
    SELECT a.webhook, a.key, 'budget', jsonb_build_object('kind', 'budget', 'project', a.project, 'of', a.payer,
        'run', CASE a.payer WHEN 'run' THEN a.owner END, 'resource', a.resource, 'share', a.share, 'spent', a.spent,
        'limit', a.most, 'at', now())
    FROM reached a WHERE NOT EXISTS (SELECT FROM delivery d WHERE d.webhook = a.webhook AND d.key = a.key)
    ORDER BY a.owner, a.share ON CONFLICT DO NOTHING
""")  # noqa: S608 - made of constants
_FORGET = sa.text(f"""
    DELETE FROM delivery WHERE id IN (
        SELECT d.id FROM delivery d JOIN webhook w ON w.id = d.webhook JOIN project p ON p.id = w.project
        WHERE d.next_at IS NULL
            AND d.created_at < now() - make_interval(days => least({KEPT_DAYS}, p.retention_days))
            AND (d.kind IN ('verified_best', 'test') OR (d.kind = 'run_ended' AND d.key NOT LIKE '%:damaged:%') OR EXISTS (
                SELECT FROM run r WHERE r.id = CAST(d.payload ->> 'run' AS bigint)
                    AND r.finished_at < now() - interval '{KEPT_DAYS} days'
            ))
        ORDER BY d.id LIMIT {FORGOTTEN_AT_ONCE}
    )
""")  # noqa: S608 - made of constants
_CLAIM = sa.text("""
    WITH due AS (
        SELECT id FROM delivery WHERE next_at <= now() ORDER BY next_at LIMIT :limit FOR NO KEY UPDATE SKIP LOCKED
    )
    UPDATE delivery d SET attempts = d.attempts + 1, next_at = now() + make_interval(secs => :lease)
    FROM due, webhook w WHERE d.id = due.id AND w.id = d.webhook
    RETURNING d.id, d.attempts, d.webhook, w.url, w.secret, d.kind, CAST(d.payload AS text) AS payload
""")
# Whoever lost the lease says nothing, unless it delivered.
_SETTLE = sa.text("""
    UPDATE delivery SET status = :status, failure = :failure,
        delivered_at = CASE WHEN :delivered THEN now() END,
        next_at = CASE WHEN NOT :delivered AND attempts < :most THEN now() + make_interval(secs => :pause) END
    WHERE id = :id AND delivered_at IS NULL AND (attempts = :attempt OR :delivered)
""")


async def look(connection: Connection) -> None:
    """Store what webhooks are to be told of since the last look. Nothing is done where there is none, or somebody looks."""
    if not (await connection.execute(_WANTED)).scalar_one() or not (await connection.execute(_LOCK)).scalar_one():
        return
    for statement in (_FROM_LOGS, _DAMAGED, _PLATEAUS, _SHARES):
        await connection.execute(statement)


async def forget(connection: Connection) -> int:
    """Remove up to `FORGOTTEN_AT_ONCE` deliveries whose time is over and whose cause nobody looks at again; tells how many."""
    return (await connection.execute(_FORGET)).rowcount


async def claim(connection: Connection) -> list[Due]:
    """Up to `BATCH` deliveries that are due; nobody else gets them for `LEASE_S`."""
    rows = await connection.execute(_CLAIM, {"limit": BATCH, "lease": LEASE_S})
    return [
        Due(row.id, row.attempts, row.webhook, row.url, row.secret, AlertKind(row.kind), json.loads(row.payload))
        for row in rows
    ]


async def settle(connection: Connection, due: Due, status: int | None, failure: str | None) -> None:
    """Write what an attempt came to: delivered if there is no `failure`; else it is made again after a while, or given up."""
    row = {
        "id": due.id,
        "attempt": due.attempt,
        "status": status,
        "failure": None if failure is None else storable(failure)[:_LONGEST_FAILURE],
        "delivered": failure is None,
        "most": MOST_ATTEMPTS,
        "pause": min(FIRST_PAUSE_S * 2 ** (due.attempt - 1), LONGEST_PAUSE_S),
    }
    await connection.execute(_SETTLE, row)
