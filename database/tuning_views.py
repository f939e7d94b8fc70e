"""What the tuner reads: the scores of a session's earlier generations."""

import sqlalchemy as sa

from database import tables as t
from database.engine import Connection
from evolution.evaluation import Purpose


async def earlier_scores(connection: Connection, run: int, session: int, before: int) -> dict[tuple[int, int], float]:
    """Scores of a tuning session's candidates of all generations below `before`, by (generation, index).

    A candidate that repeated another program has that program's score. One without a score (refused, failed or not
    evaluated) is missing.
    """
    number = sa.func.coalesce(t.proposal.c.duplicate_of, t.proposal.c.number)
    query = (
        sa.select(t.proposal.c.tuning_generation, t.proposal.c.tuning_index, t.evaluation.c.score)
        .join(t.program, sa.and_(t.program.c.run == t.proposal.c.run, t.program.c.number == number))
        .join(t.evaluation, sa.and_(t.evaluation.c.program == t.program.c.id, t.evaluation.c.purpose == Purpose.SEARCH))
        .where(
            t.proposal.c.run == run,
            t.proposal.c.tuning_session == session,
            t.proposal.c.tuning_generation < before,
            t.evaluation.c.score.is_not(None),
        )
    )
    return {(generation, index): score for generation, index, score in await connection.execute(query)}
