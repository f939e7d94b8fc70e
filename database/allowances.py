"""What projects and people may spend, and what they spent: limits that hold over all of their runs together.

Money and tokens are charged by `database.charges`, evaluations by the controller's passes. A check constraint of the
table refuses whatever would exceed a limit.
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
class EvaluationLimit:
    """How many proposals of a run, project or person may be evaluated (None: any number), and how many are `left`."""

    id: int
    name: str
    most: int | None
    left: int | None


Allowances = dict[Resource, Allowance]

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


_LOCK_EVALUATIONS = sa.text("""
    SELECT w.id, w.most, w.most - w.spent - w.reserved AS left, w.project, q.name AS project_name, p.name AS person_name
    FROM allowance w LEFT JOIN project q ON q.id = w.project LEFT JOIN person p ON p.id = w.person
    WHERE w.resource = 'evaluations' AND (w.run = :run OR w.project = :project OR w.person = CAST(:person AS bigint))
    ORDER BY w.id FOR NO KEY UPDATE OF w
""")
_COUNT_EVALUATIONS = sa.text(f"""
    WITH counted AS ({spending.EVALUATED})
    UPDATE allowance SET spent = spent + CAST(:spent AS bigint), reserved = reserved + :reserved
    WHERE id = ANY(CAST(:ids AS bigint[]))
""")  # noqa: S608 - made of constants
# What a run has reserved is known by its own row, which a run that is set aside keeps.
_MOVE = sa.text("""
    UPDATE allowance w SET reserved = w.reserved + :sign * own.reserved
    FROM run r JOIN allowance own ON own.run = r.id AND own.resource = 'evaluations'
    WHERE r.id = :run AND w.resource = 'evaluations' AND (w.project = r.project OR w.person = r.person)
        AND (CAST(:sign AS integer) < 0 OR w.most IS NULL OR w.spent + w.reserved + own.reserved <= w.most)
    RETURNING w.id
""")
_SHARED = sa.text("""
    SELECT w.id FROM allowance w JOIN run r ON w.project = r.project OR w.person = r.person
    WHERE r.id = :run AND w.resource = 'evaluations' ORDER BY w.id FOR NO KEY UPDATE OF w
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
    # In the order in which a controller's pass takes them: evaluations before money.
    for resource in sorted(limits, key=list(Resource).index, reverse=True):
        row = {"owner": owner, "resource": resource.value, "most": limits[resource]}
        if (await connection.execute(_SET[payer], row)).first() is None:
            raise await _below_spent(connection, payer, owner, resource, limits[resource])
    told = {resource.value: most for resource, most in limits.items()}
    await audit.note(connection, by, "set_limits", f"{payer.value} {owner}", told)
    return (await of(connection, payer, [owner]))[owner]


async def lock_evaluations(connection: Connection, run: int, project: int, person: int | None) -> list[EvaluationLimit]:
    """Lock, until the transaction ends, what evaluations of this run count against."""
    rows = await connection.execute(_LOCK_EVALUATIONS, {"run": run, "project": project, "person": person})
    return [EvaluationLimit(row.id, _name(row.project_name, row.person_name), row.most, row.left) for row in rows]


async def count_evaluations(
    connection: Connection, run: int, limits: Sequence[EvaluationLimit], spent: int, reserved: int
) -> None:
    """Add to what the run spent, also of the locked `limits`, and to what is reserved: fewer, if `reserved` is negative."""
    row = {"run": run, "ids": [limit.id for limit in limits], "spent": spent, "reserved": reserved}
    await connection.execute(_COUNT_EVALUATIONS, row)


async def release_evaluations(connection: Connection, run: int) -> None:
    """Give back what a run has reserved of its project's and its person's evaluations, since nobody will take them in."""
    await _move(connection, run, -1)


async def reserve_evaluations(connection: Connection, run: int) -> None:
    """Take back what `release_evaluations` gave, since what is in flight will be taken in after all.

    Raises:
        NotAllowed: that many are not left.
    """
    if not await _move(connection, run, 1):
        raise NotAllowed(
            f"run {run} has proposals under way, and its project or its person has not so many evaluations left; raise that "
            "limit"
        )


async def _move(connection: Connection, run: int, sign: int) -> bool:
    wanted = (await connection.execute(_SHARED, {"run": run})).all()
    return len((await connection.execute(_MOVE, {"run": run, "sign": sign})).all()) == len(wanted)


def _name(project: str | None, person: str | None) -> str:
    if project is None and person is None:
        return "the run"
    return f"project {project!r}" if project is not None else f"person {person!r}"


async def limit_tokens(connection: Connection, run: int, most: int | None) -> None:
    """Limit the tokens of a run; None is no limit.

    Raises:
        NotAllowed: more than that is spent or reserved already.
    """
    row = {"owner": run, "resource": Resource.TOKENS.value, "most": most}
    if (await connection.execute(_SET[Payer.RUN], row)).first() is None:
        raise await _below_spent(connection, Payer.RUN, run, Resource.TOKENS, most)


async def _below_spent(
    connection: Connection, payer: Payer, owner: int, resource: Resource, most: int | None
) -> NotFound | NotAllowed:
    found = (await of(connection, payer, [owner])).get(owner, {}).get(resource)
    if found is None:
        return NotFound(f"there is no {payer.value} {owner} in this database")
    taken = f"{found.spent + found.reserved} {resource.value.replace('_', '-')}"
    return NotAllowed(
        f"{payer.value} {owner} has spent or reserved {taken} already; expected a limit of at least that, got {most}; raise it"
    )
