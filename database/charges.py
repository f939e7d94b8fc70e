"""What a batch of model calls is charged to: the account of each run, and the limits of its project and its person.

One call is charged to all of them or to none. Whoever charges locks accounts by run, then limits by id, so that
transactions that charge the same ones wait for one another and never deadlock.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from database.engine import Connection
from evolution.limits import Payer, Resource

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OverBudget:
    """The call could take more than `payer` (its number or name in `owner`) has `left` of `resource`; nothing is written."""

    left: int
    resource: Resource = Resource.MICRO_DOLLARS
    payer: Payer = Payer.RUN
    owner: str = ""

    def __str__(self) -> str:
        """Whose limit it is, and what is left of it."""
        return f"{self.payer.value} {self.owner} has {self.resource.text(self.left)} left"


@dataclass(slots=True)
class _Line:
    """One limit: `left` None is none. `id` None is a run's account. The rest is what this batch changes."""

    id: int | None
    payer: Payer
    owner: str
    resource: Resource
    left: int | None
    spent: int = 0
    reserved: int = 0


_LOCK_ACCOUNTS = sa.text("""
    SELECT a.run, r.project, r.person, a.limit_micro_dollars - a.spent_micro_dollars - a.reserved_micro_dollars AS room
    FROM account a JOIN run r ON r.id = a.run
    WHERE a.run = ANY(CAST(:runs AS bigint[])) ORDER BY a.run FOR NO KEY UPDATE OF a
""")
_LOCK_ALLOWANCES = sa.text("""
    SELECT w.id, w.run, w.project, w.person, CAST(w.resource AS text) AS resource, w.most - w.spent - w.reserved AS room,
        coalesce(q.name, p.name) AS name
    FROM allowance w LEFT JOIN project q ON q.id = w.project LEFT JOIN person p ON p.id = w.person
    WHERE w.resource IN ('micro_dollars', 'tokens') AND (w.run = ANY(CAST(:runs AS bigint[]))
        OR w.project = ANY(CAST(:projects AS bigint[])) OR w.person = ANY(CAST(:people AS bigint[])))
    ORDER BY w.id FOR NO KEY UPDATE OF w
""")
_WHY = sa.text("""
    SELECT detail FROM proposal
    WHERE run = :run AND number > (SELECT max(number) - 200 FROM proposal WHERE run = :run)
        AND refusal = 'budget' AND detail <> ''
    ORDER BY number DESC LIMIT 1
""")
_WRITE = sa.text("""
    UPDATE allowance w SET spent = w.spent + c.spent, reserved = w.reserved + c.reserved
    FROM unnest(CAST(:ids AS bigint[]), CAST(:spent AS bigint[]), CAST(:reserved AS bigint[])) AS c(id, spent, reserved)
    WHERE w.id = c.id
""")


@dataclass(slots=True)
class Charges:
    """Every limit that calls of some runs are charged to, locked until the transaction ends."""

    _of_run: dict[int, list[_Line]] = field(default_factory=dict[int, list[_Line]])

    def reserve(self, run: int, amounts: Mapping[Resource, int]) -> OverBudget | None:
        """Set aside the most that a call of `run` can take; if any limit has less left, nothing, and say which."""
        lines = self._of_run[run]
        for line in lines:
            if line.left is not None and amounts[line.resource] > line.left:
                return OverBudget(line.left, line.resource, line.payer, line.owner)
        for line in lines:
            line.reserved += amounts[line.resource]
            line.left = None if line.left is None else line.left - amounts[line.resource]
        return None

    def settle(self, run: int, resource: Resource, reserved: int, used: int, of: str) -> int:
        """Book what a call took instead of what was set aside for it; returns what is booked.

        That is `used`, or what the limits allow where it is less: then the declared price or token limit of the
        endpoint is wrong, the difference is logged as an error, and no limit ever shows more than it allows.
        `of` names the call in that error.
        """
        lines = [line for line in self._of_run[run] if line.resource is resource]
        booked = min([used, *(line.left + reserved for line in lines if line.left is not None)])
        if booked < used:
            _log.error(
                "%s took %s %s, %s were reserved and the limits have room for %s: that is booked, the rest is not; correct "
                "the price or the token limit of the model",
                of,
                used,
                resource.words,
                reserved,
                booked,
            )
        for line in lines:
            line.spent += booked
            line.reserved -= reserved
            line.left = None if line.left is None else line.left + reserved - booked
        return booked

    async def write(self, connection: Connection) -> None:
        """Write what was reserved and settled to the limits of projects and people; accounts are their own table's."""
        lines = {line.id: line for lines in self._of_run.values() for line in lines}
        changed = [line for key, line in lines.items() if key is not None and (line.spent or line.reserved)]
        if changed:
            row = {
                "ids": [line.id for line in changed],
                "spent": [line.spent for line in changed],
                "reserved": [line.reserved for line in changed],
            }
            await connection.execute(_WRITE, row)


async def lock(connection: Connection, runs: Sequence[int]) -> Charges:
    """Lock everything that calls of these runs are charged to, and read what is left of it. Two statements."""
    if not runs:
        return Charges()
    accounts = (await connection.execute(_LOCK_ACCOUNTS, {"runs": sorted(runs)})).all()
    row = {
        "runs": [account.run for account in accounts],
        "projects": sorted({account.project for account in accounts}),
        "people": sorted({account.person for account in accounts if account.person is not None}),
    }
    lines: dict[tuple[Payer, int], list[_Line]] = {}
    for found in await connection.execute(_LOCK_ALLOWANCES, row):
        payer, owner = _payer(found.run, found.project, found.person)
        name = str(owner) if found.name is None else repr(found.name)
        line = _Line(found.id, payer, name, Resource(found.resource), found.room)
        lines.setdefault((payer, owner), []).append(line)
    return Charges(
        {
            account.run: [
                _Line(None, Payer.RUN, str(account.run), Resource.MICRO_DOLLARS, account.room),
                *lines.get((Payer.RUN, account.run), ()),
                *lines.get((Payer.PROJECT, account.project), ()),
                *lines.get((Payer.PERSON, account.person), ()),
            ]
            for account in accounts
        }
    )


def _payer(run: int | None, project: int | None, person: int | None) -> tuple[Payer, int]:
    if run is not None:
        return Payer.RUN, run
    return (Payer.PROJECT, project) if project is not None else (Payer.PERSON, person or 0)


async def why_refused(connection: Connection, run: int) -> str | None:
    """What the newest proposal whose call was too dear was told, among the last 200."""
    return (await connection.execute(_WHY, {"run": run})).scalar_one_or_none()
