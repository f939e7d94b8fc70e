"""Commands: what can be refused at once, the order of taking, and that none is left behind by a run that ends."""

import asyncio

import pytest
import sqlalchemy as sa

from database import commands, damage, runs
from database.commands import Settled
from database.engine import CONTROLLER, Database
from database.errors import NotAllowed, NotFound
from evolution.commands import (
    Annotate,
    Ban,
    Command,
    CommandState,
    InjectProgram,
    Pause,
    Pin,
    Resume,
    SetBudget,
    SetModels,
    Stop,
    Unban,
    Unpin,
    VerifyProgram,
)
from evolution.run import Budget, RunConfig, RunState, StopReason
from tests.conftest import CountStatements
from tests.database.scene import SEED, new_run


async def told(database: Database, run: int, command: Command, person: int | None = None) -> int:
    async with database.begin() as connection:
        return await commands.ask(connection, run, command, person)


async def in_state(database: Database, run: int, state: RunState, reason: StopReason | None = None) -> None:
    async with database.begin() as connection:
        epoch = await runs.adopt(connection, run)
        await runs.save_pass(
            connection, run, epoch, as_of_event=0, active_s=0, state=state, stop_reason=reason, stop_detail=reason and "enough"
        )


async def test_commands_wait_in_order_and_are_settled_once(database: Database) -> None:
    run, other = await new_run(database), await new_run(database)
    asked = [await told(database, run, command) for command in (Pause(), SetBudget(budget=Budget(target=2.5)), Resume())]
    await told(database, other, Stop())
    async with database.begin() as connection:
        assert (await runs.load(connection, run)).steered
        found = await commands.waiting(connection, run)
        assert [item.id for item in found] == asked == sorted(asked)
        assert [item.command for item in found] == [Pause(), SetBudget(budget=Budget(target=2.5)), Resume()]
        await commands.settle(connection, run, [Settled(asked[0], 7), Settled(asked[1], None, "no\0t now")])
        await commands.settle(connection, run, [Settled(asked[0], None, "again")])
        assert [item.id for item in await commands.waiting(connection, run)] == asked[2:]
        first, second, third = await commands.list_commands(connection, run)
        assert (first.state, first.event, first.detail) == (CommandState.TAKEN, 7, None)
        assert (second.state, second.event, second.detail) == (CommandState.REFUSED, None, "not now")
        assert (third.state, third.kind) == (CommandState.WAITING, "resume")
        assert [item.id for item in await commands.list_commands(connection, run, after=asked[0], limit=1)] == asked[1:2]


@pytest.mark.parametrize(
    ("state", "command", "words"),
    [
        (RunState.FINISHED, Pause(), "has ended .enough."),
        (RunState.FINISHED, Stop(), "reopen it first"),
        (RunState.FINISHING, Stop(), "is ending .enough."),
        (RunState.FINISHING, SetBudget(budget=Budget()), "wait for its end"),
        (RunState.PAUSED, Pause(), "is paused already"),
        (RunState.RUNNING, Resume(), "is not paused"),
        (RunState.RUNNING, SetModels(models=()), "name at least one model"),
    ],
)
async def test_what_cannot_be_obeyed_is_not_stored(database: Database, state: RunState, command: Command, words: str) -> None:
    run = await new_run(database, config=RunConfig(mutate=False))
    await in_state(database, run, state, None if state in {RunState.RUNNING, RunState.PAUSED} else StopReason.TARGET)
    with pytest.raises(NotAllowed, match=words):
        await told(database, run, command)
    async with database.begin() as connection:
        assert await commands.list_commands(connection, run) == []
        with pytest.raises(NotFound):
            await commands.ask(connection, 999, command)


async def test_what_waits_already_counts(database: Database) -> None:
    run = await new_run(database)
    for command in (Pause(), Resume(), Pause()):
        await told(database, run, command)
    with pytest.raises(NotAllowed, match="paused already"):
        await told(database, run, Pause())


async def test_a_limit_below_what_is_spent_is_refused_at_once(database: Database) -> None:
    run = await new_run(database, budget=Budget(micro_dollars=100))
    async with database.begin() as connection:
        await connection.execute(sa.text("UPDATE account SET spent_micro_dollars = 60, reserved_micro_dollars = 20"))
    with pytest.raises(NotAllowed, match="80 micro-dollars"):
        await told(database, run, SetBudget(budget=Budget(micro_dollars=79)))
    await told(database, run, SetBudget(budget=Budget(micro_dollars=80)))


