import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from database.completions import NewCall, Settlement
from database.embedded import EmbeddedPostgres
from database.engine import Database
from database.errors import DatabaseUnavailable
from database.migrate import upgrade
from database.proposals import ClaimedProposal
from tests.openai_server import OpenAiServer, Says
from tests.workers_models.conftest import StoredRun, create_run
from tests.workers_models.samples import GOOD, PI
from workers.child import Child
from workers.ledger import Ledger
from workers.model_proposer import ModelProposer
from workers.models import Model

CreateRun = Callable[[int | None], Awaitable[StoredRun]]


def call(claimed: ClaimedProposal) -> NewCall:
    return NewCall(claimed, "small", "diff.v1", "p", 10)


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
