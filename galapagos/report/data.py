"""All that a report is made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from database import problems, views
from database.archive import Elite, Record
from database.engine import Database
from database.views import Ancestor, Live, ModelSpend, Point, Tally, Verification
from evolution.problem import Problem

MOST_POINTS = 4000


@dataclass(frozen=True, slots=True)
class RunData:
    """A run as its report shows it. All scores are recorded ones: higher is better, whatever the problem's direction.

    `lineage` goes from the seed to `best`: the champion, or the best so far. `verified` is the newest verification of
    that program, `seed_verified` that of the seed.
    """

    problem: Problem
    live: Live
    best: int | None
    best_verified: Verification | None
    seed_verified: Verification | None
    points: Sequence[Point]
    points_are_all: bool
    records: Sequence[Record]
    elites: Sequence[Elite]
    lineage: Sequence[Ancestor]
    tally: Sequence[Tally]
    models: Sequence[ModelSpend]

    @property
    def machine(self) -> Mapping[str, object]:
        """Where the best was verified."""
        return (self.best_verified.machine if self.best_verified else None) or {}


async def gather(database: Database, run: int) -> RunData:
    """Read a run for its report, with a fixed number of queries.

    Raises:
        NotFound: no such run.
    """
    async with database.begin() as connection:
        live = await views.live(connection, run)
        best = next((number for number in (live.row.champion, live.verified, live.best) if number is not None), None)
        points, all_of_them = await views.points(connection, run, MOST_POINTS)
        return RunData(
            problem=await problems.load(connection, live.row.problem),
            live=live,
            best=best,
            best_verified=None if best is None else await views.verification(connection, run, best),
            seed_verified=await views.verification(connection, run, 0),
            points=points,
            points_are_all=all_of_them,
            records=await views.records(connection, run),
            elites=await views.elites(connection, run),
            lineage=[] if best is None else await views.lineage(connection, run, best),
            tally=await views.tally(connection, run),
            models=await views.model_spend(connection, run),
        )
