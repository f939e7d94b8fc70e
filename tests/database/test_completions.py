import asyncio
import logging

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from database import completions, leases, proposals, runs
from database.completions import OverBudget
from database.engine import Database
from database.proposals import ClaimedProposal, LeaseLost, NewRefusal
from database.run_rows import Account
from evolution.proposal import Operator, Refusal
from evolution.run import Budget
from tests.database.scene import asked, choice, claimed, new_run, stale


async def model_work(database: Database, limit: int | None, count: int, lease_s: float = 60.0) -> list[ClaimedProposal]:
    run = await new_run(database, budget=Budget(micro_dollars=limit))
    await asked(database, run, *range(1, count + 1), what=choice(Operator.DIFF, model="m"))
    return await claimed(database, lease_s=lease_s)


async def reserve(database: Database, item: ClaimedProposal, amount: int) -> int | OverBudget | LeaseLost:
    async with database.begin() as connection:
        return await completions.reserve(connection, item, model="m", template="diff-1", prompt="do\0 it", micro_dollars=amount)


async def settle(database: Database, completion: int, cost: int, answer: str | None = "text", tokens: int = 10) -> int | None:
    async with database.begin() as connection:
        return await completions.settle(
            connection,
            completion,
            answer=answer,
            failure=None if answer is not None else "429\0",
            finish_reason="stop",
            tokens_in=tokens,
            tokens_out=2 * tokens,
            micro_dollars=cost,
            latency_s=1.5,
        )


async def account(database: Database, run: int) -> Account:
    async with database.begin() as connection:
        return (await runs.load(connection, run)).account


async def test_money_is_set_aside_before_the_call_and_freed_when_it_cost_less(database: Database) -> None:
    (item,) = await model_work(database, 100, 1)
    completion = await reserve(database, item, 60)
    assert isinstance(completion, int)
    assert await account(database, item.run) == Account(100, 0, 60, 0, 0)
    assert await settle(database, completion, 25) == 25
    assert await account(database, item.run) == Account(100, 25, 0, 10, 20)
    assert await settle(database, completion, 25) is None
    assert await account(database, item.run) == Account(100, 25, 0, 10, 20)


async def test_a_call_that_could_cost_more_than_is_left_is_not_made(database: Database) -> None:
    one, two = await model_work(database, 100, 2)
    assert isinstance(await reserve(database, one, 60), int)
    assert await reserve(database, two, 41) == OverBudget(40, owner=str(two.run))
    assert isinstance(await reserve(database, two, 40), int)
    assert await account(database, one.run) == Account(100, 0, 100, 0, 0)


async def test_without_a_limit_everything_may_be_reserved(database: Database) -> None:
    (item,) = await model_work(database, None, 1)
    completion = await reserve(database, item, 10**12)
    assert isinstance(completion, int)
    assert await settle(database, completion, 3 * 10**12) == 3 * 10**12


async def test_who_lost_the_lease_reserves_nothing(database: Database) -> None:
    (item,) = await model_work(database, 100, 1)
    late = ClaimedProposal(**{name: getattr(item, name) for name in ClaimedProposal.__slots__} | {"lease": stale(item.lease)})
    assert await reserve(database, late, 1) == LeaseLost()
    assert (await account(database, item.run)).reserved_micro_dollars == 0


async def test_many_workers_at_once_never_exceed_the_budget(database: Database) -> None:
    items = await model_work(database, 1000, 40)
    results = await asyncio.gather(*(reserve(database, item, 90) for item in items))
    held = [result for result in results if isinstance(result, int)]
    assert len(held) == 11
    assert all(result == OverBudget(10, owner=str(items[0].run)) for result in results if not isinstance(result, int))
    booked = await asyncio.gather(*(settle(database, completion, 80) for completion in held))
    assert booked == [80] * 11
    found = await account(database, items[0].run)
    assert (found.spent_micro_dollars, found.reserved_micro_dollars) == (880, 0)


