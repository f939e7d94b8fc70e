"""A run under its controller that somebody pauses, changes and lets go on."""

import asyncio

import sqlalchemy as sa

from controller.active_run import ActiveRun
from database import (
    assignments,
    commands,
    evaluations,
    export_views,
    machines,
    program_views,
    prompt_views,
    proposals,
    runs,
    views,
)
from database.commands import CommandRow
from database.engine import Database
from database.evaluations import FinishedEvaluation
from evolution.assignment import AssignmentState
from evolution.commands import (
    Ban,
    Command,
    CommandState,
    InjectIdea,
    InjectProgram,
    Pause,
    Resume,
    SetBudget,
    SetModels,
    Stop,
    Unban,
    VerifyProgram,
)
from evolution.evaluation import Tier
from evolution.events import Refused, VerificationAsked
from evolution.proposal import Operator, Refusal
from evolution.run import Budget, ModelChoice, RunConfig, RunState, StopReason
from galapagos.verification import verify_run
from tests.controller.play import Played, played
from tests.database.scene import EVERY_KIND, claimed, outcome


async def tell(run: Played, *told: Command) -> None:
    async with run.database.begin() as connection:
        for command in told:
            await commands.ask(connection, run.id, command)


async def heard(run: Played) -> list[CommandRow]:
    async with run.database.begin() as connection:
        return await commands.list_commands(connection, run.id)


async def by_another_controller(run: Played) -> Played:
    async with run.database.begin() as connection:
        return Played(run.database, await ActiveRun.adopt(connection, run.id))


async def test_a_paused_run_takes_in_what_is_in_flight_and_nothing_more(database: Database) -> None:
    run = await played(database)
    await tell(run, Pause())
    assert await run.one_pass()
    assert (await run.row()).state is RunState.PAUSED
    asked, seconds = run.active.state.next_number, run.active.seconds
    await run.answer()
    await run.judge()
    await asyncio.sleep(0.2)
    # Its controller dies, and another one finds it as it was left.
    run = await by_another_controller(run)
    assert await run.one_pass()
    assert await run.one_pass()
    assert not run.active.state.pending
    assert run.active.state.next_number == asked
    assert (await run.row()).state is RunState.PAUSED
    assert run.active.seconds == seconds
    await tell(run, SetBudget(budget=Budget(evaluations=9)), Resume())
    assert await run.one_pass()
    assert run.active.state.next_number > asked
    row = await run.row()
    assert (row.state, row.config.budget) == (RunState.RUNNING, Budget(evaluations=9))
    while await run.one_pass():
        await run.answer()
        await run.judge()
    row = await run.row()
    assert (row.stop_reason, run.active.state.evaluations) == (StopReason.EVALUATIONS, 9)
    assert (await verify_run(database, run.id)).differences == []
    log = await run.log()
    assert [log[(item.event or 0) - 1].kind for item in await heard(run)] == ["paused", "budget_set", "unpaused"]


async def test_limits_wait_while_a_run_is_paused_and_a_stop_does_not(database: Database) -> None:
    run = await played(database, RunConfig(in_flight=4, budget=Budget(evaluations=50)))
    await tell(run, Pause(), SetBudget(budget=Budget(evaluations=1)))
    assert await run.one_pass()
    assert (await run.row()).state is RunState.PAUSED
    await tell(run, Stop())
    await run.answer()
    await run.judge()
    await run.to_its_end()
    assert (await run.row()).stop_reason is StopReason.STOPPED
    assert (await verify_run(database, run.id)).differences == []


async def test_models_of_a_run_change_and_its_replay_knows_them(database: Database) -> None:
    small, large = ModelChoice(name="small"), ModelChoice(name="large", weight=3.0)
    run = await played(database, RunConfig(in_flight=4, mutate=False, models=(small,)))
    await tell(run, SetModels(models=(large,)))
    await run.answer()
    await run.judge()
    assert await run.one_pass()
    run = await by_another_controller(run)
    assert run.active.state.config.models == (large,)
    async with database.begin() as connection:
        names = await connection.execute(sa.text("SELECT model FROM proposal WHERE state = 'queued'"))
        assert set(names.scalars()) == {"large"}
        assert (await runs.load(connection, run.id)).config.models == (large,)
        assert (await runs.first_config(connection, run.id)).models == (small,)
    assert (await verify_run(database, run.id)).differences == []
    async with database.begin() as connection:
        await runs.save_config(connection, run.id, RunConfig(mutate=False, models=(small,)))
    assert any("models" in line for line in (await verify_run(database, run.id)).differences)


async def test_a_budget_that_is_spent_meanwhile_is_refused_in_words(database: Database) -> None:
    run = await played(database, RunConfig(in_flight=4, budget=Budget(micro_dollars=100)))
    await tell(run, SetBudget(budget=Budget(micro_dollars=50)))
    async with database.begin() as connection:
        await connection.execute(sa.text("UPDATE account SET spent_micro_dollars = 60"))
    assert await run.one_pass()
    (refused,) = await heard(run)
    assert (refused.state, refused.event) == (CommandState.REFUSED, None)
    assert "60 micro-dollars" in str(refused.detail)
    assert (await run.row()).config.budget == Budget(micro_dollars=100)


