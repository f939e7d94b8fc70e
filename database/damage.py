"""Runs whose stored rows cannot be continued: set aside with the reason, so that the others go on."""

import sqlalchemy as sa

from database import allowances, completions
from database.encoding import storable
from database.engine import Connection

_SET_ASIDE = sa.text("""
    WITH unheard AS (
        UPDATE command SET state = 'refused', detail = 'the run was set aside as damaged before it was taken'
        WHERE run = :run AND state = 'waiting'
    )
    UPDATE run SET state = 'finished', stop_reason = 'damaged', stop_detail = :detail, finished_at = clock_timestamp(),
        controller_epoch = controller_epoch + 1
    WHERE id = :run AND state <> 'finished'
""")
_STOP_DETAIL = sa.text("SELECT stop_detail FROM run WHERE id = :run AND stop_reason = 'damaged'")


async def set_aside(connection: Connection, run: int, detail: str) -> None:
    """End a run whose stored rows cannot be continued, as DAMAGED; `detail` tells people why and what to do.

    Nothing is deleted, the log stays as it is, and `reopen` lets it be tried again. Its open model calls are settled.
    """
    await allowances.release(connection, run)
    await completions.settle_all(connection, run)
    await connection.execute(_SET_ASIDE, {"run": run, "detail": storable(detail)})


async def why_damaged(connection: Connection, run: int) -> str | None:
    """What `set_aside` was told of this run; None if it is not set aside."""
    return (await connection.execute(_STOP_DETAIL, {"run": run})).scalar_one_or_none()
