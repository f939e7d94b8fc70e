"""A run as a file for other programs: JSON lines or Parquet, one row a proposal."""

import json
from collections.abc import AsyncGenerator
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Any

from database import problems, runs
from database.engine import Database
from database.export_views import export_rows
from database.for_people import raw

PAGE = 500


class ExportFormat(StrEnum):
    """JSON lines can be read by everything, Parquet is small and typed."""

    JSONL = "jsonl"
    PARQUET = "parquet"


async def export_run(database: Database, run: int, path: Path, format_: ExportFormat) -> int:
    """Write a run to `path`, whole or not at all; returns the number of rows. Scores are raw.

    Raises:
        NotFound: no such run.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(path.name + ".new")
    try:
        write = _write_jsonl if format_ is ExportFormat.JSONL else _write_parquet
        count = await write(_pages(database, run), aside)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
    return count


async def _pages(database: Database, run: int) -> AsyncGenerator[list[dict[str, Any]]]:
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


async def _write_jsonl(pages: AsyncGenerator[list[dict[str, Any]]], path: Path) -> int:
    count = 0
    with path.open("w", encoding="utf-8") as file:
        async for page in pages:
            count += len(page)
            file.writelines(json.dumps(row) + "\n" for row in page)
    return count


async def _write_parquet(pages: AsyncGenerator[list[dict[str, Any]]], path: Path) -> int:
    # Imported here: it takes tens of MiB that no other command needs.
    from galapagos.parquet import ParquetFile

    count = 0
    with ParquetFile(path) as file:
        async for page in pages:
            count += len(page)
            file.write(page)
    return count