async def test_the_controller_is_woken(database: Database) -> None:
    run = await new_run(database)
    async with database.listen(CONTROLLER) as hints:
        await told(database, run, Pause())
        assert await hints.wait(5) == {CONTROLLER}


async def test_a_command_that_nobody_knows_is_read_as_such(database: Database) -> None:
    run = await new_run(database)
    async with database.begin() as connection:
        await connection.execute(
            sa.text("INSERT INTO command (run, kind, payload) VALUES (:run, 'dance', '{\"kind\": \"dance\"}')"), {"run": run}
        )
        (found,) = await commands.waiting(connection, run)
    assert (found.kind, found.command) == ("dance", None)


async def test_a_run_that_is_taken_up_again_or_set_aside_leaves_no_outdated_command(database: Database) -> None:
    run = await new_run(database)
    await told(database, run, Stop())
    await told(database, run, Pause())
    async with database.begin() as connection:
        await runs.reopen(connection, run, Budget())
        assert [item.command for item in await commands.waiting(connection, run)] == [Pause()]
        await damage.set_aside(connection, run, "rows")
        stop, pause = await commands.list_commands(connection, run)
    assert "taken up again" in str(stop.detail)
    assert "set aside" in str(pause.detail)


async def test_who_asks_waits_for_the_pass_that_ends_the_run(database: Database) -> None:
    run = await new_run(database)
    async with database.begin() as connection:
        epoch = await runs.adopt(connection, run)
    async with database.begin() as connection:
        await runs.lock_for_pass(connection, run, epoch)
        asking = asyncio.create_task(told(database, run, Pause()))
        await asyncio.sleep(0.1)
        assert not asking.done()
        await runs.save_pass(connection, run, epoch, as_of_event=0, active_s=0, state=RunState.FINISHED)
    with pytest.raises(NotAllowed, match="has ended"):
        await asking


async def test_asking_costs_a_constant_number_of_statements(database: Database, count_statements: CountStatements) -> None:
    run = await new_run(database)
    counts: list[int] = []
    for _ in range(3):
        with count_statements() as statements:
            await told(database, run, SetBudget(budget=Budget()))
        counts.append(len(statements))
    assert counts == [3, 4, 4]


async def test_what_names_a_program_that_is_not_there_is_refused(database: Database) -> None:
    run = await new_run(database)
    for command in (Pin(program=3), Unpin(program=3), Ban(program=3), Unban(program=3), Annotate(text="x", program=3)):
        with pytest.raises(NotFound, match="has no program 3"):
            await told(database, run, command)
    await told(database, run, Pin(program=0))
    with pytest.raises(NotFound, match="has no program 3"):
        await told(database, run, VerifyProgram(program=3))
    with pytest.raises(NotAllowed, match="program 0 of run 1 has no score"):
        await told(database, run, VerifyProgram(program=0))


async def test_a_program_that_could_be_no_child_is_refused_in_words(database: Database) -> None:
    run = await new_run(database)
    for files, words in (
        ({"other.py": "x"}, "expected exactly the files program.py; got other.py, program.py"),
        ({"program.py": "x = 2"}, "expected 1 EVOLVE-BLOCKs|outside the EVOLVE-BLOCKs"),
    ):
        with pytest.raises(NotAllowed, match=words):
            await told(database, run, InjectProgram(files=files))
    number = await told(database, run, InjectProgram(files={"program.py": SEED.replace("1", "2")}))
    async with database.begin() as connection:
        assert await commands.given_files(connection, [number]) == {number: {"program.py": SEED.replace("1", "2")}}


async def test_notes_are_kept_at_once_even_of_a_run_that_has_ended(database: Database) -> None:
    run = await new_run(database)
    await in_state(database, run, RunState.FINISHED, StopReason.TARGET)
    first = await told(database, run, Annotate(text="  look at this\0 "))
    second = await told(database, run, Annotate(text="and this", program=0))
    async with database.begin() as connection:
        found = await commands.list_commands(connection, run, kinds=["annotate"])
        assert [(item.id, item.state, item.event) for item in found] == [
            (first, CommandState.TAKEN, None),
            (second, CommandState.TAKEN, None),
        ]
        assert [item.command for item in found] == [Annotate(text="look at this"), Annotate(text="and this", program=0)]
        assert await commands.list_commands(connection, run, kinds=["inject_idea", "withdraw_idea"]) == []
        assert not (await runs.load(connection, run)).steered
