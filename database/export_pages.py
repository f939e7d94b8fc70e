"""A run as rows of plain values, page by page: what exports are made of. Scores are raw."""

from collections.abc import AsyncGenerator
from dataclasses import asdict
from enum import StrEnum
from typing import Any

from database import problems, runs
from database.engine import Database
from database.export_views import export_rows
from database.for_people import raw

PAGE = 500


async def pages(database: Database, run: int) -> AsyncGenerator[list[dict[str, Any]]]:
    """Every proposal of a run with all that came of it.

    Raises:
        NotFound: no such run.
    """
    async with database.begin() as connection:
        row = await runs.load(connection, run)
        definition = (await problems.load(connection, row.problem)).definition
        sign = definition.score.sign
    after = -1
    while True:
        # A transaction a page: a long export holds up neither the run nor the server's housekeeping.
        async with database.begin() as connection:
            rows = await export_rows(connection, run, after, PAGE)
        if not rows:
            return
        after = rows[-1].number
        page: list[dict[str, Any]] = []
        for found in rows:
            flat = asdict(found)
            flat |= {"run": run, "score": raw(found.score, sign), "verified_score": raw(found.verified_score, sign)}
            flat["score_isolated"] = definition.score_isolated
            flat["created_at"] = found.created_at.isoformat()
            page.append({key: value.value if isinstance(value, StrEnum) else value for key, value in flat.items()})
        yield page
