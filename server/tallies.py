"""What became of a run's proposals, counted from its log: each event once, and few of them in one request."""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field

from database import views
from database.engine import Database
from database.views import Tally
from evolution.evaluation import Verdict
from evolution.proposal import Operator, Refusal

STRETCH = 50_000
"""Events that one request counts at most: of a longer log the next request counts on."""
_MOST = 64
Kind = tuple[Operator, Verdict | None, Refusal | None]


@dataclass(slots=True)
class Counted:
    """The counts up to event `until`: proposals, and those better than their parent."""

    until: int = 0
    counts: dict[Kind, tuple[int, int]] = field(default_factory=dict[Kind, tuple[int, int]])
    busy: asyncio.Lock = field(default_factory=asyncio.Lock)

    def tallies(self) -> list[Tally]:
        """The counts, by operator, verdict and refusal."""
        return [Tally(*kind, count, improved) for kind, (count, improved) in self.counts.items()]


class Tallies:
    """The counts of the runs that were asked for last."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._kept: OrderedDict[int, Counted] = OrderedDict()

    async def read(self, run: int, newest: int) -> Counted:
        """What is counted of a run whose newest event is `newest`, `STRETCH` events more than the last time at most."""
        counted = self._kept.setdefault(run, Counted())
        self._kept.move_to_end(run)
        while len(self._kept) > _MOST:
            self._kept.popitem(last=False)
        async with counted.busy:
            until = min(newest, counted.until + STRETCH)
            if until > counted.until:
                async with self._database.begin() as connection:
                    found = await views.tally(connection, run, after=counted.until, until=until)
                for item in found:
                    kind = (item.operator, item.verdict, item.refusal)
                    count, improved = counted.counts.get(kind, (0, 0))
                    counted.counts[kind] = (count + item.count, improved + item.improved)
                counted.until = until
        return counted
