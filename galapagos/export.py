"""A run as a file for other programs: JSON lines or Parquet, one row a proposal."""

import json
from collections.abc import AsyncGenerator
from enum import StrEnum
from pathlib import Path
from typing import Any

from database import export_pages
from database.engine import Database


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
        count = await write(export_pages.pages(database, run), aside)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
    return count


async def _write_jsonl(pages: AsyncGenerator[list[dict[str, Any]]], path: Path) -> int:
    count = 0
    with path.open("w", encoding="utf-8") as file:
        async for page in pages:
            count += len(page)
            file.writelines(json.dumps(row) + "\n" for row in page)
    return count


async def _write_parquet(pages: AsyncGenerator[list[dict[str, Any]]], path: Path) -> int:
    # Imported here: it takes tens of MiB that no other command needs.
    from database.parquet import ParquetFile

    count = 0
    with ParquetFile(path) as file:
        async for page in pages:
            count += len(page)
            file.write(page)
    return count
