"""What a limit of a project does to its runs."""

import pytest

from database import allowances, damage, proposals, runs
from database.allowances import Allowance
from database.charges import OverBudget
from database.completions import NewCall, book
from database.engine import Database
from database.errors import NotAllowed
from database.proposals import NewRefusal
from evolution.limits import Payer, Resource
from evolution.proposal import Refusal
from evolution.run import Budget, ModelChoice, Order, RunConfig, StopReason
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


async def allowed(database: Database) -> Allowance:
    async with database.begin() as connection:
        found = await allowances.of(connection, Payer.PROJECT, [runs.DEFAULT_PROJECT])
    return found[runs.DEFAULT_PROJECT][Resource.EVALUATIONS]


@pytest.mark.parametrize("order", Order)
async def test_the_runs_of_a_project_share_its_evaluations_and_end_when_they_are_used_up(
    database: Database, order: Order
) -> None:
    await limit(database, Resource.EVALUATIONS, 10)
    config = RunConfig(in_flight=4, lag=4, order=order)
    both = [await played(database, config), await played(database, config)]
    for _ in range(30):
        assert (await allowed(database)).spent <= 10
        for run in list(both):
            await run.answer()
            await run.judge()
            if not await run.one_pass():
                both.remove(run)
        if not both:
            break
    assert await allowed(database) == Allowance(10, 10, 0)
    async with database.begin() as connection:
        ended = [await runs.load(connection, number) for number in (1, 2)]
    for row in ended:
        assert row.stop_reason is StopReason.EVALUATIONS
        assert row.stop_detail == "project 'default' may have 10 evaluations, and all are done or under way"


async def test_a_refused_proposal_gives_its_evaluation_back(database: Database) -> None:
    await limit(database, Resource.EVALUATIONS, 3)
    run = await played(database, RunConfig(in_flight=4))
    assert await allowed(database) == Allowance(3, 0, 3)
    items = await claimed(database)
    assert len(items) == 3
    async with database.begin() as connection:
        await proposals.refuse(connection, [NewRefusal(item.lease, Refusal.NO_CHANGE) for item in items])
    assert await run.one_pass()
    assert await allowed(database) == Allowance(3, 0, 3)
    assert len(await claimed(database)) == 3


async def test_a_raised_limit_lets_a_waiting_run_go_on(database: Database) -> None:
    await limit(database, Resource.EVALUATIONS, 2)
    run = await played(database, RunConfig(in_flight=4))
    assert await run.one_pass()
    assert await allowed(database) == Allowance(2, 0, 2)
    await limit(database, Resource.EVALUATIONS, 3)
    assert await run.one_pass()
    assert await allowed(database) == Allowance(3, 0, 3)
    with pytest.raises(NotAllowed, match="3 evaluations already"):
        await limit(database, Resource.EVALUATIONS, 2)


async def test_a_run_that_is_set_aside_gives_its_evaluations_back_until_it_is_tried_again(database: Database) -> None:
    run = await played(database, RunConfig(in_flight=4))
    assert await allowed(database) == Allowance(None, 0, 4)
    async with database.begin() as connection:
        await damage.set_aside(connection, run.id, "rows")
    assert await allowed(database) == Allowance(None, 0, 0)
    await limit(database, Resource.EVALUATIONS, 3)
    with pytest.raises(NotAllowed, match="run 1 has proposals under way, and its project or its person has not so many"):
        async with database.begin() as connection:
            await runs.reopen(connection, run.id, Budget())
    await limit(database, Resource.EVALUATIONS, 4)
    async with database.begin() as connection:
        await runs.reopen(connection, run.id, Budget())
    assert await allowed(database) == Allowance(4, 0, 4)


async def test_a_run_has_a_limit_of_tokens_that_can_be_changed(database: Database) -> None:
    config = RunConfig(mutate=False, models=(ModelChoice(name="m"),), budget=Budget(tokens=100))
    run = await played(database, config)
    one, two = (await claimed(database))[:2]
    async with database.begin() as connection:
        _, [opened, refused] = await book(
            connection, [], [NewCall(one, "m", "t", "p", 0, 60), NewCall(two, "m", "t", "p", 0, 41)]
        )
    assert isinstance(opened, int)
    assert str(refused) == "run 1 has 40 tokens left"
    async with database.begin() as connection:
        row = await runs.load(connection, run.id)
        with pytest.raises(NotAllowed, match="run 1 has spent or reserved 60 tokens already"):
            await runs.limit_spending(connection, row, Budget(tokens=59, micro_dollars=5))
        assert (await runs.load(connection, run.id)).account.limit_micro_dollars is None
        await runs.limit_spending(connection, row, Budget(tokens=101))
    async with database.begin() as connection:
        _, [opened] = await book(connection, [], [NewCall(two, "m", "t", "p", 0, 41)])
    assert isinstance(opened, int)
