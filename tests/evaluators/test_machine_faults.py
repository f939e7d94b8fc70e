"""A machine that fails under the evaluators: a folder that is gone, a database that refuses them."""

import asyncio
import itertools
import os
import sys
import tempfile
from pathlib import Path

import pytest
import sqlalchemy as sa

from database.embedded import EmbeddedPostgres
from database.engine import Database
from evolution.evaluation import EvaluationState
from tests.conftest import TEMPLATE, administer, named_database
from tests.evaluators.queue_kit import new_run, queue_programs, settled, until
from tests.evaluators.small_problems import problem
from tests.evaluators.test_pool import serving

_numbers = itertools.count()


async def test_a_machine_that_can_make_no_folder_is_given_time_and_loses_nothing(
    database: Database, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    gone = tmp_path / "gone"
    monkeypatch.setattr(tempfile, "tempdir", str(gone))
    run = await new_run(database, problem())
    await queue_programs(database, run, ["return x"])
    async with serving(database_url, tmp_path, slots=1):
        found = await until(database, run, lambda rows: rows[0].attempt == 2)
        assert "this machine could not run a sandbox" in str(found[0].host_fault)
        gone.mkdir()
        found = await settled(database, run)
    assert [(row.number, row.score) for row in found] == [(0, 6.0), (1, 3.0)]
    assert "see to its disk space" in caplog.text


async def test_pauses_grow_while_the_machine_goes_on_failing(
    database: Database, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    run = await new_run(database, problem())
    async with serving(database_url, tmp_path, slots=4):
        await until(database, run, lambda rows: rows[0].attempt > 0)
        await asyncio.sleep(4.0)
        (row,) = await until(database, run, bool)
    # Attempts follow after 0.5, 2 and 8 s, whichever slot makes them.
    assert row.state is not EvaluationState.ABANDONED
    assert row.attempt <= 3


@pytest.mark.parametrize("kind", ["controller", "workers", "evaluators"])
async def test_a_database_that_is_gone_ends_a_process_with_one_line(
    kind: str, postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    name = f"gone_{os.getpid()}_{next(_numbers)}"
    await administer(postgres, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY FILE_COPY")
    url = named_database(postgres, name)
    settings = {"DATABASE_URL": url, **({"CACHE": str(tmp_path), "SLOTS": "1"} if kind == "evaluators" else {})}
    try:
        async with Database(url) as database:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                kind,
                env=os.environ | {f"GALAPAGOS_{key}": value for key, value in settings.items()},
                stderr=asyncio.subprocess.PIPE,
            )
            await _connected(database)
    finally:
        await administer(postgres, f"DROP DATABASE {name} WITH (FORCE)")
    try:
        async with asyncio.timeout(60):
            _, told = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    said = told.decode()
    assert process.returncode == 2, said
    assert "Traceback" not in said, said
    assert f'database "{name}" does not exist' in said.splitlines()[-1]
    assert "correct user, password or name in GALAPAGOS_DATABASE_URL" in said.splitlines()[-1]


async def _connected(database: Database) -> None:
    """Wait until another process listens on this database."""

    query = sa.text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query ILIKE 'LISTEN%' "
        "AND pid <> pg_backend_pid()"
    )
    async with asyncio.timeout(60):
        while True:
            async with database.begin() as connection:
                if (await connection.execute(query)).scalar_one():
                    return
            await asyncio.sleep(0.05)
