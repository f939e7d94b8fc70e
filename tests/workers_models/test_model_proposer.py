import asyncio
import json
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import sqlalchemy as sa

from database import allowances, completions, leases, proposals, runs
from database.allowances import Allowance
from database.programs import NewProgram
from database.proposals import NewRefusal
from database.tables import blob, proposal
from evolution.limits import Payer, Resource
from evolution.models import Model, ModelsError
from evolution.proposal import Operator, Refusal
from tests.openai_server import Closes, Cuts, Hangs, OpenAiServer, Reply, Says, Script, Status, prompt_of
from tests.workers_models.conftest import StoredRun
from tests.workers_models.samples import GOOD, PI, edit
from workers.child import Child, Refused
from workers.model_proposer import ModelProposer

CreateRun = Callable[[int | None], Awaitable[StoredRun]]
PRICE_IN, PRICE_OUT, MAX_TOKENS = 1_000_000, 3_000_000, 50


def model(server: OpenAiServer, **changes: Any) -> Model:
    given = {
        "name": "small",
        "base_url": server.base_url,
        "model": "scripted",
        "price_in": PRICE_IN,
        "price_out": PRICE_OUT,
        "max_tokens": MAX_TOKENS,
        "silence_timeout_s": 0.5,
        "retries": 2,
    }
    return Model(**{**given, **changes})


@asynccontextmanager
async def proposing(run: StoredRun, script: Script, **changes: Any) -> AsyncGenerator[tuple[ModelProposer, OpenAiServer]]:
    async with OpenAiServer(script) as server:
        models = {"small": model(server, **changes)}
        async with ModelProposer(run.database, models, {}, backoff_s=0.01) as proposer:
            yield proposer, server


async def propose(run: StoredRun, replies: list[Reply], **changes: Any) -> Child | Refused:
    async with proposing(run, replies, **changes) as (proposer, _):
        (claimed,) = await run.claim()
        return await proposer.propose(claimed, run.problem)


