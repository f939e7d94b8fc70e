"""Runs as a user sees them: started by the command line, ended, resumed, repeated, with real parts only."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa

from database import commands, views
from database.views import Live
from evolution.commands import Command, Resume, SetBudget
from evolution.run import Budget, RunState
from galapagos.ground import Ground, visited_ground
from galapagos.settings import command_settings
from tests.processes.kit import end, galapagos, kill, pid_of, served, start, unhurried_twenty


async def rows(data: Path, question: str) -> list[tuple[object, ...]]:
    with served(data) as database:
        async with database as opened, opened.begin() as connection:
            return [tuple(row) for row in await connection.execute(sa.text(question))]


async def look(ground: Ground) -> Live:
    async with ground.database.begin() as connection:
        return await views.live(connection, 1)


async def until(ground: Ground, reached: Callable[[Live], bool]) -> Live:
    async with asyncio.timeout(60):
        while True:
            found = await look(ground)
            if reached(found):
                return found
            await asyncio.sleep(0.1)


async def tell(ground: Ground, command: Command) -> None:
    async with ground.database.begin() as connection:
        await commands.ask(connection, 1, command)


async def test_a_run_is_paused_loses_its_controller_is_changed_and_goes_on(open_folder: Path) -> None:
    data = open_folder / "data"
    process = start("run", unhurried_twenty(open_folder), "--evaluations", "100000", "--seed", "3", data=data)
    async with asyncio.timeout(60):
        while True:
            if (data / "logs" / "controller.log").exists():
                break
            await asyncio.sleep(0.1)
    async with visited_ground(command_settings(data)) as ground:
        await until(ground, lambda live: live.evaluations >= 5)
        paused = galapagos("pause", "1", data=data)
        assert (paused.code, paused.result["state"]) == (0, "taken")
        killed = pid_of("controller", process.pid)
        assert killed is not None
        kill(killed)
        epoch = (await look(ground)).row.controller_epoch
        await until(ground, lambda live: live.row.controller_epoch > epoch)
        await asyncio.sleep(1.2)
        before = await look(ground)
        await asyncio.sleep(1.5)
        after = await look(ground)
        assert after.row.state is RunState.PAUSED
        assert (after.evaluations, after.row.active_s) == (before.evaluations, before.row.active_s)
        await tell(ground, SetBudget(budget=Budget(evaluations=after.evaluations + 20)))
        await tell(ground, Resume())
        ended = await asyncio.to_thread(end, process)
    assert ended.code == 0, ended.told
    assert (ended.result["stop_reason"], ended.result["evaluations"]) == ("evaluations", after.evaluations + 20)
    assert "paused; galapagos unpause 1" in ended.told
    checked = galapagos("verify", "1", data=data)
    assert checked.code == 0, checked.told


async def test_fixed_lag_gives_the_same_archive_at_any_timing(open_folder: Path) -> None:
    """Evaluations take 0 to 200 ms more, at random; what they say is the same, so the archives must be."""
    problem = unhurried_twenty(open_folder, "0.2 * os.urandom(1)[0] / 255")
    archives = []
    for name in ("first", "second"):
        data = open_folder / name
        arguments = ["--evaluations", "80", "--seed", "7", "--order", "fixed-lag", "--lag", "6"]
        ended = galapagos("run", problem, *arguments, data=data)
        assert ended.code == 0, ended.told
        assert galapagos("verify", "1", data=data).code == 0
        archives.append(
            await rows(
                data,
                "SELECT e.island, e.cell, e.number, e.score, encode(p.normalised_hash, 'hex') FROM elite e "
                "JOIN program p ON p.run = e.run AND p.number = e.number ORDER BY e.island, e.cell",
            )
        )
    assert len(archives[0]) > 2
    assert archives[0] == archives[1]
