"""What projects and people may spend, and what they spent: limits that hold over all of their runs together.

Money and tokens are charged by `database.charges`, evaluations and GPU seconds by the controller's passes. A check
constraint of the table refuses whatever would exceed a limit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from database import audit, spending
from database.engine import Connection
from database.errors import NotAllowed, NotFound
from evolution.limits import Payer, Resource


@dataclass(frozen=True, slots=True)
class Allowance:
    """What may be spent of one resource; `most` None is no limit. `reserved` belongs to what is under way."""

    most: int | None
    spent: int
    reserved: int


@dataclass(frozen=True, slots=True)
class CountedLimit:
    """What passes of a run count of one resource: `most` may be spent (None: any amount), so much is `left`.

    `own` says that it is the limit of the run itself; then `spent` and `reserved` are what the run spent and holds.
    """

    id: int
    resource: Resource
    name: str
    own: bool
    most: int | None
    left: int | None
    spent: int
    reserved: int


Allowances = dict[Resource, Allowance]
NOTHING = (0, 0)
_LOCKED = (Resource.EVALUATIONS, Resource.GPU_MILLISECONDS, Resource.TOKENS, Resource.MICRO_DOLLARS)
"""The order in which limits are locked everywhere, so that nothing deadlocks: what passes count before what calls cost."""

_OF = {
    payer: sa.text(f"""
        SELECT {payer.value} AS owner, CAST(resource AS text) AS resource, most, spent, reserved FROM allowance
        WHERE {payer.value} = ANY(CAST(:owners AS bigint[])) ORDER BY id
    """)  # noqa: S608 - the column is one of three names
    for payer in Payer
}
_SET = {
    payer: sa.text(f"""
        UPDATE allowance SET most = CAST(:most AS bigint)
        WHERE {payer.value} = :owner AND resource = CAST(CAST(:resource AS text) AS resource)
            AND (CAST(:most AS bigint) IS NULL OR spent + reserved <= CAST(:most AS bigint))
        RETURNING id
    """)  # noqa: S608 - the column is one of three names
    for payer in Payer
}


_LOCK_COUNTED = {
    gpus: sa.text(f"""
        SELECT w.id, CAST(w.resource AS text) AS resource, w.most, w.most - w.spent - w.reserved AS left, w.run, w.spent,
            w.reserved, q.name AS project_name, p.name AS person_name
        FROM allowance w LEFT JOIN project q ON q.id = w.project LEFT JOIN person p ON p.id = w.person
        WHERE w.resource IN ({resources}) AND (w.run = :run OR w.project = :project OR w.person = CAST(:person AS bigint))
        ORDER BY w.id FOR NO KEY UPDATE OF w
    """)  # noqa: S608 - made of constants
    for gpus, resources in ((False, "'evaluations'"), (True, "'evaluations', 'gpu_milliseconds'"))
}
_COUNT = sa.text(f"""
    WITH counted AS ({spending.EVALUATED})
    UPDATE allowance w SET spent = w.spent + c.spent, reserved = w.reserved + c.reserved
    FROM unnest(CAST(:ids AS bigint[]), CAST(:more_spent AS bigint[]), CAST(:more_reserved AS bigint[]))
        AS c(id, spent, reserved)
    WHERE w.id = c.id
""")  # noqa: S608 - made of constants
# What a run has reserved is known by its own rows, which a run that is set aside keeps.
_MOVE = sa.text("""
    UPDATE allowance w SET reserved = w.reserved + :sign * own.reserved
    FROM run r JOIN allowance own ON own.run = r.id AND own.resource IN ('evaluations', 'gpu_milliseconds')
    WHERE r.id = :run AND w.resource = own.resource AND (w.project = r.project OR w.person = r.person)
        AND (CAST(:sign AS integer) < 0 OR w.most IS NULL OR w.spent + w.reserved + own.reserved <= w.most)
    RETURNING w.id
""")
_SHARED = sa.text("""
    SELECT w.id FROM allowance w JOIN run r ON w.project = r.project OR w.person = r.person
    WHERE r.id = :run AND w.resource IN ('evaluations', 'gpu_milliseconds') ORDER BY w.id FOR NO KEY UPDATE OF w
