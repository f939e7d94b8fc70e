"""How a run stands, in the words of people: raw scores, operators and verdicts counted, the reason of damage."""

from collections import defaultdict
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from database import damage
from database.engine import Database
from database.errors import UNREADABLE, Damaged, DatabaseUnavailable, NotFound, WrongDatabaseUrl
from database.views import Tally
from evolution.evaluation import Verdict
from evolution.proposal import Operator


@dataclass(slots=True)
class OperatorCount:
    """How an operator fared: proposals asked and refused, programs evaluated and scored, those better than their parent."""

    operator: Operator
    asked: int = 0
    refused: int = 0
    evaluated: int = 0
    scored: int = 0
    improved: int = 0

    def add(self, found: Tally) -> None:
        """Take in one line of a tally."""
        if found.refusal is not None:
            self.refused += found.count
        elif found.verdict is None:
            self.asked += found.count
        else:
            self.evaluated += found.count
            self.scored += found.count if found.verdict is Verdict.SCORED else 0
            self.improved += found.improved


@asynccontextmanager
async def told_why_damaged(database: Database, run: int) -> AsyncGenerator[None]:
    """Within the block, what cannot be read of a run that was set aside becomes the recorded reason for that.

    Raises:
        Damaged: with that reason.
    """
    try:
        yield
    except (DatabaseUnavailable, WrongDatabaseUrl, NotFound):
        raise
    except UNREADABLE as error:
        async with database.begin() as connection:
            reason = await damage.why_damaged(connection, run)
        if reason is None:
            raise
        raise Damaged(f"run {run} was set aside: {reason}") from error


def raw(score: float | None, sign: float) -> float | None:
    """A recorded score in the problem's own direction; None stays None."""
    return None if score is None else sign * score


def counts_by_operator(tallies: list[Tally]) -> list[OperatorCount]:
    """A whole run's tally, summed up by operator; the seed is left out."""
    counts: dict[Operator, OperatorCount] = {}
    for found in tallies:
        if found.operator is not Operator.SEED:
            counts.setdefault(found.operator, OperatorCount(found.operator)).add(found)
    return list(counts.values())


def counts_by_verdict(tallies: list[Tally]) -> list[tuple[Verdict, int]]:
    """How many programs ended with each verdict, the most frequent first."""
    counts: dict[Verdict, int] = defaultdict(int)
    for found in tallies:
        if found.verdict is not None:
            counts[found.verdict] += found.count
    return sorted(counts.items(), key=lambda item: -item[1])
