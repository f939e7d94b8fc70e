"""What was spent on which day, by run and model: sums that are kept up to date where money and evaluations are booked.

So what a project, a person or a model took is told at a cost that grows with runs and days, not with calls.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from database.engine import Connection
from evolution.limits import Group

_DAY = "CAST(now() AT TIME ZONE 'UTC' AS date)"
BOOKED = f"""
    INSERT INTO spending (run, day, model, calls, failed, micro_dollars, tokens_in, tokens_out)
    SELECT run, {_DAY}, model, count(*), count(failure), sum(cost), coalesce(sum(tokens_in), 0), coalesce(sum(tokens_out), 0)
    FROM settled GROUP BY run, model ORDER BY run, model
    ON CONFLICT (run, day, model) DO UPDATE SET calls = spending.calls + excluded.calls,
        failed = spending.failed + excluded.failed, micro_dollars = spending.micro_dollars + excluded.micro_dollars,
        tokens_in = spending.tokens_in + excluded.tokens_in, tokens_out = spending.tokens_out + excluded.tokens_out
"""  # noqa: S608 - made of constants
"""SQL that adds calls that were just settled; `settled` has `run`, `model`, `failure`, `cost`, `tokens_in`, `tokens_out`."""
EVALUATED = f"""
    INSERT INTO spending (run, day, model, evaluations, gpu_milliseconds)
    SELECT CAST(:run AS bigint), {_DAY}, '', CAST(:evaluations AS bigint), CAST(:gpu_milliseconds AS bigint)
    WHERE CAST(:evaluations AS bigint) > 0 OR CAST(:gpu_milliseconds AS bigint) > 0
    ON CONFLICT (run, day, model) DO UPDATE SET evaluations = spending.evaluations + excluded.evaluations,
        gpu_milliseconds = spending.gpu_milliseconds + excluded.gpu_milliseconds
"""
"""SQL that adds `evaluations` of `run` and the `gpu_milliseconds` that they took, of which no model is said."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What one project, person, run or model took.

    `id` is its number: None for a model, and for whoever started runs from the command line. `evaluations` and
    `gpu_milliseconds` are None for a model. `most_...` are the limits beside it, None where there is none.
    """

    group: Group
    id: int | None
    name: str
    project: int | None
    calls: int
    failed: int
    micro_dollars: int
    tokens_in: int
    tokens_out: int
    evaluations: int | None
    gpu_milliseconds: int | None
    most_micro_dollars: int | None
    most_tokens: int | None
    most_evaluations: int | None
    most_gpu_milliseconds: int | None


_KEYS = {Group.PROJECT: "r.project", Group.PERSON: "coalesce(r.person, 0)", Group.RUN: "r.id", Group.MODEL: "s.model"}
_LIMITS = """
    LEFT JOIN LATERAL (
        SELECT max(most) FILTER (WHERE resource = 'micro_dollars') AS most_micro_dollars,
            max(most) FILTER (WHERE resource = 'tokens') AS most_tokens,
            max(most) FILTER (WHERE resource = 'evaluations') AS most_evaluations,
            max(most) FILTER (WHERE resource = 'gpu_milliseconds') AS most_gpu_milliseconds
        FROM allowance WHERE {owner} = g.key AND {shown}
    ) w ON true