""")


async def of(connection: Connection, payer: Payer, owners: Sequence[int]) -> dict[int, Allowances]:
    """What each of these projects, people or runs may spend and spent, by id and resource; none that does not exist."""
    found: dict[int, Allowances] = {}
    for row in await connection.execute(_OF[payer], {"owners": list(owners)}):
        found.setdefault(row.owner, {})[Resource(row.resource)] = Allowance(row.most, row.spent, row.reserved)
    return found


async def set_limits(
    connection: Connection, payer: Payer, owner: int, limits: Mapping[Resource, int | None], *, by: audit.Actor | None
) -> Allowances:
    """Limit what a project or a person may spend, of the resources in `limits`; None is no limit.

    Raises:
        NotFound: no such project or person.
        NotAllowed: more than that is spent or reserved already.
    """
    for resource in sorted(limits, key=_LOCKED.index):
        row = {"owner": owner, "resource": resource.value, "most": limits[resource]}
        if (await connection.execute(_SET[payer], row)).first() is None:
            raise await _below_spent(connection, payer, owner, resource, limits[resource])
    told = {resource.value: most for resource, most in limits.items()}
    await audit.note(connection, by, "set_limits", f"{payer.value} {owner}", told)
    return (await of(connection, payer, [owner]))[owner]


async def lock_counted(connection: Connection, run: int, project: int, person: int | None, *, gpus: bool) -> list[CountedLimit]:
    """Lock, until the transaction ends, what evaluations of this run count against: with `gpus`, GPU seconds too."""
    rows = await connection.execute(_LOCK_COUNTED[gpus], {"run": run, "project": project, "person": person})
    return [
        CountedLimit(
            id=row.id,
            resource=Resource(row.resource),
            name=_name(row.project_name, row.person_name),
            own=row.run is not None,
            most=row.most,
            left=row.left,
            spent=row.spent,
            reserved=row.reserved,
        )
        for row in rows
    ]


async def count(
    connection: Connection, run: int, limits: Sequence[CountedLimit], counts: Mapping[Resource, tuple[int, int]]
) -> None:
    """Add to what the run spent and to what is reserved, of the locked `limits`: less, if the second is negative.

    `counts` has both for each resource; for one that it does not name, nothing changes.
    """
    changed = [limit for limit in limits if limit.resource in counts]
    row = {
        "run": run,
        "ids": [limit.id for limit in changed],
        "more_spent": [counts[limit.resource][0] for limit in changed],
        "more_reserved": [counts[limit.resource][1] for limit in changed],
        "evaluations": counts.get(Resource.EVALUATIONS, NOTHING)[0],
        "gpu_milliseconds": counts.get(Resource.GPU_MILLISECONDS, NOTHING)[0],
    }
    await connection.execute(_COUNT, row)


async def reserve_gpus(connection: Connection, run: int, project: int, person: int | None, milliseconds: int) -> None:
    """Set GPU time aside for a run that begins.

    Raises:
        NotAllowed: the run, its project or its person has less left.
    """
    locked = await lock_counted(connection, run, project, person, gpus=True)
    limits = [limit for limit in locked if limit.resource is Resource.GPU_MILLISECONDS]
    for limit in limits:
        if limit.left is not None and limit.left < milliseconds:
            raise NotAllowed(
                f"{limit.name} has {Resource.GPU_MILLISECONDS.text(limit.left)} left, and the seed program with the "
                f"verifications of a run may take {milliseconds / 1000:g}: the time limits of the problem's stages; raise the "
                "limit, or shorten them"
            )
    await count(connection, run, limits, {Resource.GPU_MILLISECONDS: (0, milliseconds)})


async def release(connection: Connection, run: int) -> None:
    """Give back what a run has reserved of its project's and its person's evaluations, since nobody will take them in.

    That goes for the GPU seconds of those evaluations too.
    """
    await _move(connection, run, -1)


async def reserve(connection: Connection, run: int) -> None:
    """Take back what `release` gave, since what is in flight will be taken in after all.

    Raises:
        NotAllowed: that much is not left.
    """
    if not await _move(connection, run, 1):
        raise NotAllowed(
            f"run {run} has proposals under way, and its project or its person has not so many evaluations or GPU seconds "
            "left; raise that limit"
        )


async def _move(connection: Connection, run: int, sign: int) -> bool:
    wanted = (await connection.execute(_SHARED, {"run": run})).all()
    return len((await connection.execute(_MOVE, {"run": run, "sign": sign})).all()) == len(wanted)


def _name(project: str | None, person: str | None) -> str:
    if project is None and person is None:
        return "the run"
    return f"project {project!r}" if project is not None else f"person {person!r}"


async def limit_run(connection: Connection, run: int, limits: Mapping[Resource, int | None]) -> None:
    """Limit what a run may spend; None is no limit.

    Raises:
        NotAllowed: more than that is spent or reserved already.
    """
    for resource in sorted(limits, key=_LOCKED.index):
        row = {"owner": run, "resource": resource.value, "most": limits[resource]}
        if (await connection.execute(_SET[Payer.RUN], row)).first() is None:
            raise await _below_spent(connection, Payer.RUN, run, resource, limits[resource])


async def _below_spent(
    connection: Connection, payer: Payer, owner: int, resource: Resource, most: int | None
) -> NotFound | NotAllowed:
    found = (await of(connection, payer, [owner])).get(owner, {}).get(resource)
    if found is None:
        return NotFound(f"there is no {payer.value} {owner} in this database")
    taken = resource.text(found.spent + found.reserved)
    got = "none" if most is None else resource.text(most)
    return NotAllowed(
        f"{payer.value} {owner} has spent or reserved {taken} already; expected a limit of at least that, got {got}; raise it"
    )
