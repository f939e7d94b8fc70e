"""What a limit of a project does to its runs."""

from database import allowances, proposals, runs
from database.charges import OverBudget
from database.completions import NewCall, book
from database.engine import Database
from database.proposals import NewRefusal
from evolution.limits import Payer, Resource
from evolution.proposal import Refusal
from evolution.run import ModelChoice, RunConfig, StopReason
from tests.controller.play import played
from tests.database.scene import claimed


async def limit(database: Database, resource: Resource, most: int | None) -> None:
    async with database.begin() as connection:
        await allowances.set_limits(connection, Payer.PROJECT, runs.DEFAULT_PROJECT, {resource: most}, by=None)


async def test_a_run_ends_when_its_project_can_pay_for_no_call_and_says_so(database: Database) -> None:
    await limit(database, Resource.MICRO_DOLLARS, 40)
    run = await played(database, RunConfig(in_flight=4, mutate=False, models=(ModelChoice(name="m"),)))
    for _ in range(20):
        for item in await claimed(database):
            async with database.begin() as connection:
                _, [refused] = await book(connection, [], [NewCall(item, "m", "t", "p", 60, 100)])
                assert isinstance(refused, OverBudget)
                await proposals.refuse(connection, [NewRefusal(item.lease, Refusal.BUDGET, f"a call is too dear; {refused}")])
        if not await run.one_pass():
            break
        await run.judge()
    row = await run.row()
    assert row.stop_reason is StopReason.MONEY
    assert str(row.stop_detail).endswith(
        "8 model calls in a row: a call is too dear; project 'default' has 40 micro-dollars left"
    )
