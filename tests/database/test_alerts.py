"""What webhooks are told of: each thing once, whoever looks and however often."""

import asyncio
from typing import Any

import pytest
import sqlalchemy as sa

from database import alerts, allowances, archive, damage, tables, webhooks
from database.alerts import Due
from database.archive import Record
from database.engine import Connection, Database
from database.errors import NotAllowed, NotFound
from evolution.alerts import AlertKind
from evolution.evaluation import Verdict
from evolution.events import Finished, Verified
from evolution.limits import Payer, Resource
from evolution.run import Budget, StopReason
from tests.database.scene import new_run, toy_problem
from tests.server.test_event_feed import best, log

EVERY_KIND = tuple(kind for kind in AlertKind if kind is not AlertKind.TEST)


async def hook(connection: Connection, *kinds: AlertKind, project: int = 1, **more: Any) -> int:
    given = {"shares": [50, 100], "plateau_evaluations": 10, "plateau_seconds": None} | more
    made, _ = await webhooks.create(
        connection, project, url="http://127.0.0.1:9/", secret="s" * 16, kinds=kinds or EVERY_KIND, by=None, **given
    )
    return made.id


async def hooked(database: Database, *kinds: AlertKind, **more: Any) -> int:
    async with database.begin() as connection:
        return await hook(connection, *kinds, **more)


async def told(database: Database, webhook: int) -> list[dict[str, Any]]:
    """Look, then what the webhook is told of, oldest first."""
    async with database.begin() as connection:
        await alerts.look(connection)
        found = await webhooks.deliveries(connection, 1, webhook, None, 100)
    return [item.payload for item in reversed(found)]


def verified(number: int, score: float | None) -> Verified:
    verdict = Verdict.CRASHED if score is None else Verdict.SCORED
    return Verified(number=number, evaluation=number, verdict=verdict, score=score)


async def test_a_log_is_told_once_from_the_making_of_the_webhook_on(database: Database) -> None:
    run = await new_run(database, problem=toy_problem(direction="minimize"))
    await log(database, run, verified(0, -9.0))
    first = await hooked(database)
    await log(database, run, verified(4, -7.5), verified(5, -8.0), verified(6, None))
    assert [(item["kind"], item["program"], item["score"], item["score_before"]) for item in await told(database, first)] == [
        ("verified_best", 4, 7.5, None),
    ]  # fmt: skip
    await asyncio.gather(*(told(database, first) for _ in range(5)))
    later = await hooked(database, AlertKind.RUN_ENDED)
    await log(database, run, verified(7, -7.0), Finished(reason=StopReason.EVALUATIONS, champion=7))
    found = await told(database, first)
    assert [item["kind"] for item in found] == ["verified_best", "verified_best", "run_ended"]
    assert (found[1]["program"], found[1]["score"], found[1]["score_before"]) == (7, 7.0, 7.5)
    ended = {key: found[2][key] for key in ("run", "problem", "title", "reason", "champion", "project")}
    assert ended == {"run": run, "problem": "toy", "title": "Toy", "reason": "evaluations", "champion": 7, "project": 1}
    assert [item["kind"] for item in await told(database, later)] == ["run_ended"]


async def test_a_program_that_is_verified_again_is_no_new_best(database: Database) -> None:
    run = await new_run(database)
    webhook = await hooked(database, AlertKind.VERIFIED_BEST)
    async with database.begin() as connection:
        await connection.execute(
            sa.text("""
            INSERT INTO program (run, number, island, parent, files, normalised_hash, length, literals, generation)
            SELECT run, 1, island, 0, files, '\\x01', length, literals, 1 FROM program
        """)
        )
        rows = sa.text("""
            INSERT INTO evaluation (run, program, purpose, tier, state, verdict, score, series)
            SELECT run, id, 'verify', 'plain', 'finished', CAST(CAST(:verdict AS text) AS verdict), :score, :series
            FROM program WHERE number = 1 RETURNING id
        """)
        given = [("crashed", None), ("scored", 1.0), ("scored", 2.0)]
        made = [
            (await connection.execute(rows, {"verdict": verdict, "score": score, "series": series})).scalar_one()
            for series, (verdict, score) in enumerate(given)
        ]
    events = [
        Verified(number=1, evaluation=id_, verdict=Verdict(verdict), score=score)
        for id_, (verdict, score) in zip(made, given, strict=True)
    ]
    await log(database, run, *events)
    assert [item["score"] for item in await told(database, webhook)] == [1.0]


