"""What was spent, summed up over runs, and who is told of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from database import allowances, completions, people, projects, runs
from database.completions import NewCall, Settlement
from database.engine import Database
from evolution.evaluation import Tier
from evolution.limits import Payer, Resource
from evolution.proposal import Operator
from evolution.run import Budget, RunConfig
from tests.database.scene import asked, choice, claimed, toy_problem
from tests.server.conftest import CountServed, Team
from tests.server.test_failures import told


async def started(database: Database, project: int, person: int | None, budget: Budget) -> int:
    async with database.begin() as connection:
        return await runs.create(
            connection, toy_problem(), RunConfig(budget=budget), 1, Tier.PLAIN, normalised_hash=b"seed", length=1, literals=1,
            project=project, person=person,
        )  # fmt: skip


async def called(database: Database, run: int, model: str, *costs: int) -> None:
    """Calls of a model for proposals of their own; one that costs 0 is never settled by its worker, and booked at 50."""
    first = 1 if model == "small" else 100
    numbers = range(first, first + len(costs))
    await asked(database, run, *numbers, what=choice(Operator.DIFF, model=model))
    for item, cost in zip(await claimed(database), costs, strict=True):
        async with database.begin() as connection:
            call = NewCall(item, model, "diff-1", "do it", 50, 500)
            _, (opened,) = await completions.book(connection, [], [call])
        assert isinstance(opened, int)
        if cost:
            async with database.begin() as connection:
                one = Settlement(opened, "text", None, "stop", 30, 4, cost, 1.0)
                assert await completions.book(connection, [one], []) == ([cost], [])
    async with database.begin() as connection:
        assert await completions.settle_all(connection, run) == costs.count(0)
        limits = await allowances.lock_counted(connection, run, 1, None, gpus=True)
        counts = {Resource.EVALUATIONS: (len(costs), 0), Resource.GPU_MILLISECONDS: (1500 * len(costs), 0)}
        await allowances.count(connection, run, limits, counts)


async def filled(database: Database) -> tuple[int, int, int]:
    """Two runs of two people in project 1, and one from the command line in another."""
    async with database.begin() as connection:
        ada, bob = [(await people.create_person(connection, name, by=None)).id for name in ("ada", "bob")]
        other = (await projects.create(connection, "other", by=None)).id
        limits = {Resource.MICRO_DOLLARS: 1000, Resource.TOKENS: 9000}
        await allowances.set_limits(connection, Payer.PROJECT, 1, limits, by=None)
        await allowances.set_limits(connection, Payer.PERSON, ada, {Resource.EVALUATIONS: 80}, by=None)
    first = await started(database, 1, ada, Budget(micro_dollars=600, evaluations=40, gpu_milliseconds=60_000))
    second = await started(database, 1, bob, Budget())
    third = await started(database, other, None, Budget())
    await called(database, first, "small", 10, 20, 0)
    await called(database, first, "large", 40)
    await called(database, second, "small", 5)
    await called(database, third, "small", 7)
    return first, second, third


async def test_it_is_summed_up_by_each(team: Team, database: Database, served_statements: CountServed) -> None:
    first, second, third = await filled(database)

    async def lines(by: str, **more: Any) -> list[dict[str, Any]]:
        with served_statements() as statements:
            found = (await team.root.get("/spend", params={"by": by, **more})).json()
        assert len(statements) == 1
        return found["items"]

    one, other = await lines("project")
    assert one == {
        "by": "project", "id": 1, "name": "default", "project": 1, "micro_dollars": 125, "tokens_in": 120, "tokens_out": 16,
        "calls": 5, "failed": 1, "evaluations": 5, "gpu_milliseconds": 7500,
        "limits": {"micro_dollars": 1000, "tokens": 9000, "evaluations": None, "gpu_milliseconds": None},
    }  # fmt: skip
    assert (other["name"], other["micro_dollars"], other["limits"]["micro_dollars"]) == ("other", 7, None)
    by_run = await lines("run")
    assert [(item["id"], item["micro_dollars"], item["evaluations"]) for item in by_run] == [
        (first, 120, 4), (second, 5, 1), (third, 7, 1),
    ]  # fmt: skip
    assert by_run[0]["limits"] == {"micro_dollars": 600, "tokens": None, "evaluations": 40, "gpu_milliseconds": 60_000}
    assert [item["gpu_milliseconds"] for item in by_run] == [6000, 1500, 1500]
    async with database.begin() as connection:
        accounts = await connection.execute(sa.text("SELECT spent_micro_dollars FROM account ORDER BY run"))
        assert list(accounts.scalars()) == [item["micro_dollars"] for item in by_run]
    nobody, ada, bob = await lines("person")
    assert (nobody["id"], nobody["name"], nobody["micro_dollars"]) == (None, "", 7)
    assert (ada["name"], ada["micro_dollars"], ada["limits"]["evaluations"]) == ("ada", 120, 80)
    assert (bob["name"], bob["evaluations"]) == ("bob", 1)
    large, small = await lines("model")
    assert (large["name"], large["calls"], large["micro_dollars"], large["limits"]) == ("large", 1, 40, None)
    assert (small["name"], small["calls"], small["failed"], small["gpu_milliseconds"]) == ("small", 5, 1, None)
    assert small["evaluations"] is None
    assert [item["calls"] for item in await lines("model", project=1)] == [1, 4]


async def test_only_since_a_day(team: Team, database: Database) -> None:
    first, _, _ = await filled(database)
    async with database.begin() as connection:
        await connection.execute(sa.text("UPDATE spending SET day = day - 3 WHERE run = :run"), {"run": first})
    today = datetime.now(UTC).date()
    for days, runs_of in ((2, 2), (4, 3)):
        since = (today - timedelta(days=days)).isoformat()
        found = (await team.root.get("/spend", params={"by": "run", "since": since})).json()["items"]
        assert len(found) == runs_of
    told(await team.root.get("/spend", params={"since": "yesterday"}), 400)


async def test_it_comes_in_pages(team: Team, database: Database) -> None:
    await filled(database)
    for by in ("project", "person", "run", "model"):
        whole = (await team.root.get("/spend", params={"by": by})).json()["items"]
        pages: list[Any] = []
        parameters: dict[str, Any] = {"by": by, "limit": 1}
        while True:
            page = (await team.root.get("/spend", params=parameters)).json()
            pages += page["items"]
            if page["next"] is None:
                break
            parameters["cursor"] = page["next"]
        assert pages == whole
    told(await team.root.get("/spend", params={"by": "model", "cursor": "WyJcdTAwMDAiXQ"}), 400)


async def test_who_may_inspect_nothing_is_told_of_nothing(team: Team, database: Database) -> None:
    await filled(database)
    assert [item["id"] for item in (await team.viewer.get("/spend")).json()["items"]] == [1]
    assert [item["limits"] for item in (await team.viewer.get("/spend", params={"by": "person"})).json()["items"]] == [None] * 2
    for client in (team.worker, team.stranger):
        assert (await client.get("/spend")).json()["items"] == []
        told(await client.get("/spend", params={"project": 1}), 403)