def worst_case(body: dict[str, Any]) -> int:
    """The reservation as the endpoint's own words give it: bytes and 16 for each message, and a full answer."""
    tokens = sum(len(message["content"].encode()) + 16 for message in body["messages"])
    return -(-(PRICE_IN * tokens + PRICE_OUT * body["max_tokens"]) // 1_000_000)


async def test_a_good_answer_becomes_a_child_and_is_stored_and_paid(stored_run: CreateRun) -> None:
    run = await stored_run(10**6)
    async with proposing(run, [Says(f"Use pi.\n{GOOD}", usage=(100, 20))]) as (proposer, server):
        (claimed,) = await run.claim()
        assert await proposer.propose(claimed, run.problem) == Child({"main.py": PI})
    (row,) = await run.completions()
    assert (row.model, row.template, row.failure, row.finish_reason) == ("small", "diff.v3", None, "stop")
    assert (row.tokens_in, row.tokens_out, row.cost_micro_dollars) == (100, 20, 100 + 3 * 20)
    assert row.reserved_micro_dollars == worst_case(server.requests[0])
    account = await run.account()
    assert (account.spent_micro_dollars, account.reserved_micro_dollars) == (160, 0)
    assert (account.tokens_in, account.tokens_out) == (100, 20)
    async with run.database.begin() as connection:
        prompt, answer = [
            (await connection.execute(sa.select(blob.c.content).where(blob.c.hash == key))).scalar_one()
            for key in (row.prompt, row.answer)
        ]
    assert json.loads(prompt) == server.requests[0]["messages"]
    assert answer.decode() == f"Use pi.\n{GOOD}"


@pytest.mark.parametrize(
    ("replies", "outcome", "costs"),
    [
        ([Status(429), Says(GOOD)], Child({"main.py": PI}), [0, 160]),
        ([Status(500), Status(503), Says(GOOD)], Child({"main.py": PI}), [0, 0, 160]),
        ([Hangs(), Says(GOOD)], Child({"main.py": PI}), ["worst", 160]),
        ([Hangs(after_text="<<<"), Says(GOOD)], Child({"main.py": PI}), ["worst", 160]),
        ([Cuts(GOOD[:30]), Says(GOOD)], Child({"main.py": PI}), ["worst", 160]),
        ([Cuts(GOOD, tidy=True), Closes(), Says(GOOD)], Child({"main.py": PI}), ["worst", "worst", 160]),
        ([Says("", usage=(100, 1)), Says(GOOD)], Child({"main.py": PI}), [103, 160]),
        ([Says(GOOD, usage=None)], Child({"main.py": PI}), ["worst"]),
        ([Says(GOOD, usage=(0, 0))], Child({"main.py": PI}), ["worst"]),
        ([Says(GOOD, done=False)], Child({"main.py": PI}), [160]),
        ([Says("I would rather not.")], Refusal.NO_ANSWER, [160]),
        ([Says(edit("    return 4 * r", "    return r"))], Refusal.DID_NOT_APPLY, [160]),
        ([Says(edit("import math", "import os"))], Refusal.OUTSIDE_EVOLVE_BLOCK, [160]),
        ([Says(edit("    return 3 * r", "    return 3 * r"))], Refusal.NO_CHANGE, [160]),
        ([Says(GOOD.replace("math.pi", "1" * 70_000))], Refusal.TOO_LONG, [160]),
        ([Says(GOOD, finish_reason="length")], Refusal.NO_ANSWER, [160]),
        ([Says(GOOD, finish_reason="content_filter")], Refusal.NO_ANSWER, [160]),
        ([Says("", usage=(100, 1))], Refusal.NO_ANSWER, [103, 103, 103]),
        ([Status(500)], Refusal.MODEL_FAILED, [0, 0, 0]),
        ([Status(401)], Refusal.MODEL_FAILED, [0]),
        ([Cuts("x")], Refusal.MODEL_FAILED, ["worst", "worst", "worst"]),
    ],
)  # fmt: skip
async def test_every_reply_ends_as_child_or_refusal_and_costs_what_it_should(
    stored_run: CreateRun, replies: list[Reply], outcome: Child | Refusal, costs: list[int | str]
) -> None:
    run = await stored_run(10**6)
    async with proposing(run, replies) as (proposer, server):
        (claimed,) = await run.claim()
        result = await proposer.propose(claimed, run.problem)
    assert (result.reason if isinstance(result, Refused) else result) == outcome, result
    rows = await run.completions()
    expected = [worst_case(server.requests[0]) if cost == "worst" else cost for cost in costs]
    assert [row.cost_micro_dollars for row in rows] == expected
    account = await run.account()
    assert (account.spent_micro_dollars, account.reserved_micro_dollars) == (sum(expected), 0)
    assert [bool(row.failure) for row in rows] == [row.answer is None for row in rows]


async def test_an_endpoint_that_is_down_is_named(stored_run: CreateRun) -> None:
    run = await stored_run(None)
    async with OpenAiServer([]) as gone:
        pass
    async with ModelProposer(run.database, {"small": model(gone, retries=1)}, {}, backoff_s=0.01) as proposer:
        result = await proposer.propose((await run.claim())[0], run.problem)
    assert isinstance(result, Refused)
    assert (result.reason, "asked 2 times: unreachable: cannot connect" in result.detail) == (Refusal.MODEL_FAILED, True)
    assert (await run.account()).spent_micro_dollars == 0


async def test_retry_after_is_honoured_by_all_calls_of_the_model(stored_run: CreateRun) -> None:
    run = await stored_run(None)
    started = time.monotonic()
    came: list[float] = []

    def script(number: int, _body: dict[str, Any]) -> Reply:
        came.append(time.monotonic() - started)
        return Status(429, retry_after="1") if number == 0 else Says(GOOD)

    async with proposing(run, script) as (proposer, _):
        first, second = await run.claim(2)

        async def later() -> Child | Refused:
            await asyncio.sleep(0.3)
            return await proposer.propose(second, run.problem)

        results = await asyncio.gather(proposer.propose(first, run.problem), later())
    assert results == [Child({"main.py": PI})] * 2
    assert min(came[1:]) - came[0] >= 0.99


async def test_a_retry_after_beyond_reason_ends_the_proposal(stored_run: CreateRun) -> None:
    run = await stored_run(None)
    result = await propose(run, [Status(429, retry_after="86400"), Says(GOOD)])
    assert isinstance(result, Refused)
    assert "asked once: rate_limited" in result.detail
    assert "asks to wait 86400 s" in result.detail


async def test_a_call_that_could_exceed_the_budget_is_not_made(stored_run: CreateRun) -> None:
    run = await stored_run(10)
    async with proposing(run, [Says(GOOD)]) as (proposer, server):
        result = await proposer.propose((await run.claim())[0], run.problem)
    assert isinstance(result, Refused)
    assert (result.reason, "has 10 micro-dollars left" in result.detail) == (Refusal.BUDGET, True)
    assert server.requests == []
    assert await run.completions() == []


@pytest.mark.parametrize("resource", [Resource.MICRO_DOLLARS, Resource.TOKENS])
async def test_a_call_that_could_exceed_what_the_project_may_spend_is_not_made(
    stored_run: CreateRun, resource: Resource
) -> None:
    run = await stored_run(None)
    async with run.database.begin() as connection:
        await allowances.set_limits(connection, Payer.PROJECT, runs.DEFAULT_PROJECT, {resource: 10}, by=None)
    async with proposing(run, [Says(GOOD)]) as (proposer, server):
        result = await proposer.propose((await run.claim())[0], run.problem)
    assert isinstance(result, Refused)
    words = f"; project 'default' has 10 {resource.value.replace('_', '-')} left"
    assert (result.reason, result.detail.endswith(words)) == (Refusal.BUDGET, True), result.detail
    assert server.requests == []


async def test_tokens_are_booked_as_reported_and_as_reserved_where_nothing_is(stored_run: CreateRun) -> None:
    run = await stored_run(None)
    results = [Says(GOOD, usage=(40, 9)), Says(GOOD, usage=None), Status(401)]
    reserved = 0
    for place, says in enumerate(results):
        async with proposing(run, [says]) as (proposer, _):
            await proposer.propose((await run.claim())[0], run.problem)
        if place == 1:
            reserved = next(row.reserved_tokens for row in reversed(await run.completions()))
    async with run.database.begin() as connection:
        found = await allowances.of(connection, Payer.PROJECT, [runs.DEFAULT_PROJECT])
    assert reserved > 49
    assert found[runs.DEFAULT_PROJECT][Resource.TOKENS] == Allowance(None, 49 + reserved, 0)


async def test_the_last_micro_dollar_may_be_reserved_and_not_one_more(stored_run: CreateRun) -> None:
    probe = await stored_run(None)
    async with proposing(probe, [Says(GOOD)]) as (proposer, server):
        await proposer.propose((await probe.claim())[0], probe.problem)
        worst = worst_case(server.requests[0])
    exact, short = await stored_run(worst), await stored_run(worst - 1)
    assert await propose(exact, [Says(GOOD)]) == Child({"main.py": PI})
    result = await propose(short, [Says(GOOD)])
    assert isinstance(result, Refused)
    assert result.reason is Refusal.BUDGET


async def test_a_model_without_a_price_works_only_without_a_money_budget(stored_run: CreateRun) -> None:
    free = {"price_in": None, "price_out": None}
    assert await propose(await stored_run(None), [Says(GOOD)], **free) == Child({"main.py": PI})
    result = await propose(await stored_run(10**6), [Says(GOOD)], **free)
    assert isinstance(result, Refused)
    assert (result.reason, "has no price" in result.detail) == (Refusal.MODEL_FAILED, True)


async def test_a_model_that_is_not_configured_is_named(stored_run: CreateRun) -> None:
    run = await stored_run(None)
    async with ModelProposer(run.database, {}, {}) as proposer:
        result = await proposer.propose((await run.claim())[0], run.problem)
    assert isinstance(result, Refused)
    assert "no model named 'small' is configured here; configured: none" in result.detail


async def test_a_missing_key_is_named_when_it_is_needed(stored_run: CreateRun) -> None:
    run = await stored_run(None)
    async with OpenAiServer([Says(GOOD)]) as server:
        models = {"small": model(server, api_key_env="SMALL_KEY")}
        with pytest.raises(ModelsError, match="SMALL_KEY"):
            ModelProposer(run.database, models, {})
        first, second = await run.claim(2)
        async with ModelProposer(run.database, models, {"SMALL_KEY": "k-1"}) as proposer:
            assert isinstance(await proposer.propose(first, run.problem), Child)
        assert server.keys == ["k-1"]
        async with ModelProposer(run.database, {**models, "other": model(server, name="other")}, {}) as proposer:
            result = await proposer.propose(second, run.problem)
    assert isinstance(result, Refused)
    assert (result.reason, "needs the environment variable SMALL_KEY" in result.detail) == (Refusal.MODEL_FAILED, True)


async def test_an_answer_paid_for_by_a_worker_that_died_is_used(stored_run: CreateRun) -> None:
    run = await stored_run(10**6)
    async with proposing(run, [Says(GOOD), Says("I was asked twice.")]) as (proposer, server):
        (claimed,) = await run.claim()
        await proposer.propose(claimed, run.problem)
        async with run.database.begin() as connection:
            await connection.execute(sa.update(proposal).values(lease_until=sa.func.now() - sa.text("interval '1 s'")))
            await leases.expire(connection)
        (again,) = await run.claim_again()
        assert (again.number, again.attempt) == (claimed.number, 2)
        assert await proposer.propose(again, run.problem) == Child({"main.py": PI})
    assert len(server.requests) == 1


async def test_who_lost_the_lease_asks_no_model(stored_run: CreateRun) -> None:
    run = await stored_run(None)
    async with proposing(run, [Says(GOOD)]) as (proposer, server):
        (claimed,) = await run.claim()
        async with run.database.begin() as connection:
            await connection.execute(sa.update(proposal).values(lease_until=sa.func.now() - sa.text("interval '1 s'")))
            await leases.expire(connection)
        result = await proposer.propose(claimed, run.problem)
    assert isinstance(result, Refused)
    assert result.reason is Refusal.WORKER_LOST
    assert server.requests == []


async def test_the_next_prompt_tells_why_the_last_answer_did_not_apply(stored_run: CreateRun) -> None:
    run = await stored_run(None)
    broken = edit("    return 4 * r", "    return r")
    async with proposing(run, [Says(broken), Says(GOOD)]) as (proposer, server):
        (first,) = await run.claim()
        refused = await proposer.propose(first, run.problem)
        assert isinstance(refused, Refused)
        async with run.database.begin() as connection:
            await proposals.refuse(connection, [NewRefusal(first.lease, refused.reason, refused.detail)])
        (second,) = await run.claim()
        await proposer.propose(second, run.problem)
    told = prompt_of(server.requests[1])
    assert "block 1: SEARCH text not found; the closest lines are, from line 5:\n        return 3 * r" in told
    assert "SEARCH text not found" not in prompt_of(server.requests[0])


async def test_the_next_prompt_tells_what_was_ignored_of_the_answer_that_made_the_parent(stored_run: CreateRun) -> None:
    run = await stored_run(None)
    other = PI.replace("import math", "import cmath as math")
    async with proposing(run, [Says(f"```python\n{other}```"), Says(GOOD)]) as (proposer, server):
        (first,) = await run.claim(operator=Operator.REWRITE)
        child = await proposer.propose(first, run.problem)
        assert isinstance(child, Child)
        assert child.files == {"main.py": PI}
        async with run.database.begin() as connection:
            await proposals.answer(connection, first, NewProgram(child.files, b"pi", 30, 0))
        (second,) = await run.claim(operator=Operator.REPAIR, parent=first.number)
        await proposer.propose(second, run.problem)
    told = prompt_of(server.requests[1])
    assert "stayed as it was, and of the answer was ignored: `import cmath as math`" in told


async def test_no_more_calls_are_under_way_than_the_model_allows(stored_run: CreateRun) -> None:
    run = await stored_run(None)
    async with proposing(run, [Says(GOOD, delay_s=0.2)], concurrency=3) as (proposer, server):
        claimed = await run.claim(12)
        results = await asyncio.gather(*(proposer.propose(one, run.problem) for one in claimed))
    assert results == [Child({"main.py": PI})] * 12
    assert server.most_in_flight == 3


async def test_the_budget_holds_to_the_micro_dollar_in_every_mix(stored_run: CreateRun) -> None:
    dice = random.Random(7)
    replies: list[Reply] = [
        Says(GOOD), Says(GOOD, usage=(901, 50)), Says("prose"), Says(GOOD, usage=None), Says(GOOD, usage=(-1, 10**9)), Says(""),
        Says(edit("no", "x")), Status(429), Status(429, retry_after="0"), Status(500), Status(400), Cuts("x"),
        Cuts("x", tidy=True), Closes(), Hangs(), Says(GOOD, finish_reason="length"),
    ]  # fmt: skip
    limit = 60_000
    run = await stored_run(limit)
    owed = 0

    def script(_number: int, body: dict[str, Any]) -> Reply:
        nonlocal owed
        reply = dice.choice(replies)
        match reply:
            case Status():
                pass
            case Says(usage=(tokens_in, tokens_out)) if tokens_in > 0:
                owed += tokens_in + 3 * tokens_out
            case _:
                owed += worst_case(body)
        return reply

    # An answer that a busy machine brings later than this is not read, and costs as much as it may.
    async with proposing(run, script, silence_timeout_s=1.5, concurrency=8) as (proposer, _):
        claimed = await run.claim(60)
        watched: list[int] = []

        async def watch() -> None:
            while True:
                account = await run.account()
                watched.append(account.spent_micro_dollars + account.reserved_micro_dollars)
                await asyncio.sleep(0.02)

        watcher = asyncio.create_task(watch())
        results = await asyncio.gather(*(proposer.propose(one, run.problem) for one in claimed))
        watcher.cancel()
    account = await run.account()
    assert account.spent_micro_dollars == owed <= limit
    assert account.reserved_micro_dollars == 0
    assert max(watched) <= limit
    assert sum(row.cost_micro_dollars for row in await run.completions()) == owed
    reasons = [result.reason for result in results if isinstance(result, Refused)]
    assert Refusal.BUDGET in reasons
    assert Child({"main.py": PI}) in results


async def test_a_report_beyond_the_reservation_never_breaks_the_budget(stored_run: CreateRun) -> None:
    run = await stored_run(5000)
    assert await propose(run, [Says(GOOD, usage=(100_000, 100_000))]) == Child({"main.py": PI})
    account = await run.account()
    assert (account.spent_micro_dollars, account.reserved_micro_dollars) == (5000, 0)


async def test_a_lost_call_is_settled_at_its_reservation(stored_run: CreateRun) -> None:
    run = await stored_run(10**6)
    async with proposing(run, [Hangs()], silence_timeout_s=30.0) as (proposer, server):
        (claimed,) = await run.claim()
        task = asyncio.create_task(proposer.propose(claimed, run.problem))
        await server.received(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        worst = worst_case(server.requests[0])
    assert (await run.account()).reserved_micro_dollars == worst
    async with run.database.begin() as connection:
        await connection.execute(sa.update(proposal).values(lease_until=sa.func.now() - sa.text("interval '1 s'")))
        await leases.expire(connection)
        assert await completions.settle_lost(connection) == 1
    account = await run.account()
    assert (account.spent_micro_dollars, account.reserved_micro_dollars) == (worst, 0)


@pytest.mark.parametrize("operator", [Operator.DIFF, Operator.REWRITE, Operator.CROSSOVER, Operator.REPAIR])
async def test_every_model_operator_brings_children(stored_run: CreateRun, operator: Operator) -> None:
    run = await stored_run(None)
    async with proposing(run, [Says(f"```python\n{PI}```")]) as (proposer, _):
        (claimed,) = await run.claim(operator=operator)
        assert await proposer.propose(claimed, run.problem) == Child({"main.py": PI})
