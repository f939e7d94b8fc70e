"""How a run stands: read again and again at a cost that does not grow with the run."""

import math

from database import problems, views
from database.archive import Record
from database.engine import Connection, Database
from database.for_people import OperatorCount, raw, told_why_damaged
from database.views import Live
from evolution.problem import Definition
from evolution.proposal import Operator
from galapagos.progress import OperatorStanding, Standing


class StandingReader:
    """Follows one run. The first read costs as much as the run is long, each later one as much as happened since."""

    def __init__(self, database: Database, run: int) -> None:
        self._database = database
        self._run = run
        self._definition: Definition | None = None
        self._counts: dict[Operator, OperatorCount] = {}
        self._counted = 0
        self._records: list[Record] = []

    async def read(self) -> Standing:
        """The run as it is now.

        Raises:
            NotFound: no such run.
            Damaged: it was set aside, and cannot even be read; the text says why.
            DatabaseUnavailable: try again later; nothing of what was read is lost.
        """
        async with told_why_damaged(self._database, self._run):
            async with self._database.begin() as connection:
                live = await views.live(connection, self._run)
                if self._definition is None:
                    self._definition = (await problems.load(connection, live.row.problem)).definition
                await self._follow(connection, live)
            return self._standing(live, self._definition)

    async def _follow(self, connection: Connection, live: Live) -> None:
        until = live.row.as_of_event
        if until > self._counted:
            for found in await views.tally(connection, self._run, after=self._counted, until=until):
                self._counts.setdefault(found.operator, OperatorCount(found.operator)).add(found)
            self._counted = until
        if live.best_score is not None and (not self._records or self._records[-1].score != live.best_score):
            self._records = await views.records(connection, self._run)

    def _standing(self, live: Live, definition: Definition) -> Standing:
        sign, row = definition.score.sign, live.row
        account = row.account
        return Standing(
            run=row.id,
            problem=definition.name,
            title=definition.title,
            unit=definition.score.unit,
            state=row.state,
            stop_reason=row.stop_reason.value if row.stop_reason else None,
            stop_detail=row.stop_detail,
            tier=row.tier.value,
            score_isolated=definition.score_isolated,
            seconds=row.active_s,
            evaluations=live.evaluations,
            programs=live.programs,
            rate=live.rate,
            seed_score=raw(live.seed_score, sign),
            best_number=live.best,
            best_score=raw(live.best_score, sign),
            verified_score=raw(live.verified_score, sign),
            cells_filled=sum(live.cells.values()),
            cells=len(live.cells) * math.prod(axis.cells for axis in definition.axes),
            islands=len(live.cells),
            micro_dollars=account.spent_micro_dollars,
            tokens=account.tokens_in + account.tokens_out,
            gpu_milliseconds=live.gpu_milliseconds,
            uses_models=bool(row.config.models),
            budget=row.config.budget,
            operators=[
                OperatorStanding(count.operator.value, count.asked, count.refused, count.scored, count.improved)
                for count in self._counts.values()
                if count.operator is not Operator.SEED
            ],
            curve=[(record.evaluations, record.score) for record in self._records],
        )
