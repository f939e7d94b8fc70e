"""What projects and people may spend, and what they spent: limits that hold over all of their runs together.

Money and tokens are charged by `database.charges`, evaluations by the controller's passes. A check constraint of the
table refuses whatever would exceed a limit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from database import audit
from database.engine import Connection
from database.errors import NotAllowed, NotFound
from evolution.limits import Payer, Resource


@dataclass(frozen=True, slots=True)
class Allowance:
    """What may be spent of one resource; `most` None is no limit. `reserved` belongs to what is under way."""

    most: int | None
    spent: int
    reserved: int


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
