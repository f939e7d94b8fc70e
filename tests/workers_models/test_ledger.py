import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from database import completions, leases
from database.completions import NewCall, Settlement
from database.embedded import EmbeddedPostgres
from database.engine import Database
from database.errors import DatabaseUnavailable
from database.migrate import upgrade
from database.proposals import ClaimedProposal, LeaseLost
from evolution.models import Model
from tests.database.scene import blocked
from tests.openai_server import OpenAiServer, Says
from tests.workers_models.conftest import StoredRun, create_run
from tests.workers_models.samples import GOOD, PI
from workers.child import Child
from workers.ledger import Ledger
from workers.model_proposer import ModelProposer

CreateRun = Callable[[int | None], Awaitable[StoredRun]]


def call(claimed: ClaimedProposal) -> NewCall:
    return NewCall(claimed, "small", "diff.v1", "p", 10, 5)


async def test_calls_at_once_share_a_transaction_and_each_gets_its_own_result(stored_run: CreateRun) -> None:
    run = await stored_run(155)
    ledger = Ledger(run.database)
    claimed = await run.claim(16)
    commits: list[object] = []
    sa.event.listen(run.database.engine.sync_engine, "commit", commits.append)
    results = await asyncio.gather(*(ledger.reserve(call(one)) for one in claimed))
    assert len(commits) == 2
    ids = [result for result in results if isinstance(result, int)]
    assert len(set(ids)) == 15
    assert {row.id: row.proposal for row in await run.completions()} == {
        result: one.lease.id for one, result in zip(claimed, results, strict=True) if isinstance(result, int)
    }
    await asyncio.gather(*(ledger.settle(Settlement(one, "a", None, "stop", 3, 4, 7, 1.0)) for one in ids))
    account = await run.account()
    assert (account.spent_micro_dollars, account.reserved_micro_dollars, account.tokens_out) == (15 * 7, 0, 15 * 4)


@asynccontextmanager
async def locked_account(run: StoredRun) -> AsyncGenerator[None]:
    """Hold one run's account, so that a test decides when those that book on it go on, and in which order they came."""
    async with run.database.begin() as connection:
        await connection.execute(sa.text("SELECT FROM account WHERE run = :run FOR UPDATE"), {"run": run.id})
        yield


async def reap(database: Database) -> int:
    async with database.begin() as connection:
        await leases.expire(connection)
        return await completions.settle_lost(connection)


async def together(ledger: Ledger, settled: Settlement, reserved: NewCall, other: NewCall) -> object:
    """Settle and reserve in one transaction, that which follows the reservation of `other`."""
    first = asyncio.create_task(ledger.reserve(other))
    second = asyncio.create_task(ledger.settle(settled))
    third = asyncio.create_task(ledger.reserve(reserved))
    await asyncio.gather(first, second)
    return await third


def settlement(completion: object) -> Settlement:
    assert isinstance(completion, int)
    return Settlement(completion, "a", None, "stop", 3, 4, 7, 1.0)


async def test_calls_of_two_runs_never_deadlock_with_the_reaper(database: Database) -> None:
    """The reaper books on both runs while a worker settles on the second and reserves on the first."""
    first, second = await create_run(database, None), await create_run(database, None)
    ledger = Ledger(database)
    (own,) = await second.claim()
    answered = await ledger.reserve(call(own))
    lost = [*await first.claim(), *await second.claim()]
    for one in lost:
        assert isinstance(await ledger.reserve(call(one)), int)
    (new,) = await first.claim()
    (other,) = await (await create_run(database, None)).claim()
    async with database.begin() as connection:
        await connection.execute(
            sa.text("UPDATE proposal SET lease_until = 'epoch' WHERE id = ANY(:ids)"), {"ids": [one.lease.id for one in lost]}
        )
    async with locked_account(first):
        reaping = asyncio.create_task(reap(database))
        await blocked(database, 1)
        booking = asyncio.create_task(together(ledger, settlement(answered), call(new), call(other)))
        await blocked(database, 2)
    assert await reaping == 2
    assert isinstance(await booking, int)
    for run, spent, reserved in ((first, 10, 10), (second, 17, 0)):
        account = await run.account()
        assert (account.spent_micro_dollars, account.reserved_micro_dollars) == (spent, reserved)


async def test_a_reservation_never_deadlocks_with_the_reaper_that_takes_its_proposal(database: Database) -> None:
    run = await create_run(database, None)
    ledger = Ledger(database)
    (own,) = await run.claim()
    answered = await ledger.reserve(call(own))
    (lost,) = await run.claim()
    assert isinstance(await ledger.reserve(call(lost)), int)
    (other,) = await (await create_run(database, None)).claim()
    async with database.begin() as connection:
        await connection.execute(sa.text("UPDATE proposal SET lease_until = 'epoch' WHERE id = :id"), {"id": lost.lease.id})
    async with database.begin() as reaper:
        await leases.expire(reaper)
        booking = asyncio.create_task(together(ledger, settlement(answered), call(lost), call(other)))
        await blocked(database, 1)
        assert await completions.settle_lost(reaper) == 1
    assert await booking == LeaseLost()


async def test_an_answer_outlives_a_restart_of_the_database(open_folder: Path) -> None:
    with EmbeddedPostgres(open_folder) as postgres:
        await upgrade(postgres.url)
        async with Database(postgres.url) as database, OpenAiServer([Says(GOOD, delay_s=1.0)]) as server:
            run = await create_run(database, 10**6)
            model = Model(name="small", base_url=server.base_url, model="m", price_in=10**6, price_out=10**6)
            (claimed,) = await run.claim()
            async with ModelProposer(database, {"small": model}, {}) as proposer:
                asked = asyncio.create_task(proposer.propose(claimed, run.problem))
                await server.received(1)
                postgres.stop()
                with pytest.raises(DatabaseUnavailable):
                    await Ledger(database).reserve(call(claimed))
                await asyncio.sleep(1.2)
                assert not asked.done()
                postgres.start()
                assert await asked == Child({"main.py": PI})
            assert len(server.requests) == 1
            account = await run.account()
            assert (account.spent_micro_dollars, account.reserved_micro_dollars) == (120, 0)
