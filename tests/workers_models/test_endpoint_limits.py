"""Two workers that share an endpoint keep its limits together, and neither calls it while it rests."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from database import completions, endpoints, leases, proposals
from database.completions import NewCall
from database.endpoints import Throttle, Wait
from database.engine import WORKERS, notify
from evolution.proposal import Choice, Operator, Propensity
from tests.conftest import CountStatements
from tests.openai_server import OpenAiServer, Reply, Says, Script, Status
from tests.workers_models.conftest import StoredRun
from tests.workers_models.samples import GOOD
from tests.workers_models.test_model_proposer import model
from workers import ledger, worker
from workers.child import Child, Refused
from workers.model_proposer import ModelProposer

PATIENCE_S = 60.0
"""What a busy machine may take for anything here."""
CreateRun = Callable[[int | None], Awaitable[StoredRun]]


@asynccontextmanager
async def two_workers(
    run: StoredRun, script: Script, **changes: Any
) -> AsyncGenerator[tuple[list[ModelProposer], OpenAiServer]]:
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(OpenAiServer(script))
        made = [
            ModelProposer(
                run.database, {"small": model(server, **{"silence_timeout_s": PATIENCE_S, **changes})}, {}, backoff_s=0.01
            )
            for _ in range(2)
        ]
        yield [await stack.enter_async_context(one) for one in made], server


async def _settled(run: StoredRun) -> None:
    """Wait until the first call of the run is settled."""
    while True:
        rows = await run.completions()
        if rows and rows[0].cost_micro_dollars is not None:
            return
        await asyncio.sleep(0.02)


async def _held_up(proposer: ModelProposer, wanted: dict[str, int]) -> None:
    """Wait until so many calls of each model wait."""
    while True:
        if proposer.held_up() == wanted:
            return
        await asyncio.sleep(0.02)


async def all_answered(run: StoredRun, workers: list[ModelProposer], count: int) -> list[Child | Refused]:
    claimed = await run.claim(count)
    return await asyncio.gather(*(workers[place % 2].propose(item, run.problem) for place, item in enumerate(claimed)))


async def test_all_workers_together_have_no_more_calls_under_way_than_allowed(stored_run: CreateRun) -> None:
    run = await stored_run(None)
    # However slow the machine is, three come together; a fourth that was let pass would come while they are answered.
    async with two_workers(run, lambda *_: Says(GOOD, delay_s=0.1, together=3), most_calls=3) as (workers, server):
        async with asyncio.timeout(PATIENCE_S):
            results = await all_answered(run, workers, 8)
    assert all(isinstance(result, Child) for result in results)
    assert server.most_in_flight == 3


async def test_calls_of_all_workers_begin_as_far_apart_as_the_rate_says(stored_run: CreateRun) -> None:
    run = await stored_run(None)
    came: list[float] = []

    def script(_number: int, _body: dict[str, Any]) -> Reply:
        came.append(time.monotonic())
        return Says(GOOD)

    async with two_workers(run, script, requests_per_minute=120) as (workers, _):
        began = time.monotonic()
        results = await all_answered(run, workers, 4)
    assert all(isinstance(result, Child) for result in results)
    # From before the first one was let pass: however long each was on its way, the last one was let pass 1.5 s later.
    assert came[-1] - began >= 1.49


async def test_a_place_that_comes_free_is_taken_at_once(stored_run: CreateRun, monkeypatch: pytest.MonkeyPatch) -> None:
    run = await stored_run(None)
    monkeypatch.setattr(endpoints, "FULL_S", 600.0)
    monkeypatch.setattr(ledger, "LONGEST_S", 600.0)
    async with two_workers(run, lambda *_: Says(GOOD, delay_s=0.02), most_calls=1) as (workers, server):
        claimed = await run.claim(6)
        async with asyncio.timeout(PATIENCE_S):
            results = await asyncio.gather(*(workers[0].propose(item, run.problem) for item in claimed))
    assert all(isinstance(result, Child) for result in results)
    assert server.most_in_flight == 1


async def test_waiting_does_not_slow_the_rate_down(stored_run: CreateRun) -> None:
    run = await stored_run(None)
    item, *others = await run.claim(40)

    async def reserve(item: Any) -> completions.Reservation:
        async with run.database.begin() as connection:
            call = NewCall(item, "small", "t", "p", 10, 5, Throttle(per_minute=1))
            return (await completions.book(connection, [], [call]))[1][0]

    async def next_at() -> Any:
        async with run.database.begin() as connection:
            return (await connection.execute(sa.text("SELECT next_at FROM endpoint"))).scalar_one()

    assert isinstance(await reserve(item), int)
    first = await next_at()
    for other in others:
        assert isinstance(await reserve(other), Wait)
    assert await next_at() == first


async def test_a_429_holds_back_its_own_model_alone(stored_run: CreateRun) -> None:
    run = await stored_run(None)
    replies: dict[str, Reply] = {"m": Status(429, retry_after="300"), "other": Says(GOOD)}
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(OpenAiServer(lambda _, body: replies[body["model"]]))
        models = {
            name: model(server, name=name, model=of, retries=0, silence_timeout_s=PATIENCE_S)
            for name, of in (("small", "m"), ("large", "other"))
        }
        proposer = await stack.enter_async_context(ModelProposer(run.database, models, {}, backoff_s=0.01))
        first, second = await run.claim(2)
        assert isinstance(await proposer.propose(first, run.problem), Refused)
        async with asyncio.timeout(PATIENCE_S):
            assert isinstance(await proposer.propose(replace(second, model="large"), run.problem), Child)


async def test_what_waits_for_one_model_keeps_no_other_from_being_asked(
    stored_run: CreateRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "GRACE_S", 0.1)
    run = await stored_run(None)
    other = Choice(Operator.DIFF, 0, 0, (), "large", None, Propensity(1, 1, 1, 1, 1))
    refused: Reply = Status(429, retry_after="300")
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(OpenAiServer(lambda _, body: refused if body["model"] == "m" else Says(GOOD)))
        models = {
            name: model(server, name=name, model=of, concurrency=1, silence_timeout_s=PATIENCE_S)
            for name, of in (("small", "m"), ("large", "other"))
        }
        proposer = await stack.enter_async_context(ModelProposer(run.database, models, {}, backoff_s=0.01))
        await run.ask(6)
        stop = asyncio.Event()
        serving = asyncio.create_task(worker.Worker(run.database, "w", 30.0, proposer, model_calls=2).serve(stop))
        await server.received(1)
        async with run.database.begin() as connection:
            await proposals.ask(connection, run.id, [(number, 1, other) for number in range(7, 10)])
            await notify(connection, WORKERS)
        async with asyncio.timeout(PATIENCE_S):
            await server.received(4)
            await _held_up(proposer, {"small": 2})
        stop.set()
        await serving
    assert [body["model"] for body in server.requests] == ["m", "other", "other", "other"]


async def test_a_429_without_a_time_holds_back_all_for_a_moment(stored_run: CreateRun) -> None:
    run = await stored_run(None)
    async with two_workers(run, [Status(429)], retries=0) as (workers, _):
        await workers[0].propose((await run.claim(1))[0], run.problem)
    async with run.database.begin() as connection:
        row = (await connection.execute(sa.text("SELECT model, paused_until IS NOT NULL FROM endpoint"))).one()
    assert tuple(row) == ("small", True)


async def test_an_endpoint_without_limits_costs_no_statement(stored_run: CreateRun, count_statements: CountStatements) -> None:
    run = await stored_run(None)
    (item,) = await run.claim(1)
    with count_statements() as statements:
        async with run.database.begin() as connection:
            await completions.book(connection, [], [NewCall(item, "small", "t", "p", 10, 5)])
    assert len(statements) == 6
    assert not any("INTO endpoint" in text for text in statements.texts)


async def test_a_429_of_one_worker_holds_back_the_other(stored_run: CreateRun) -> None:
    run = await stored_run(None)
    came: list[float] = []

    def script(number: int, _body: dict[str, Any]) -> Reply:
        came.append(time.monotonic())
        return Status(429, retry_after="1") if number == 0 else Says(GOOD)

    async with two_workers(run, script) as (workers, _):
        first, second = await run.claim(2)
        refused = asyncio.create_task(workers[0].propose(first, run.problem))
        async with asyncio.timeout(PATIENCE_S):
            await _settled(run)
        results = [await workers[1].propose(second, run.problem), await refused]
    assert all(isinstance(result, Child) for result in results)
    assert min(came[1:]) - came[0] >= 0.95


async def test_a_pause_beyond_reason_stops_nobody(stored_run: CreateRun) -> None:
    run = await stored_run(None)
    replies = [Status(429, retry_after="86400"), Says(GOOD)]
    async with two_workers(run, replies) as (workers, _):
        first, second = await run.claim(2)
        assert isinstance(await workers[0].propose(first, run.problem), Refused)
        async with asyncio.timeout(PATIENCE_S):
            assert isinstance(await workers[1].propose(second, run.problem), Child)


async def test_calls_of_a_dead_worker_are_under_way_no_longer_than_its_lease(stored_run: CreateRun) -> None:
    run = await stored_run(None)
    first, second = await run.claim(2)

    async def reserve(item: Any) -> completions.Reservation:
        async with run.database.begin() as connection:
            call = NewCall(item, "small", "t", "p", 10, 5, Throttle(most_calls=1))
            return (await completions.book(connection, [], [call]))[1][0]

    assert isinstance(await reserve(first), int)
    waited = await reserve(second)
    assert isinstance(waited, Wait)
    assert waited.seconds > 0
    async with run.database.begin() as connection:
        await connection.execute(sa.text("UPDATE proposal SET lease_until = 'epoch' WHERE id = :id"), {"id": first.lease.id})
    async with run.database.begin() as connection:
        await leases.expire(connection)
        assert await completions.settle_lost(connection) == 1
    assert isinstance(await reserve(second), int)


@pytest.mark.parametrize("throttle", [Throttle(most_calls=2), Throttle(per_minute=1)])
async def test_workers_that_reserve_at_once_are_counted_together(stored_run: CreateRun, throttle: Throttle) -> None:
    run = await stored_run(None)
    items = await run.claim(12)

    async def reserve(item: Any) -> completions.Reservation:
        async with run.database.begin() as connection:
            call = NewCall(item, "small", "t", "p", 10, 5, throttle)
            return (await completions.book(connection, [], [call]))[1][0]

    results = await asyncio.gather(*(reserve(item) for item in items))
    allowed = 1 if throttle.most_calls is None else throttle.most_calls
    assert sum(isinstance(result, int) for result in results) == allowed
    assert sum(isinstance(result, Wait) for result in results) == 12 - allowed
    assert (await run.account()).reserved_micro_dollars == 10 * allowed