async def test_what_is_still_asked_when_a_run_ends_is_refused(database: Database) -> None:
    run = await played(database)
    await tell(run, Stop(), Pause())
    async with database.begin() as connection:
        await connection.execute(
            sa.text("INSERT INTO command (run, kind, payload) VALUES (:run, 'dance', '{}')"), {"run": run.id}
        )
    await run.answer()
    await run.judge()
    await run.to_its_end()
    stop, pause, dance = await heard(run)
    assert stop.state is CommandState.TAKEN
    assert "ending already (stopped)" in str(pause.detail)
    assert "knows no command 'dance'" in str(dance.detail)
    assert not (await run.row()).steered


async def test_a_run_that_stops_waits_for_no_people(database: Database) -> None:
    run = await played(database, RunConfig(in_flight=3, mutate=False, tune=False, models=(ModelChoice(name="team"),)))
    taken = await claimed(database)
    assert taken
    async with database.begin() as connection:
        for item in taken:
            offered = await assignments.offer(
                connection, item, model="team", template="diff.v2", prompt="[]", patience_s=86_400
            )
            assert isinstance(offered, int)
    await tell(run, Stop())
    await run.to_its_end()
    row = await run.row()
    assert (row.state, row.stop_reason) == (RunState.FINISHED, StopReason.STOPPED)
    refused = [event.reason for event in await run.log() if isinstance(event, Refused)]
    assert refused == [Refusal.NO_ANSWER] * len(taken)
    async with database.begin() as connection:
        found = await assignments.listing(connection, run.id, None, 10)
    assert [item.state for item in found] == [AssignmentState.WITHDRAWN] * len(taken)
    assert (await verify_run(database, run.id)).differences == []


async def test_a_ban_reaches_the_family_in_the_tables_and_the_best_that_people_see(database: Database) -> None:
    run = await played(database)
    await run.answer()
    await run.judge(5.0)
    assert await run.one_pass()
    best = run.active.state.best
    assert best is not None
    await tell(run, Ban(program=best.number, descendants=True))
    await run.answer()
    await run.judge(4.0)
    assert await run.one_pass()
    assert run.active.state.best is not None
    assert run.active.state.best.score < 5.0 or run.active.state.best.number != best.number
    assert (await verify_run(database, run.id)).differences == []
    async with database.begin() as connection:
        assert best.number not in {record.number for record in await views.records(connection, run.id)}
    await tell(run, Unban(program=best.number), Stop())
    await run.answer()
    await run.judge(3.0)
    await run.to_its_end()
    assert (await verify_run(database, run.id)).differences == []


async def test_a_program_is_verified_again_on_seeds_of_its_own(database: Database) -> None:
    run = await played(database)
    await run.judge()
    assert await run.one_pass()
    series: list[int] = []
    for score in (5.0, 6.0):
        await tell(run, VerifyProgram(program=0))
        assert await run.one_pass()
        async with database.begin() as connection:
            machine = await machines.register(connection, {"cpu": "toy"})
            (item,) = await evaluations.claim(connection, "e", 9, 60, Tier.PLAIN)
            judged = outcome(score, features={"width": 0.5})
            await evaluations.finish(connection, [FinishedEvaluation(item.lease, judged, 0.1, machine)])
        series.append(item.series)
        assert await run.one_pass()
    assert series == [1, 2]
    async with database.begin() as connection:
        found = await program_views.verifications(connection, run.id, 0, 9)
        assert (await views.live(connection, run.id)).verified_score == 1.0, "the first counts"
    assert [item.outcome and item.outcome.score for item in found] == [6.0, 5.0, 1.0]
    asked = [(event.number, event.command) for event in await run.log() if isinstance(event, VerificationAsked)]
    assert asked == [(0, None), (0, 1), (0, 2)]
    assert (await verify_run(database, run.id)).differences == []
    await tell(run, Stop(), VerifyProgram(program=0))
    assert await run.one_pass()
    *_, refused = await heard(run)
    assert "the run is ending already" in str(refused.detail)


async def test_a_program_and_an_idea_of_somebody_reach_their_proposals(database: Database) -> None:
    run = await played(database, RunConfig(in_flight=4, mutate=False, models=(ModelChoice(name="m"),)))
    given = "# EVOLVE-BLOCK-START\nx = 17\n# EVOLVE-BLOCK-END\n"
    await tell(run, InjectProgram(files={"program.py": given}), InjectIdea(text="seventeen is lucky", prompts=1))
    await run.answer()
    await run.judge(2.0)
    assert await run.one_pass()
    async with database.begin() as connection:
        taken = await proposals.claim(connection, "w", 10, 60, EVERY_KIND)
        inject, told, *rest = taken
        assert (inject.operator, told.ideas, [one.ideas for one in rest]) == (Operator.INJECT, (2,), [()] * len(rest))
        assert await commands.given_files(connection, [inject.injection or 0]) == {1: {"program.py": given}}
        assert (await prompt_views.load(connection, told)).ideas == ("seventeen is lucky",)
        rows = await export_views.export_rows(connection, run.id, after=inject.number - 1)
        assert [(row.injection, row.ideas) for row in rows[:2]] == [(1, ()), (None, (2,))]
    assert (await verify_run(database, run.id)).differences == []