async def test_a_call_dearer_than_reserved_is_booked_as_far_as_the_limit_allows(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    one, two = await model_work(database, 100, 2)
    first, second = await reserve(database, one, 30), await reserve(database, two, 50)
    assert isinstance(first, int)
    assert isinstance(second, int)
    assert await settle(database, first, 45) == 45
    assert not caplog.records
    with caplog.at_level(logging.ERROR):
        assert await settle(database, second, 70) == 55
    assert "took 70 micro-dollars, 50 were reserved" in caplog.text
    assert await account(database, one.run) == Account(100, 100, 0, 20, 40)


async def test_the_account_itself_refuses_to_exceed_its_limit(database: Database) -> None:
    (item,) = await model_work(database, 100, 1)
    for column in ("spent_micro_dollars", "reserved_micro_dollars"):
        with pytest.raises(sa.exc.IntegrityError, match="within_limit"):
            async with database.begin() as connection:
                await connection.execute(sa.text(f"UPDATE account SET {column} = 101"))  # noqa: S608
    assert await account(database, item.run) == Account(100, 0, 0, 0, 0)


async def test_a_lost_call_costs_its_reservation_once(database: Database) -> None:
    one, two = await model_work(database, 100, 2, lease_s=0.0)
    first, second = await reserve(database, one, 30), await reserve(database, two, 20)
    assert isinstance(first, int)
    assert isinstance(second, int)
    async with database.begin() as connection:
        assert await completions.settle_lost(connection) == 0
    async with database.begin() as connection:
        await leases.expire(connection)
        assert await completions.settle_lost(connection) == 2
        assert await completions.settle_lost(connection) == 0
    assert await account(database, one.run) == Account(100, 50, 0, 0, 0)
    assert await settle(database, first, 5) is None
    assert await account(database, one.run) == Account(100, 50, 0, 0, 0)


async def test_a_call_whose_proposal_was_leased_anew_is_lost(database: Database) -> None:
    (item,) = await model_work(database, 100, 1, lease_s=0.0)
    assert isinstance(await reserve(database, item, 30), int)
    async with database.begin() as connection:
        await leases.expire(connection)
    (again,) = await claimed(database)
    assert isinstance(await reserve(database, again, 20), int)
    async with database.begin() as connection:
        assert await completions.settle_lost(connection) == 1
    assert await account(database, item.run) == Account(100, 30, 20, 0, 0)


async def test_a_paid_answer_outlives_its_worker(database: Database) -> None:
    (item,) = await model_work(database, 100, 1, lease_s=0.0)
    failed = await reserve(database, item, 30)
    assert isinstance(failed, int)
    await settle(database, failed, 3, answer=None)
    async with database.begin() as connection:
        assert await completions.stored_answer(connection, item) is None
    completion = await reserve(database, item, 30)
    assert isinstance(completion, int)
    await settle(database, completion, 7, answer="a good\0 diff \ud800")
    async with database.begin() as connection:
        await leases.expire(connection)
    (again,) = await claimed(database)
    async with database.begin() as connection:
        stored = await completions.stored_answer(connection, again)
        assert stored is not None
        assert (stored.text, stored.prompt, stored.model, stored.template) == ("a good diff ?", "do it", "m", "diff-1")
        assert (stored.completion, stored.finish_reason) == (completion, "stop")
        assert await proposals.refuse(connection, [NewRefusal(again.lease, Refusal.DID_NOT_APPLY)]) == {again.lease.id}


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 60)), max_size=8))
async def test_spent_and_reserved_never_exceed_the_limit(database: Database, steps: list[tuple[int, int]]) -> None:
    items = await model_work(database, 100, len(steps))
    open_calls: list[tuple[int, int]] = []
    spent = 0
    for item, (ask, cost) in zip(items, steps, strict=True):
        found = await account(database, item.run)
        left = 100 - found.spent_micro_dollars - found.reserved_micro_dollars
        result = await reserve(database, item, ask)
        assert isinstance(result, int) == (ask <= left)
        if isinstance(result, int):
            open_calls.append((result, cost))
        if len(open_calls) == 2:
            for completion, price in open_calls:
                booked = await settle(database, completion, price)
                assert booked is not None
                assert booked <= price
                spent += booked
            open_calls = []
    if items:
        found = await account(database, items[0].run)
        assert found.spent_micro_dollars == spent
        assert found.spent_micro_dollars + found.reserved_micro_dollars <= 100