async def test_a_damaged_run_ended_though_its_log_does_not_say_so(database: Database) -> None:
    webhook = await hooked(database, AlertKind.RUN_ENDED)
    run = await new_run(database)
    async with database.begin() as connection:
        await damage.set_aside(connection, run, "broken")
    for _ in range(2):
        assert [(item["run"], item["reason"]) for item in await told(database, webhook)] == [(run, "damaged")]


async def test_shares_of_limits_are_told_once_for_each_limit(database: Database) -> None:
    webhook = await hooked(database, AlertKind.BUDGET)
    run = await new_run(database, budget=Budget(micro_dollars=1000))

    async def spend(amount: int) -> list[tuple[str, str, int, int]]:
        async with database.begin() as connection:
            await connection.execute(sa.update(tables.account).values(spent_micro_dollars=amount))
        return [(item["of"], item["resource"], item["share"], item["limit"]) for item in await told(database, webhook)]

    assert await spend(499) == []
    half = ("run", "micro_dollars", 50, 1000)
    assert await spend(500) == [half]
    assert await spend(999) == [half]
    assert await spend(1000) == [half, ("run", "micro_dollars", 100, 1000)]
    async with database.begin() as connection:
        await connection.execute(sa.update(tables.account).values(limit_micro_dollars=2000))
        most = {Resource.EVALUATIONS: 4, Resource.GPU_MILLISECONDS: 5000}
        await allowances.set_limits(connection, Payer.PROJECT, 1, most, by=None)
        await allowances.limit_run(connection, run, {Resource.GPU_MILLISECONDS: 3000})
        limits = await allowances.lock_counted(connection, run, 1, None, gpus=True)
        counts = {Resource.EVALUATIONS: (3, 0), Resource.GPU_MILLISECONDS: (3000, 0)}
        await allowances.count(connection, run, limits, counts)
    assert set((await spend(1000))[2:]) == {
        ("run", "micro_dollars", 50, 2000), ("project", "evaluations", 50, 4), ("project", "gpu_milliseconds", 50, 5000),
        ("run", "gpu_milliseconds", 50, 3000), ("run", "gpu_milliseconds", 100, 3000),
    }  # fmt: skip


async def test_the_largest_limits_can_be_compared(database: Database) -> None:
    webhook = await hooked(database, AlertKind.BUDGET)
    await new_run(database, budget=Budget(micro_dollars=(1 << 62) - 1))
    assert await told(database, webhook) == []


async def test_a_plateau_is_told_once_for_each_best(database: Database) -> None:
    webhook = await hooked(database, AlertKind.PLATEAU)
    slow = await hooked(database, AlertKind.PLATEAU, plateau_evaluations=None, plateau_seconds=60.0)
    run = await new_run(database)

    async def after(evaluations: int, seconds: float, *bests: int) -> list[tuple[int, int]]:
        async with database.begin() as connection:
            for number in bests:
                await archive.add_records(connection, run, [Record(number, 1.0 * number, number, 1.0, 0)])
            await connection.execute(sa.delete(tables.search_state))
            state = {"run": run, "as_of_event": 0, "state": {"evaluations": evaluations}}
            await connection.execute(sa.insert(tables.search_state).values(state))
            await connection.execute(sa.update(tables.run).values(active_s=seconds))
        return [(item["program"], item["evaluations"]) for item in await told(database, webhook)]

    assert await after(9, 1.0, 0) == []
    assert await after(10, 2.0) == [(0, 10)]
    assert await after(12, 3.0) == [(0, 10)]
    assert await after(25, 4.0, 16) == [(0, 10)]
    assert await after(26, 60.9) == [(0, 10), (16, 10)]
    assert await told(database, slow) == []
    await after(27, 61.5)
    assert [item["seconds"] for item in await told(database, slow)] == [60.5]


async def due(database: Database) -> list[Due]:
    async with database.begin() as connection:
        await connection.execute(sa.text("UPDATE delivery SET next_at = now() WHERE next_at IS NOT NULL"))
    async with database.begin() as connection:
        return await alerts.claim(connection)


