"""Proposals that people answer in a model's place."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from database import assignments, completions, leases, people
from database.assignments import Leased
from database.completions import NewCall
from database.people import Caller
from evolution.models import People
from evolution.proposal import Operator, Refusal
from tests.workers_models.conftest import StoredRun
from tests.workers_models.samples import GOOD, PI, edit
from workers.child import Child, HandedOver, Refused
from workers.model_proposer import ModelProposer

CreateRun = Callable[[int | None], Awaitable[StoredRun]]


def proposer(run: StoredRun, patience_s: float = 60.0) -> ModelProposer:
    return ModelProposer(run.database, {"small": People(name="small", kind="people", patience_s=patience_s)}, {})


async def caller(run: StoredRun) -> Caller:
    async with run.database.begin() as connection:
        made = await people.first_administrator(connection, "ada")
        found = await people.identify(connection, made.text)
    assert found is not None
    return found


async def answered(run: StoredRun, text: str) -> Leased:
    who = await caller(run)
    async with run.database.begin() as connection:
        leased = await assignments.lease(connection, who, None, 60)
        assert leased is not None
        await assignments.answer(connection, who, leased.id, leased.lease, text)
    return leased


@pytest.mark.parametrize("budget", [None, 0])
async def test_people_are_asked_with_a_prompt_and_their_answer_becomes_a_child_for_no_money(
    stored_run: CreateRun, budget: int | None
) -> None:
    run = await stored_run(budget)
    async with proposer(run) as asking:
        (claimed,) = await run.claim()
        assert await asking.propose(claimed, run.problem) == HandedOver()
        assert await run.claim_again() == []
        leased = await answered(run, f"Use pi.\n{GOOD}")
        (again,) = await run.claim_again()
        assert again.attempt == 1
        assert await asking.propose(again, run.problem) == Child({"main.py": PI})
    assert "Area of a circle" in leased.messages[-1].content
    (row,) = await run.completions()
    assert (row.model, row.template, row.failure, row.finish_reason) == ("small", "diff.v3", None, "stop")
    assert (row.tokens_in, row.tokens_out, row.cost_micro_dollars) == (0, 0, 0)
    account = await run.account()
    assert (account.spent_micro_dollars, account.reserved_micro_dollars) == (0, 0)


async def test_a_broken_diff_is_refused_as_a_models_is(stored_run: CreateRun) -> None:
    run = await stored_run(None)
    async with proposer(run) as asking:
        (claimed,) = await run.claim()
        await asking.propose(claimed, run.problem)
        await answered(run, edit("nothing like it", "x"))
        (again,) = await run.claim_again()
        refused = await asking.propose(again, run.problem)
    assert isinstance(refused, Refused)
    assert refused.reason is Refusal.DID_NOT_APPLY
    assert "nothing like it" in refused.detail


async def test_a_worker_that_dies_loses_no_answer(stored_run: CreateRun) -> None:
    run = await stored_run(None)
    async with proposer(run) as asking:
        (claimed,) = await run.claim()
        await asking.propose(claimed, run.problem)
    await answered(run, GOOD)
    # One dies before it has booked the answer, one while it does.
    for calls in (0, 1):
        (lost,) = await run.claim_again(lease_s=0.3)
        async with run.database.begin() as connection:
            await completions.book(connection, [], [NewCall(lost, "small", "diff.v3", "[]", 0, 0)] * calls)
        await asyncio.sleep(0.35)
        async with run.database.begin() as connection:
            assert (await leases.expire(connection)).proposals_requeued == 1
            assert await completions.settle_lost(connection) == calls
    async with proposer(run) as another:
        (again,) = await run.claim_again()
        assert await another.propose(again, run.problem) == Child({"main.py": PI})


async def test_what_nobody_answers_in_time_is_refused(stored_run: CreateRun) -> None:
    run = await stored_run(None)
    async with proposer(run, patience_s=1) as asking:
        (claimed,) = await run.claim()
        await asking.propose(claimed, run.problem)
        await asyncio.sleep(1.05)
        async with run.database.begin() as connection:
            await leases.expire(connection)
        (again,) = await run.claim_again()
        refused = await asking.propose(again, run.problem)
    assert refused == Refused(Refusal.NO_ANSWER, "nobody of 'small' answered within 1 s")


async def test_the_worker_goes_on_while_people_think(stored_run: CreateRun) -> None:
    run = await stored_run(None)
    async with proposer(run) as asking:
        claims = await run.claim(40, Operator.REWRITE)
        results = await asyncio.gather(*(asking.propose(claimed, run.problem) for claimed in claims))
        assert set(map(type, results)) == {HandedOver}
    assert await run.completions() == []
