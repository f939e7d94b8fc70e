"""A filled database gets the newest schema, a run that is under way goes on meanwhile, and backups hold all of it."""

import asyncio
import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import asyncpg
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.script import ScriptDirectory

from database import migrate, runs
from database.binaries import find_binaries
from database.embedded import EmbeddedPostgres
from database.engine import Database, connect_arguments
from database.errors import DatabaseUnavailable
from database.migrate import configuration, upgrade, upgrade_patiently
from evolution.evaluation import Tier
from evolution.normalise import normalise
from evolution.run import Budget, RunConfig, RunState
from galapagos.problem_folder import read_problem_folder
from galapagos.verification import verify_run
from tests.conftest import administer, named_database
from tests.galapagos.filled_run import evil_problem, fill
from tests.processes.kit import ROOT, TWENTY

PATIENCE_S = 90.0
NEXT = '''"""Changes tables that everybody uses."""

from alembic import op

revision = "9000"
down_revision = "{newest}"


def upgrade():
    for table in ("blob", "proposal", "program", "evaluation", "run", "event"):
        op.execute(f"ALTER TABLE {{table}} ADD COLUMN later integer NOT NULL DEFAULT 7")
    op.execute("UPDATE evaluation SET later = 8")
    op.execute("CREATE INDEX ix_program_later ON program (later)")
'''


@asynccontextmanager
async def another_database(postgres: EmbeddedPostgres, name: str) -> AsyncGenerator[str]:
    await administer(postgres, f"CREATE DATABASE {name}")
    try:
        yield named_database(postgres, name)
    finally:
        await administer(postgres, f"DROP DATABASE {name} WITH (FORCE)")


def revisions() -> tuple[str, str]:
    """The newest revision, and the one before it."""
    scripts = ScriptDirectory(str(migrate.MIGRATIONS))
    newest = scripts.get_current_head()
    assert newest is not None
    before = scripts.get_revision(newest).down_revision
    assert isinstance(before, str)
    return newest, before


async def contents(url: str, columns: dict[str, list[str]]) -> dict[str, bytes]:
    """The rows of tables, as COPY writes them."""
    connection = await asyncpg.connect(**connect_arguments(url))
    found: dict[str, bytes] = {}
    try:
        for table, names in columns.items():
            rows = io.BytesIO()
            await connection.copy_from_table(table, columns=names, output=rows)
            found[table] = b"".join(sorted(rows.getvalue().splitlines(keepends=True)))
    finally:
        await connection.close()
    return found


async def columns_of(url: str) -> dict[str, list[str]]:
    connection = await asyncpg.connect(**connect_arguments(url))
    try:
        rows = await connection.fetch(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2"
        )
    finally:
        await connection.close()
    found: dict[str, list[str]] = {}
    for table, column in rows:
        found.setdefault(table, []).append(column)
    return found


async def fill_with(url: str, columns: dict[str, list[str]], rows: dict[str, bytes]) -> None:
    """Put rows in the place of those that are there."""
    connection = await asyncpg.connect(**connect_arguments(url))
    try:
        # Without triggers: those of foreign keys ask for an order, and others refuse to delete.
        await connection.execute("SET session_replication_role = replica")
        for table, names in columns.items():
            await connection.execute(str(sa.delete(sa.table(table))))
            await connection.copy_to_table(table, columns=names, source=io.BytesIO(rows[table]))
    finally:
        await connection.close()


async def test_a_filled_database_of_the_revision_before_is_upgraded_and_loses_nothing(
    postgres: EmbeddedPostgres, database: Database, database_url: str
) -> None:
    run = await fill(database, evil_problem())
    newest, before = revisions()
    async with another_database(postgres, "of_the_revision_before") as url:
        async with Database(url, pool_size=1) as old, old.begin() as connection:
            await connection.run_sync(lambda open_one: command.upgrade(configuration(open_one), before))
        known = await columns_of(database_url)
        shared = {
            table: sorted(set(names) & set(known[table]))
            for table, names in (await columns_of(url)).items()
            if table in known and table != "alembic_version"
        }
        stored = await contents(database_url, shared)
        assert stored["event"]
        await fill_with(url, shared, stored)
        await upgrade(url)
        assert await contents(url, shared) == stored
        async with Database(url) as upgraded:
            assert (await verify_run(upgraded, run)).differences == []
            async with upgraded.begin() as connection:
                assert (await connection.execute(sa.text("SELECT version_num FROM alembic_version"))).scalar_one() == newest