"""
_NONE = "CAST(NULL AS bigint)"
_RESTS = {
    Group.PROJECT: (
        "g.key AS id, p.name, g.key AS project, w.*",
        "JOIN project p ON p.id = g.key" + _LIMITS.format(owner="project", shown="true"),
    ),
    Group.PERSON: (
        f"nullif(g.key, 0) AS id, coalesce(p.name, '') AS name, {_NONE} AS project, w.*",
        "LEFT JOIN person p ON p.id = g.key"
        + _LIMITS.format(owner="person", shown="(CAST(:limits_of AS bigint) IS NULL OR person = :limits_of)"),
    ),
    Group.RUN: (
        "g.key AS id, p.definition ->> 'title' AS name, q.project, a.limit_micro_dollars AS most_micro_dollars, w.most_tokens, "
        "CASE jsonb_typeof(q.config -> 'budget' -> 'evaluations') WHEN 'number' "
        "THEN CAST(q.config -> 'budget' -> 'evaluations' AS bigint) END AS most_evaluations, w.most_gpu_milliseconds",
        "JOIN run q ON q.id = g.key JOIN account a ON a.run = g.key JOIN problem p ON p.revision = q.problem"
        + _LIMITS.format(owner="run", shown="true"),
    ),
    Group.MODEL: (
        f"{_NONE} AS id, g.key AS name, {_NONE} AS project, {_NONE} AS most_micro_dollars, {_NONE} AS most_tokens, "
        f"{_NONE} AS most_evaluations, {_NONE} AS most_gpu_milliseconds",
        "",
    ),
}


def _read(group: Group) -> sa.TextClause:
    key, (columns, joins) = _KEYS[group], _RESTS[group]
    after = f"{key} > CAST(:after AS text)" if group is Group.MODEL else f"{key} > CAST(CAST(:after AS text) AS bigint)"
    only = "s.model <> ''" if group is Group.MODEL else "true"
    return sa.text(f"""
        SELECT g.*, {columns} FROM (
            SELECT {key} AS key, CAST(sum(s.calls) AS bigint) AS calls, CAST(sum(s.failed) AS bigint) AS failed,
                CAST(sum(s.micro_dollars) AS bigint) AS micro_dollars, CAST(sum(s.tokens_in) AS bigint) AS tokens_in,
                CAST(sum(s.tokens_out) AS bigint) AS tokens_out, CAST(sum(s.evaluations) AS bigint) AS evaluations,
                CAST(sum(s.gpu_milliseconds) AS bigint) AS gpu_milliseconds
            FROM spending s JOIN run r ON r.id = s.run
            WHERE (CAST(:projects AS bigint[]) IS NULL OR r.project = ANY(CAST(:projects AS bigint[])))
                AND (CAST(:since AS date) IS NULL OR s.day >= CAST(:since AS date))
                AND (CAST(:after AS text) IS NULL OR {after}) AND {only}
            GROUP BY key ORDER BY key LIMIT :limit
        ) g {joins} ORDER BY g.key
    """)  # noqa: S608 - made of constants


_READ = {group: _read(group) for group in Group}


async def read(
    connection: Connection,
    group: Group,
    *,
    projects: Sequence[int] | None,
    since: date | None,
    after: str | None,
    limit: int,
    limits_of: int | None,
) -> list[Spent]:
    """What runs of these projects (None: all) took since the beginning of a day in UTC (None: ever), by `group`, in order.

    `after` is the `place` of the last one before, as text. Limits are told of person `limits_of` alone (None: of everybody).
    """
    row = {
        "projects": None if projects is None else list(projects),
        "since": since,
        "after": after,
        "limit": limit,
        "limits_of": limits_of,
    }
    if group is not Group.PERSON:
        del row["limits_of"]
    return [
        Spent(
            group=group,
            id=found.id,
            name=found.name,
            project=found.project,
            calls=found.calls,
            failed=found.failed,
            micro_dollars=found.micro_dollars,
            tokens_in=found.tokens_in,
            tokens_out=found.tokens_out,
            evaluations=None if group is Group.MODEL else found.evaluations,
            gpu_milliseconds=None if group is Group.MODEL else found.gpu_milliseconds,
            most_micro_dollars=found.most_micro_dollars,
            most_tokens=found.most_tokens,
            most_evaluations=found.most_evaluations,
            most_gpu_milliseconds=found.most_gpu_milliseconds,
        )
        for found in await connection.execute(_READ[group], row)
    ]


def place(item: Spent) -> str | int:
    """Where an item stands in its list."""
    return item.name if item.group is Group.MODEL else item.id or 0