async def test_a_delivery_is_leased_and_tried_again_until_it_arrives_or_is_given_up(database: Database) -> None:
    webhook = await hooked(database)
    async with database.begin() as connection:
        made = await webhooks.test(connection, 1, webhook)
    async with database.begin() as connection:
        (one,) = await alerts.claim(connection)
        assert await alerts.claim(connection) == []
    assert (one.id, one.attempt, one.kind, one.secret) == (made.id, 1, AlertKind.TEST, "s" * 16)

    async def settled(attempt: Due, status: int | None, failure: str | None) -> webhooks.Delivery:
        async with database.begin() as connection:
            await alerts.settle(connection, attempt, status, failure)
            return (await webhooks.deliveries(connection, 1, webhook, None, 1))[0]

    failed = await settled(one, 500, "expected another status")
    assert (failed.status, failed.attempts, failed.delivered_at) == (500, 1, None)
    assert failed.next_at is not None
    (second,) = await due(database)
    (third,) = await due(database)
    assert third.attempt == 3
    before = await settled(second, 500, "too late to say that it failed")
    assert before.status == 500
    assert before.attempts == 3
    for _ in range(alerts.MOST_ATTEMPTS - 3):
        (third,) = await due(database)
        given_up = await settled(third, None, "no answer")
    assert (given_up.next_at, given_up.delivered_at) == (None, None)
    assert await due(database) == []


async def test_a_delivery_that_arrived_is_not_undone(database: Database) -> None:
    webhook = await hooked(database)
    async with database.begin() as connection:
        await webhooks.test(connection, 1, webhook)
    (first,) = await due(database)
    (second,) = await due(database)
    async with database.begin() as connection:
        await alerts.settle(connection, first, 204, None)
        await alerts.settle(connection, second, 500, "twice")
        (found,) = await webhooks.deliveries(connection, 1, webhook, None, 1)
    assert (found.status, found.failure, found.next_at) == (204, None, None)
    assert found.delivered_at is not None


async def test_deliveries_are_forgotten_in_time_and_nothing_is_told_twice(database: Database) -> None:
    webhook = await hooked(database)
    ended, broken = await new_run(database), await new_run(database)
    await new_run(database, budget=Budget(micro_dollars=1000))
    await log(database, ended, verified(4, 7.5), Finished(reason=StopReason.EVALUATIONS, champion=4))

    async def done(*statements: str) -> None:
        async with database.begin() as connection:
            for statement in statements:
                await connection.exec_driver_sql(statement)

    async def left() -> list[str]:
        async with database.begin() as connection:
            await alerts.look(connection)
            await alerts.forget(connection)
            return sorted(item.kind.value for item in await webhooks.deliveries(connection, 1, webhook, None, 100))

    async with database.begin() as connection:
        await damage.set_aside(connection, broken, "damaged")
        await webhooks.test(connection, 1, webhook)
    await done("UPDATE account SET spent_micro_dollars = 600 WHERE limit_micro_dollars = 1000")
    everything = ["budget", "run_ended", "run_ended", "test", "verified_best"]
    assert await left() == everything
    await done("UPDATE delivery SET created_at = created_at - interval '89 days', next_at = NULL")
    assert await left() == everything
    await done("UPDATE delivery SET created_at = created_at - interval '2 days'")
    assert await left() == ["budget", "run_ended"], "their causes are still looked at"
    await done("UPDATE run SET finished_at = now() - interval '91 days'")
    assert await left() == []
    assert await left() == []
    await done(
        "UPDATE project SET retention_days = 9",
        "INSERT INTO delivery (webhook, key, kind, payload, created_at) SELECT webhook.id, 'test:' || days, 'test', '{}', "
        "now() - make_interval(days => days) FROM webhook, (VALUES (8), (10)) AS old(days)",
    )
    assert await left() == ["test", "test"], "they are not delivered yet"
    await done("UPDATE delivery SET next_at = NULL")
    assert await left() == ["test"]


async def test_webhooks_that_cannot_be(database: Database) -> None:
    with pytest.raises(NotFound):
        await hooked(database, project=99)
    for _ in range(webhooks.MOST):
        last = await hooked(database)
    with pytest.raises(NotAllowed, match="20 webhooks already"):
        await hooked(database)
    async with database.begin() as connection:
        await webhooks.test(connection, 1, last)
        with pytest.raises(NotFound):
            await webhooks.delete(connection, 2, last, by=None)
        await webhooks.delete(connection, 1, last, by=None)
        assert await webhooks.deliveries(connection, 1, last, None, 9) == []
        with pytest.raises(NotFound):
            await webhooks.test(connection, 1, last)


async def test_without_webhooks_nothing_is_read(database: Database) -> None:
    run = await new_run(database)
    await log(database, run, best(1))
    async with database.begin() as connection:
        await alerts.look(connection)
        assert (await connection.execute(sa.text("SELECT count(*) FROM alert_position"))).scalar_one() == 0