@contextmanager
def processes(url: str, cache: Path) -> Generator[list[subprocess.Popen[bytes]]]:
    bare = {name: value for name, value in os.environ.items() if not name.startswith("GALAPAGOS_")}
    told = {"GALAPAGOS_DATABASE_URL": url}
    more = {"GALAPAGOS_TIER": "plain", "GALAPAGOS_SLOTS": "1", "GALAPAGOS_CACHE": str(cache)}
    started = [
        subprocess.Popen([sys.executable, "-m", kind], cwd=ROOT, env={**bare, **told, **(more if kind == "evaluators" else {})})
        for kind in ("controller", "workers", "evaluators")
    ]
    try:
        yield started
    finally:
        for process in started:
            process.send_signal(signal.SIGTERM)
        for process in started:
            process.wait(PATIENCE_S)


async def wait_for(database: Database, run: int, evaluations: int) -> None:
    """Until so many evaluations of a run are finished."""
    asked = sa.text("SELECT count(*) FROM evaluation WHERE run = :run AND state = 'finished'")
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        async with database.begin() as connection:
            if (await connection.execute(asked, {"run": run})).scalar_one() >= evaluations:
                return
        await asyncio.sleep(0.1)
    raise AssertionError(f"run {run} did not reach {evaluations} evaluations within {PATIENCE_S} s")


async def twenty(database: Database, evaluations: int) -> int:
    problem = read_problem_folder(TWENTY)
    seed = normalise(problem.seed_files, problem.definition.language)
    config = RunConfig(budget=Budget(evaluations=evaluations))
    async with database.begin() as connection:
        return await runs.create(
            connection, problem, config, 7, Tier.PLAIN, normalised_hash=seed.hash, length=seed.length, literals=seed.literals
        )


async def test_a_run_goes_on_while_it_is_backed_up_and_while_the_schema_changes_under_it(
    postgres: EmbeddedPostgres, database: Database, database_url: str, open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The backup is made and restored by the very commands of docs/operations.md."""
    binaries, backup = find_binaries(None), open_folder / "galapagos.backup"
    run = await twenty(database, 40)
    with processes(database_url, open_folder / "cache") as started:
        await wait_for(database, run, 5)
        with backup.open("wb") as written:
            command_line = [binaries / "pg_dump", "--format=custom", database_url]
            await asyncio.to_thread(subprocess.run, command_line, stdout=written, check=True)
        await wait_for(database, run, 15)
        with monkeypatch.context() as later:
            later.setattr(migrate, "MIGRATIONS", with_one_more(open_folder / "migrations"))
            await upgrade_patiently(database_url, {})
        await wait_for(database, run, 41)
        row = await finished(database, run)
        assert [process.poll() for process in started] == [None, None, None]
    assert row.stop_reason == "evaluations", row.stop_detail
    assert (await verify_run(database, run)).differences == []
    async with database.begin() as connection:
        assert (await connection.execute(sa.text("SELECT count(*) FROM evaluation WHERE later = 7"))).scalar_one() > 0

    async with another_database(postgres, "restored") as url:
        command_line = [binaries / "pg_restore", "--no-privileges", "--exit-on-error", "--dbname", url, backup]
        await asyncio.to_thread(subprocess.run, command_line, check=True)
        await upgrade(url)
        async with Database(url) as restored:
            checked = await verify_run(restored, run)
            assert checked.differences == []
            assert checked.proposals > 0
            async with restored.begin() as connection:
                assert (await runs.load(connection, run)).state is RunState.RUNNING


def with_one_more(folder: Path) -> Path:
    """The migrations, and one that changes what every process uses."""
    newest, _ = revisions()
    for path in (*migrate.MIGRATIONS.glob("*.*"), *migrate.MIGRATIONS.glob("versions/*.py")):
        place = folder / path.relative_to(migrate.MIGRATIONS)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(path.read_text())
    (folder / "versions" / "9000_next.py").write_text(NEXT.format(newest=newest))
    return folder


async def finished(database: Database, run: int) -> runs.RunRow:
    for _ in range(round(PATIENCE_S / 0.1)):
        async with database.begin() as connection:
            row = await runs.load(connection, run)
        if row.state is RunState.FINISHED:
            return row
        await asyncio.sleep(0.1)
    raise AssertionError(f"run {run} did not finish within {PATIENCE_S} s")


async def test_a_migration_does_not_make_everybody_wait_for_who_reads_for_long(
    database: Database, database_url: str, open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "MIGRATIONS", with_one_more(open_folder / "migrations"))
    async with database.begin() as connection:
        await connection.execute(sa.text("SELECT FROM event LIMIT 1"))
        with pytest.raises(DatabaseUnavailable, match="lock timeout"):
            await upgrade(database_url)
    await upgrade_patiently(database_url, {})
