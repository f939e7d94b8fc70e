import sqlalchemy as sa

from database import commands, completions, proposals
from database.engine import Database
from database.proposals import NewRefusal
from evolution.commands import Stop
from evolution.events import Finished, Stopping
from evolution.proposal import Refusal
from evolution.run import Budget, ModelChoice, RunConfig, RunState, StopReason
from tests.controller.play import played
from tests.database.scene import claimed


async def test_a_feature_that_goes_missing_while_the_run_stops_does_not_keep_it_from_its_end(database: Database) -> None:
    run = await played(database)
    assert await run.answer() > 0
    async with database.begin() as connection:
        await commands.ask(connection, run.id, Stop())
    assert await run.one_pass()
    assert (await run.row()).state is RunState.FINISHING
    assert await run.judge(5.0, features={"height": 1.0}) > 0
    await run.to_its_end()
    row, log = await run.row(), await run.log()
    (stopping,) = [event for event in log if isinstance(event, Stopping)]
    assert (row.state, row.stop_reason, row.stop_detail) == (RunState.FINISHED, StopReason.STOPPED, stopping.detail)
    assert isinstance(log[-1], Finished)
    assert log[-1].reason is row.stop_reason


async def test_a_feature_that_goes_missing_while_the_run_goes_on_stops_it_in_words(database: Database) -> None:
    run = await played(database)
    await run.answer()
    await run.judge(5.0, features={"height": 1.0})
    await run.to_its_end()
    row = await run.row()
    assert row.stop_reason is StopReason.JUDGE_FAILED
    assert "axis 'width' needs a finite number" in str(row.stop_detail)


async def test_a_finished_run_has_spent_what_its_calls_cost_whoever_died_over_one(database: Database) -> None:
    """A worker whose commit was answered to nobody reserves a second time; the first call is settled by no worker."""
    config = RunConfig(in_flight=4, mutate=False, models=(ModelChoice(name="m"),), budget=Budget(micro_dollars=1000))
    run = await played(database, config)
    items = await claimed(database)
    assert len(items) > 1
    for item in items:
        async with database.begin() as connection:
            for _ in range(2):
                open_call = await completions.reserve(connection, item, model="m", template="t", prompt="p", micro_dollars=100)
            assert isinstance(open_call, int)
            await completions.settle(
                connection, open_call, answer="no", failure=None, finish_reason="stop",
                tokens_in=1, tokens_out=1, micro_dollars=30, latency_s=0.1,
            )  # fmt: skip
            await proposals.refuse(connection, [NewRefusal(item.lease, Refusal.NO_ANSWER)])
    async with database.begin() as connection:
        await commands.ask(connection, run.id, Stop())
    await run.to_its_end()
    account = (await run.row()).account
    async with database.begin() as connection:
        costs = await connection.execute(sa.text("SELECT sum(cost_micro_dollars), count(*) FROM completion"))
        assert costs.one() == (account.spent_micro_dollars, 2 * len(items))
    assert (account.spent_micro_dollars, account.reserved_micro_dollars) == (130 * len(items), 0)
