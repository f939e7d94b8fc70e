import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from database import export_pages
from database.engine import Database
from database.errors import NotFound
from galapagos.export import ExportFormat, export_run
from tests.galapagos.filled_run import evil_problem, fill


async def test_both_formats_hold_every_proposal(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_pages, "PAGE", 17)
    async with Database(database_url) as database:
        run = await fill(database, evil_problem("minimize"))
        count = await export_run(database, run, tmp_path / "run.jsonl", ExportFormat.JSONL)
        assert await export_run(database, run, tmp_path / "run.parquet", ExportFormat.PARQUET) == count
    rows = [json.loads(line) for line in (tmp_path / "run.jsonl").read_text().splitlines()]
    assert len(rows) == count
    assert [row["number"] for row in rows] == list(range(count))
    assert rows[0]["operator"] == "seed"
    scored = [row for row in rows if row["verdict"] == "scored"]
    assert all(row["score"] <= -1 for row in scored), "scores are raw: the problem minimises"
    assert {row["refusal"] for row in rows} == {None, "syntax_error"}
    parquet: Any = import_module("pyarrow.parquet")
    table = parquet.read_table(tmp_path / "run.parquet").to_pylist()
    assert [row["score"] for row in table] == [row["score"] for row in rows]
    assert [dict(row["files"] or []) for row in table] == [row["files"] or {} for row in rows]
    assert set(rows[0]) == set(table[0])


async def test_a_failed_export_leaves_nothing(database_url: str, tmp_path: Path) -> None:
    async with Database(database_url) as database:
        with pytest.raises(NotFound):
            await export_run(database, 7, tmp_path / "run.jsonl", ExportFormat.JSONL)
    assert not (tmp_path / "run.jsonl").exists()
    assert not (tmp_path / "run.jsonl.new").exists()
