from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from itertools import pairwise

import pytest
import sqlalchemy as sa

from database import prompt_views, proposals
from database.errors import NotFound
from database.programs import NewProgram
from database.proposals import ClaimedProposal, NewRefusal
from database.tables import proposal
from evolution.proposal import Operator, Refusal
from tests.workers_models.conftest import StoredRun
from tests.workers_models.samples import SEED

CreateRun = Callable[[int | None], Awaitable[StoredRun]]


async def grow(run: StoredRun, parent: int, operator: Operator = Operator.DIFF) -> int:
    """A stored child of `parent`; returns its number."""
    (claimed,) = await run.claim(parent=parent, operator=operator)
    files = {"main.py": SEED.replace("3", str(claimed.number))}
    child = NewProgram(files, f"hash {claimed.number}".encode(), 30, 1)
    async with run.database.begin() as connection:
        await proposals.answer(connection, claimed, child)
    return claimed.number


async def refuse(run: StoredRun, parent: int, reason: Refusal, detail: str) -> None:
    (claimed,) = await run.claim(parent=parent)
    async with run.database.begin() as connection:
        await proposals.refuse(connection, [NewRefusal(claimed.lease, reason, detail)])


async def load(run: StoredRun, claimed: ClaimedProposal) -> prompt_views.PromptView:
    async with run.database.begin() as connection:
        return await prompt_views.load(connection, claimed)


async def test_the_seed_has_no_history(stored_run: CreateRun) -> None:
    run = await stored_run(None)
    (claimed,) = await run.claim()
    view = await load(run, claimed)
    assert view.parent.program.files == {"main.py": SEED}
    assert (view.inspirations, view.steps, view.refusals) == ((), (), ())


async def test_a_limit_of_money_is_seen(stored_run: CreateRun) -> None:
    limited, free = await stored_run(7), await stored_run(None)
    async with limited.database.begin() as connection:
        assert await prompt_views.money_limited(connection, limited.id)
        assert not await prompt_views.money_limited(connection, free.id)


async def test_the_last_five_steps_come_oldest_first(stored_run: CreateRun) -> None:
    run = await stored_run(None)
    line = [0]
    for index in range(7):
        line.append(await grow(run, line[-1], Operator.REWRITE if index == 6 else Operator.DIFF))
    await grow(run, 0)
    (claimed,) = await run.claim(parent=line[-1])
    view = await load(run, claimed)
    found = [(step.parent.program.number, step.child.program.number) for step in view.steps]
    assert found == list(pairwise(line[2:]))
    assert [step.operator for step in view.steps] == [Operator.DIFF] * 4 + [Operator.REWRITE]
    assert view.parent.program.number == line[-1]


async def test_only_refusals_of_this_parent_that_can_teach_are_told(stored_run: CreateRun) -> None:
    run = await stored_run(None)
    other = await grow(run, 0)
    for index in range(4):
        await refuse(run, 0, Refusal.DID_NOT_APPLY, f"reason {index}")
    await refuse(run, 0, Refusal.MODEL_FAILED, "HTTP 500")
    await refuse(run, other, Refusal.NO_CHANGE, "of another parent")
    (claimed,) = await run.claim()
    view = await load(run, claimed)
    assert [refusal.detail for refusal in view.refusals] == ["reason 1", "reason 2", "reason 3"]
    assert {refusal.reason for refusal in view.refusals} == {Refusal.DID_NOT_APPLY}


async def test_the_number_of_statements_does_not_grow(
    stored_run: CreateRun, count_statements: Callable[[], AbstractContextManager[list[str]]]
) -> None:
    run = await stored_run(None)
    (first,) = await run.claim()
    with count_statements() as few:
        await load(run, first)
    last = 0
    for _ in range(6):
        last = await grow(run, last)
    for _ in range(6):
        await refuse(run, last, Refusal.NO_ANSWER, "prose")
    (claimed,) = await run.claim(parent=last)
    with count_statements() as many:
        assert len((await load(run, claimed)).steps) == 5
    assert 0 < len(many) == len(few) < 8


async def test_a_parent_that_does_not_exist_is_named(stored_run: CreateRun) -> None:
    run = await stored_run(None)
    (claimed,) = await run.claim()
    async with run.database.begin() as connection:
        await connection.execute(
            sa.update(proposal).where(proposal.c.number == claimed.number).values(state="queued", parent=99)
        )
    (again,) = await run.claim_again()
    with pytest.raises(NotFound, match="has no program 99"):
        await load(run, again)
