"""A run that was cut off after it had begun to end: left alone it only ends, reopened it goes on."""

from pathlib import Path

import pytest

from controller.active_run import ActiveRun
from controller.one_pass import one_pass
from database import commands, runs
from database.engine import Database
from database.errors import EpochLost
from evolution.commands import Stop
from evolution.run import Budget, RunState, StopReason
from galapagos.ground import Ground
from galapagos.running import reopen_run
from galapagos.verification import verify_run
from tests.galapagos.filled_run import Filler, begin, evil_problem, serve


async def _cut_off(database: Database) -> tuple[Filler, ActiveRun, Ground]:
    filler, active = await begin(database, evil_problem(), 20)
    await serve(filler, active, RunState.FINISHING)
    return filler, active, Ground(database=database, url="", data=Path(), server=None)


async def _taken_up(database: Database, run: int) -> ActiveRun:
    async with database.begin() as connection:
        return await ActiveRun.adopt(connection, run)


async def test_without_a_limit_it_is_only_verified(database: Database) -> None:
    filler, active, ground = await _cut_off(database)
    await reopen_run(ground, active.id, Budget())
    active = await _taken_up(database, active.id)
    await serve(filler, active, RunState.FINISHED)
    async with database.begin() as connection:
        row = await runs.load(connection, active.id)
    assert (active.state.evaluations, row.stop_reason) == (20, StopReason.EVALUATIONS)
    assert row.champion is not None


async def test_with_a_new_limit_it_goes_on_and_its_controller_learns_of_it(database: Database) -> None:
    filler, active, ground = await _cut_off(database)
    await reopen_run(ground, active.id, Budget(evaluations=40))
    async with database.begin() as connection:
        with pytest.raises(EpochLost):
            await one_pass(connection, active)
    active = await _taken_up(database, active.id)
    await serve(filler, active, RunState.FINISHED)
    async with database.begin() as connection:
        row = await runs.load(connection, active.id)
    assert (active.state.evaluations, row.stop_reason) == (40, StopReason.EVALUATIONS)
    assert (await verify_run(database, active.id)).differences == []


async def test_one_that_somebody_stopped_goes_on_under_its_own_limits(database: Database) -> None:
    filler, active = await begin(database, evil_problem(), 20)
    for _ in range(2):
        await serve(filler, active, RunState.RUNNING)
    async with database.begin() as connection:
        await commands.ask(connection, active.id, Stop())
    await serve(filler, active, RunState.FINISHING)
    await reopen_run(Ground(database=database, url="", data=Path(), server=None), active.id, Budget())
    active = await _taken_up(database, active.id)
    await serve(filler, active, RunState.FINISHED)
    async with database.begin() as connection:
        row = await runs.load(connection, active.id)
    assert (active.state.evaluations, row.stop_reason) == (20, StopReason.EVALUATIONS)
