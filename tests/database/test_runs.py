import asyncio

import pytest
import sqlalchemy as sa

from database import commands, problems, programs, proposals, runs, tables
from database.engine import Database
from database.errors import EpochLost, NotAllowed, NotFound
from evolution.commands import Stop
from evolution.evaluation import Purpose, Tier
from evolution.proposal import ProposalState
from evolution.run import Budget, RunConfig, RunState, StopReason
from tests.conftest import CountStatements
from tests.database.scene import SEED, asked, claimed_evaluations, count, new_run, toy_problem


async def test_a_problem_comes_back_whole_and_is_stored_once(database: Database) -> None:
    problem = toy_problem()
    async with database.begin() as connection:
        await problems.store(connection, problem)
        await problems.store(connection, problem)
        assert await problems.load(connection, problem.revision) == problem
        with pytest.raises(NotFound, match="revision 'nope'"):
            await problems.load(connection, "nope")


async def test_a_new_run_has_all_that_it_needs_to_start(database: Database) -> None:
    config = RunConfig(budget=Budget(evaluations=10, micro_dollars=500), in_flight=3)
    run = await new_run(database, config=config, tier=Tier.NAMESPACES)
    async with database.begin() as connection:
        row = await runs.load(connection, run)
        seed = (await programs.load(connection, run, [0]))[0]
        opened = await proposals.open_proposals(connection, run)
    assert (row.config, row.seed, row.tier, row.state) == (config, 7, Tier.NAMESPACES, RunState.RUNNING)
    assert (row.account.limit_micro_dollars, row.account.spent_micro_dollars, len(row.secret)) == (500, 0, 32)
    assert (seed.files, seed.generation, seed.parent) == ({"program.py": SEED}, 0, None)
    assert [(item.number, item.state, item.length) for item in opened] == [(0, ProposalState.ANSWERED, len(SEED))]
    assert await claimed_evaluations(database, tier=Tier.PLAIN) == []
    (evaluation,) = await claimed_evaluations(database, tier=Tier.NAMESPACES)
    assert (evaluation.number, evaluation.purpose, evaluation.files) == (0, Purpose.SEARCH, {"program.py": SEED})
    assert (evaluation.secret, evaluation.problem, evaluation.attempt) == (row.secret, row.problem, 1)


async def test_a_run_that_cannot_be_stored_leaves_nothing(database: Database) -> None:
    with pytest.raises(sa.exc.DBAPIError):
        await new_run(database, budget=Budget.model_construct(micro_dollars=1 << 70))
    for table in (tables.run, tables.problem, tables.proposal, tables.program, tables.account):
        assert await count(database, table) == 0


async def test_an_unknown_run_is_named_with_those_that_exist(database: Database) -> None:
    async with database.begin() as connection:
        with pytest.raises(NotFound, match="no run 5 in this database; there are none"):
            await runs.load(connection, 5)
    run = await new_run(database)
    async with database.begin() as connection:
        for ask in (runs.load, runs.first_config, runs.lock_shared, runs.adopt):
            with pytest.raises(NotFound, match=f"the newest are {run}"):
                await ask(connection, 999)
        with pytest.raises(NotFound):
            await runs.lock_for_pass(connection, 999, 1)
        with pytest.raises(NotFound):
            await runs.reopen(connection, 999, Budget())


async def test_an_old_epoch_writes_nothing(database: Database) -> None:
    run = await new_run(database)
    async with database.begin() as connection:
        old = await runs.adopt(connection, run)
        new = await runs.adopt(connection, run)
        assert new == old + 1
        with pytest.raises(EpochLost):
            await runs.lock_for_pass(connection, run, old)
        with pytest.raises(EpochLost):
            await runs.save_pass(connection, run, old, as_of_event=9, active_s=9.0, state=RunState.FINISHED)
        row = await runs.lock_for_pass(connection, run, new)
    assert (row.as_of_event, row.state) == (0, RunState.RUNNING)


async def test_a_pass_is_saved_whole_and_a_finished_run_can_be_reopened(database: Database) -> None:
    run = await new_run(database, budget=Budget(micro_dollars=100))
    async with database.begin() as connection:
        epoch = await runs.adopt(connection, run)
        await commands.ask(connection, run, Stop())
        await runs.save_pass(
            connection,
            run,
            epoch,
            as_of_event=12,
            active_s=3.5,
            state=RunState.FINISHED,
            stop_reason=StopReason.STOPPED,
            stop_detail="asked\0",
            champion=4,
        )
        row = await runs.load(connection, run)
        assert (row.as_of_event, row.active_s, row.champion, row.stop_reason) == (12, 3.5, 4, StopReason.STOPPED)
        assert (row.stop_detail, row.steered) == ("asked", True)
        assert row.finished_at is not None
        assert await runs.unfinished(connection) == []
        await runs.reopen(connection, run, Budget(evaluations=99))
        assert await runs.unfinished(connection) == [run]
        row = await runs.load(connection, run)
    assert (row.state, row.stop_reason, row.steered, row.finished_at) == (RunState.RUNNING, None, False, None)
    assert row.config.budget == Budget(evaluations=99)
    assert row.account.limit_micro_dollars is None
    assert (row.champion, row.as_of_event) == (4, 12)


async def test_a_limit_below_what_is_spent_is_refused(database: Database) -> None:
    run = await new_run(database, budget=Budget(micro_dollars=100))
    async with database.begin() as connection:
        await connection.execute(sa.text("UPDATE account SET spent_micro_dollars = 60, reserved_micro_dollars = 20"))
        with pytest.raises(NotAllowed, match="80 micro-dollars"):
            await runs.reopen(connection, run, Budget(micro_dollars=79))
        await runs.reopen(connection, run, Budget(micro_dollars=80))


async def test_a_pass_holds_up_neither_workers_nor_people(database: Database) -> None:
    run = await new_run(database)
    async with database.begin() as connection:
        epoch = await runs.adopt(connection, run)
    async with database.begin() as connection:
        await runs.lock_for_pass(connection, run, epoch)
        async with asyncio.timeout(5):
            # Inserts that name the run by a foreign key must not wait for the pass.
            await asked(database, run, 1)
            async with database.begin() as other:
                assert (await runs.load(other, run)).id == run


async def test_two_passes_of_one_run_follow_one_another(database: Database) -> None:
    run = await new_run(database)
    async with database.begin() as connection:
        epoch = await runs.adopt(connection, run)
    order: list[str] = []

    async def second() -> None:
        async with database.begin() as connection:
            await runs.lock_for_pass(connection, run, epoch)
            order.append("second")

    async with database.begin() as connection:
        await runs.lock_for_pass(connection, run, epoch)
        waiting = asyncio.create_task(second())
        await asyncio.sleep(0.1)
        order.append("first")
    await waiting
    assert order == ["first", "second"]


async def test_the_number_of_runs_does_not_add_statements(database: Database, count_statements: CountStatements) -> None:
    counts: list[int] = []
    for _ in range(2):
        await new_run(database)
        with count_statements() as statements:
            async with database.begin() as connection:
                await runs.unfinished(connection)
        counts.append(len(statements))
    assert counts == [1, 1]
