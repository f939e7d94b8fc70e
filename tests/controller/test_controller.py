"""The controller's process as a whole, beside runs that are damaged and servers that go away."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import sqlalchemy as sa

from controller.controller import Controller
from database import commands, damage, run_lists
from database.engine import CONTROLLER, Database
from database.errors import Damaged
from database.run_rows import RunRow
from evolution.commands import Stop
from evolution.problem import ProblemError
from evolution.run import Budget, RunState, StopReason
from galapagos.ground import Ground
from galapagos.progress import left_text
from galapagos.running import reopen_run
from galapagos.standing import StandingReader
from galapagos.verification import verify_run
from tests.controller.play import Played, played, wide_problem
from tests.database.scene import blocked

DAMAGE = {
    "a problem that this version cannot use": (
        "UPDATE blob SET content = 'name = 1' WHERE hash = (SELECT blob FROM problem_file WHERE revision = "
        "(SELECT problem FROM run WHERE id = :run) AND path = 'problem.toml')"
    ),
    "a field that is gone": "UPDATE search_state SET state = state - 'islands' WHERE run = :run",
    "a state that is no object": "UPDATE search_state SET state = '[1, 2]' WHERE run = :run",
    "a field of another type": "UPDATE search_state SET state = state || '{\"pending\": 5}' WHERE run = :run",
    "an archive that is gone": "DELETE FROM elite WHERE run = :run",
    "an event too many": (
        "INSERT INTO event (run, number, kind, payload) SELECT run, number + 1, kind, payload FROM event "
        "WHERE run = :run ORDER BY number DESC LIMIT 1"
    ),
    "a log without its end": "DELETE FROM event WHERE run = :run AND number = (SELECT max(number) FROM event WHERE run = :run)",
    "a configuration that nobody knows": "UPDATE run SET config = config || '{\"in_flight\": 0}' WHERE id = :run",
    "a place that is taken": (
        "INSERT INTO proposal (run, number, seen_event, operator, island, inspirations) SELECT :run, max(number) + 1, 0, "
        "'mutate', 0, '{}' FROM proposal WHERE run = :run"
    ),
}


@asynccontextmanager
async def serving(url: str) -> AsyncGenerator[asyncio.Task[None]]:
    stop = asyncio.Event()
    async with Database(url, pool_size=2) as database:
        task = asyncio.create_task(Controller(database).serve(stop))
        try:
            yield task
        finally:
            stop.set()
            await task


async def until_state(run: Played, state: RunState, timeout_s: float = 20) -> None:
    query = sa.text("SELECT CAST(state AS text) FROM run WHERE id = :run")
    async with asyncio.timeout(timeout_s):
        while True:
            async with run.database.begin() as connection:
                if (await connection.execute(query, {"run": run.id})).scalar_one() == state.value:
                    return
            await asyncio.sleep(0.05)


async def goes_on(run: Played) -> RunRow:
    """Have the run stopped, which takes a controller that serves it."""
    async with run.database.begin() as connection:
        await commands.ask(connection, run.id, Stop())
    async with asyncio.timeout(20):
        while (await run.row()).state is not RunState.FINISHED:
            await run.answer()
            await run.judge()
            await asyncio.sleep(0.05)
    return await run.row()


async def spoil(run: Played, statement: str) -> None:
    async with run.database.begin() as connection:
        # Rows that are written once are damaged by what no trigger sees.
        await connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
        await connection.execute(sa.text(statement), {"run": run.id})


async def test_damaged_runs_are_set_aside_in_words_and_the_others_go_on(database: Database, database_url: str) -> None:
    bad = {name: await played(database, problem=wide_problem(name)) for name in DAMAGE}
    good = await played(database)
    # What is damaged is needed in the next pass: something has come back.
    await good.answer()
    await good.judge()
    for name, statement in DAMAGE.items():
        await spoil(bad[name], statement)
    async with serving(database_url) as task:
        for run in bad.values():
            await until_state(run, RunState.FINISHED)
        assert (await goes_on(good)).stop_reason is StopReason.STOPPED
        epochs = await epochs_of(database)
        await asyncio.sleep(1.2)
        assert await epochs_of(database) == epochs, "a run that was set aside is taken up again and again"
        assert not task.done()
    for name, run in bad.items():
        async with database.begin() as connection:
            said = await damage.why_damaged(connection, run.id)
        assert said is not None, name
        for words in ("its stored rows do not fit together", f"`galapagos verify {run.id}`", f"`galapagos resume {run.id}`"):
            assert words in said, name
        assert said in await shown(database, run.id), name
        # A row that the log does not describe is found by the table that refuses another one.
        assert await differences(database, run.id) or name == "a place that is taken", name
    assert len(await listed(database)) == len(bad) + 1


async def shown(database: Database, run: int) -> str:
    """What `galapagos show` tells of a run."""
    try:
        standing = await StandingReader(database, run).read()
    except Damaged as told:
        return str(told)
    assert standing.stop_reason == StopReason.DAMAGED.value
    return left_text(standing)


async def differences(database: Database, run: int) -> list[str]:
    """What `galapagos verify` tells of a run."""
    try:
        return (await verify_run(database, run)).differences
    except (Damaged, ProblemError) as told:
        return [str(told)]


async def epochs_of(database: Database) -> list[int]:
    async with database.begin() as connection:
        return list((await connection.execute(sa.text("SELECT controller_epoch FROM run ORDER BY id"))).scalars())


async def listed(database: Database) -> list[run_lists.RunLine]:
    async with database.begin() as connection:
        return await run_lists.list_runs(connection)


async def test_a_damaged_run_whose_rows_are_restored_goes_on(database: Database, database_url: str) -> None:
    run = await played(database)
    async with database.begin() as connection:
        await connection.execute(sa.text("CREATE TABLE kept AS SELECT * FROM search_state"))
    await spoil(run, DAMAGE["a field that is gone"])
    async with serving(database_url):
        await until_state(run, RunState.FINISHED)
        ground = Ground(Path(), database_url, database, None)
        await reopen_run(ground, run.id, Budget())
        await until_state(run, RunState.FINISHED)
        assert (await run.row()).stop_reason is StopReason.DAMAGED
        async with database.begin() as connection:
            await connection.execute(sa.text("UPDATE search_state SET state = kept.state FROM kept"))
        await reopen_run(ground, run.id, Budget())
        assert (await goes_on(run)).stop_reason is StopReason.STOPPED
    assert (await verify_run(database, run.id)).differences == []


async def test_a_controller_that_lost_its_lock_leaves_the_runs_to_the_next_one(database: Database, database_url: str) -> None:
    run = await played(database)
    async with serving(database_url), serving(database_url):
        await asyncio.sleep(1.0)
        assert await epochs_of(database) == [2]
        async with database.begin() as connection:
            await connection.execute(
                sa.text(
                    "SELECT pg_terminate_backend(l.pid) FROM pg_locks l JOIN pg_database d ON d.oid = l.database "
                    "WHERE l.locktype = 'advisory' AND l.granted AND d.datname = current_database()"
                )
            )
        await asyncio.sleep(2.0)
        epochs = await epochs_of(database)
        await asyncio.sleep(1.5)
        assert await epochs_of(database) == epochs, "two controllers take the run from one another"
        assert (await goes_on(run)).state is RunState.FINISHED


async def test_a_controller_that_waits_for_the_lock_ends_when_it_is_told_to(database: Database, database_url: str) -> None:
    async with database.sole(CONTROLLER):
        async with asyncio.timeout(5), serving(database_url) as task:
            await blocked(database, 1)
        assert task.done()
