import asyncio
import logging
from dataclasses import dataclass

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from database import allowances, audit, completions, leases, people, projects, prompt_views, runs
from database.allowances import Allowance, Allowances
from database.charges import OverBudget
from database.completions import NewCall, Reservation, Settlement
from database.engine import Database
from database.errors import NotAllowed, NotFound
from database.proposals import ClaimedProposal
from evolution.evaluation import Tier
from evolution.limits import Payer, Resource
from evolution.proposal import Operator
from evolution.run import Budget, RunConfig
from tests.conftest import CountStatements
from tests.database.scene import asked, blocked, choice, claimed, toy_problem

MONEY, TOKENS, EVALUATIONS = Resource.MICRO_DOLLARS, Resource.TOKENS, Resource.EVALUATIONS


@dataclass
class Team:
    """Two people with two projects, and a run of each person in each project."""

    database: Database
    people: tuple[int, int]
    projects: tuple[int, int]
    runs: dict[tuple[int, int], int]

    async def limit(self, payer: Payer, owner: int, **limits: int | None) -> Allowances:
        async with self.database.begin() as connection:
            chosen = {Resource(name): most for name, most in limits.items()}
            return await allowances.set_limits(connection, payer, owner, chosen, by=None)

    async def allowed(self, payer: Payer, owner: int) -> Allowances:
        async with self.database.begin() as connection:
            return (await allowances.of(connection, payer, [owner]))[owner]

    async def work(self, run: int, count: int, first: int = 1, lease_s: float = 60.0) -> list[ClaimedProposal]:
        await asked(self.database, run, *range(first, first + count), what=choice(Operator.DIFF, model="m"))
        return await claimed(self.database, lease_s=lease_s)


@pytest.fixture
async def team(database: Database) -> Team:
    async with database.begin() as connection:
        ada, bob = [(await people.create_person(connection, name, by=None)).id for name in ("ada", "bob")]
        one, two = [(await projects.create(connection, name, by=None)).id for name in ("proteins", "circles")]
        made = {
            (person, project): await runs.create(
                connection,
                toy_problem(),
                RunConfig(budget=Budget()),
                1,
                Tier.PLAIN,
                normalised_hash=b"seed",
                length=1,
                literals=1,
                project=project,
                person=person,
            )
            for person in (ada, bob)
            for project in (one, two)
        }
    return Team(database, (ada, bob), (one, two), made)


async def reserve(database: Database, item: ClaimedProposal, micro_dollars: int, tokens: int = 0) -> Reservation:
    async with database.begin() as connection:
        call = NewCall(item, "m", "diff-1", "do it", micro_dollars, tokens)
        return (await completions.book(connection, [], [call]))[1][0]


async def settle(
    database: Database, completion: Reservation, cost: int, tokens: int = 0, unreported: bool = False
) -> int | None:
    assert isinstance(completion, int)
    async with database.begin() as connection:
        one = Settlement(completion, "text", None, "stop", tokens, 0, cost, 1.0, unreported)
        return (await completions.book(connection, [one], []))[0][0]


async def test_a_call_is_charged_to_its_run_its_project_and_its_person(team: Team) -> None:
    ada, proteins = team.people[0], team.projects[0]
    (item,) = await team.work(team.runs[ada, proteins], 1)
    opened = await reserve(team.database, item, 60, tokens=500)
    for payer, owner in ((Payer.PROJECT, proteins), (Payer.PERSON, ada)):
        found = await team.allowed(payer, owner)
        nothing = Allowance(None, 0, 0)
        asked_for = {MONEY: Allowance(None, 0, 60), TOKENS: Allowance(None, 0, 500)}
        assert found == asked_for | {EVALUATIONS: nothing, Resource.GPU_MILLISECONDS: nothing}
    assert await settle(team.database, opened, 25, tokens=120) == 25
    for payer, owner in ((Payer.PROJECT, proteins), (Payer.PERSON, ada)):
        found = await team.allowed(payer, owner)
        assert (found[MONEY], found[TOKENS]) == (Allowance(None, 25, 0), Allowance(None, 120, 0))
    for payer, owner in ((Payer.PROJECT, team.projects[1]), (Payer.PERSON, team.people[1])):
        assert set((await team.allowed(payer, owner)).values()) == {Allowance(None, 0, 0)}


@pytest.mark.parametrize(
    ("payer", "resource", "words"),
    [
        (Payer.PROJECT, MONEY, "project 'proteins' has 40 micro-dollars left"),
        (Payer.PROJECT, TOKENS, "project 'proteins' has 40 tokens left"),
        (Payer.PERSON, MONEY, "person 'ada' has 40 micro-dollars left"),
        (Payer.PERSON, TOKENS, "person 'ada' has 40 tokens left"),
    ],
)
async def test_a_limit_holds_over_all_runs_and_says_whose_it_is(
    team: Team, payer: Payer, resource: Resource, words: str
) -> None:
    (ada, bob), (proteins, circles) = team.people, team.projects
    await team.limit(payer, ada if payer is Payer.PERSON else proteins, **{resource.value: 100})
    amounts = {"micro_dollars": 60, "tokens": 60}
    other = (ada, circles) if payer is Payer.PERSON else (bob, proteins)
    (item,) = await team.work(team.runs[other], 1)
    assert isinstance(await reserve(team.database, item, **amounts), int)
    mine, second = await team.work(team.runs[ada, proteins], 2)
    refused = await reserve(team.database, mine, **amounts)
    assert isinstance(refused, OverBudget)
    assert (refused.left, refused.resource, refused.payer) == (40, resource, payer)
    assert str(refused) == words
    assert isinstance(await reserve(team.database, second, 40, 40), int)
    free = (bob, circles)
    (item,) = await team.work(team.runs[free], 1)
    assert isinstance(await reserve(team.database, item, **amounts), int)


async def test_a_refused_call_is_charged_to_nobody(team: Team) -> None:
    (ada, _), (proteins, _) = team.people, team.projects
    await team.limit(Payer.PERSON, ada, tokens=10)
    (item,) = await team.work(team.runs[ada, proteins], 1)
    assert isinstance(await reserve(team.database, item, 60, tokens=11), OverBudget)
    for payer, owner in ((Payer.PROJECT, proteins), (Payer.PERSON, ada)):
        assert {(one.spent, one.reserved) for one in (await team.allowed(payer, owner)).values()} == {(0, 0)}
    async with team.database.begin() as connection:
        assert (await runs.load(connection, item.run)).account.reserved_micro_dollars == 0


async def test_fifty_workers_at_once_never_exceed_what_a_project_and_a_person_may_spend(team: Team) -> None:
    (ada, bob), (proteins, circles) = team.people, team.projects
    await team.limit(Payer.PROJECT, proteins, micro_dollars=1000)
    await team.limit(Payer.PERSON, ada, micro_dollars=700)
    items: list[ClaimedProposal] = []
    for place in ((ada, proteins), (bob, proteins), (ada, circles)):
        items += await team.work(team.runs[place], 17)
    results = await asyncio.gather(*(reserve(team.database, item, 90) for item in items[:50]))
    held = [result for result in results if isinstance(result, int)]
    project, person = await team.allowed(Payer.PROJECT, proteins), await team.allowed(Payer.PERSON, ada)
    assert project[MONEY].reserved <= 1000
    assert person[MONEY].reserved <= 700
    refused = [result for result in results if isinstance(result, OverBudget)]
    assert len(held) + len(refused) == 50
    assert {one.payer for one in refused} <= {Payer.PROJECT, Payer.PERSON}
    assert all(one.left < 90 for one in refused)
    assert await asyncio.gather(*(settle(team.database, completion, 80) for completion in held)) == [80] * len(held)
    project, person = await team.allowed(Payer.PROJECT, proteins), await team.allowed(Payer.PERSON, ada)
    assert (project[MONEY].reserved, person[MONEY].reserved) == (0, 0)
    async with team.database.begin() as connection:
        spent = sa.text("SELECT sum(spent_micro_dollars) FROM account JOIN run ON run.id = account.run WHERE project = :of")
        assert (await connection.execute(spent, {"of": proteins})).scalar_one() == project[MONEY].spent
        spent = sa.text("SELECT sum(spent_micro_dollars) FROM account JOIN run ON run.id = account.run WHERE person = :of")
        assert (await connection.execute(spent, {"of": ada})).scalar_one() == person[MONEY].spent


async def test_the_database_itself_refuses_to_exceed_a_limit(team: Team) -> None:
    await team.limit(Payer.PROJECT, team.projects[0], micro_dollars=100, tokens=100, evaluations=100)
    for column in ("spent", "reserved"):
        with pytest.raises(sa.exc.IntegrityError, match="within_limit"):
            async with team.database.begin() as connection:
                await connection.execute(sa.text(f"UPDATE allowance SET {column} = 101"))  # noqa: S608


async def test_a_worker_that_dies_pays_its_reservation_everywhere_once(team: Team) -> None:
    (ada, _), (proteins, _) = team.people, team.projects
    items = await team.work(team.runs[ada, proteins], 3, lease_s=0.0)
    opened = [await reserve(team.database, item, 30, tokens=200) for item in items]
    assert await settle(team.database, opened[0], 5, tokens=20) == 5
    for lost in (2, 0):
        async with team.database.begin() as connection:
            await leases.expire(connection)
            assert await completions.settle_lost(connection) == lost
        for payer, owner in ((Payer.PROJECT, proteins), (Payer.PERSON, ada)):
            found = await team.allowed(payer, owner)
            assert (found[MONEY], found[TOKENS]) == (Allowance(None, 65, 0), Allowance(None, 420, 0))
    assert await settle(team.database, opened[1], 5, tokens=20) is None
    assert (await team.allowed(Payer.PERSON, ada))[MONEY] == Allowance(None, 65, 0)


async def test_what_an_endpoint_does_not_report_counts_as_all_that_was_reserved(team: Team) -> None:
    (ada, _), (proteins, _) = team.people, team.projects
    (item,) = await team.work(team.runs[ada, proteins], 1)
    opened = await reserve(team.database, item, 30, tokens=200)
    await settle(team.database, opened, 30, unreported=True)
    assert (await team.allowed(Payer.PERSON, ada))[TOKENS] == Allowance(None, 200, 0)


async def test_a_dearer_call_is_booked_as_far_as_every_limit_allows(team: Team, caplog: pytest.LogCaptureFixture) -> None:
    (ada, _), (proteins, _) = team.people, team.projects
    await team.limit(Payer.PROJECT, proteins, micro_dollars=100, tokens=1000)
    await team.limit(Payer.PERSON, ada, micro_dollars=90)
    (item,) = await team.work(team.runs[ada, proteins], 1)
    opened = await reserve(team.database, item, 30, tokens=200)
    with caplog.at_level(logging.ERROR):
        assert await settle(team.database, opened, 120, tokens=1200) == 90
    assert "took 120 micro-dollars, 30 were reserved and the limits have room for 90" in caplog.text
    assert "took 1200 tokens" in caplog.text
    assert (await team.allowed(Payer.PROJECT, proteins))[MONEY] == Allowance(100, 90, 0)
    assert (await team.allowed(Payer.PROJECT, proteins))[TOKENS] == Allowance(1000, 1000, 0)
    assert (await team.allowed(Payer.PERSON, ada))[TOKENS] == Allowance(None, 1000, 0)


async def test_workers_of_many_projects_and_the_reaper_never_deadlock(team: Team) -> None:
    (ada, bob), (proteins, circles) = team.people, team.projects
    crossed = [(ada, proteins), (bob, circles), (bob, proteins), (ada, circles)]
    items = [(await team.work(team.runs[place], 1, lease_s=0.0))[0] for place in crossed]
    opened = [await reserve(team.database, item, 10) for item in items]
    calls = [(await team.work(team.runs[place], 1, first=2))[-1] for place in reversed(crossed)]

    async def booking(completion: Reservation, item: ClaimedProposal) -> None:
        assert isinstance(completion, int)
        async with team.database.begin() as connection:
            one = Settlement(completion, "a", None, "stop", 1, 1, 5, 1.0)
            await completions.book(connection, [one], [NewCall(item, "m", "t", "p", 10, 5)])

    async def reap() -> int:
        async with team.database.begin() as connection:
            await leases.expire(connection)
            return await completions.settle_lost(connection)

    async with team.database.begin() as connection:
        await connection.execute(sa.text("SELECT FROM allowance ORDER BY id FOR UPDATE"))
        going = [asyncio.create_task(booking(*pair)) for pair in zip(opened[:2], calls[:2], strict=True)]
        reaping = asyncio.create_task(reap())
        await blocked(team.database, 3)
    await asyncio.gather(*going)
    assert await reaping >= 2


async def test_batches_cost_a_constant_number_of_statements(team: Team, count_statements: CountStatements) -> None:
    (ada, bob), (proteins, circles) = team.people, team.projects
    counts: list[int] = []
    for first, places in ((1, [(ada, proteins)]), (100, [(ada, proteins), (bob, circles), (ada, circles)])):
        items = [item for place in places for item in await team.work(team.runs[place], 5, first)]
        with count_statements() as statements:
            async with team.database.begin() as connection:
                await completions.book(connection, [], [NewCall(item, "m", "t", "p", 1, 1) for item in items])
        counts.append(len(statements))
    assert counts[0] == counts[1] == 6


async def test_a_limit_is_not_set_below_what_is_spent_or_reserved(team: Team) -> None:
    (ada, _), (proteins, _) = team.people, team.projects
    (item,) = await team.work(team.runs[ada, proteins], 1)
    assert isinstance(await reserve(team.database, item, 60), int)
    with pytest.raises(NotAllowed, match=f"person {ada} has spent or reserved 60 micro-dollars already"):
        await team.limit(Payer.PERSON, ada, tokens=5, micro_dollars=59)
    assert (await team.allowed(Payer.PERSON, ada))[TOKENS] == Allowance(None, 0, 0)
    assert (await team.limit(Payer.PERSON, ada, micro_dollars=60))[MONEY] == Allowance(60, 0, 60)
    assert (await team.limit(Payer.PERSON, ada, micro_dollars=None))[MONEY] == Allowance(None, 0, 60)
    with pytest.raises(NotFound, match="no project 99"):
        await team.limit(Payer.PROJECT, 99, tokens=5)
    async with team.database.begin() as connection:
        newest = (await audit.read(connection, limit=1))[0]
    assert (newest.action, newest.subject, newest.detail) == ("set_limits", f"person {ada}", {"micro_dollars": None})


async def test_a_model_without_a_price_is_not_asked_where_anybodys_money_is_limited(team: Team) -> None:
    (ada, bob), (proteins, circles) = team.people, team.projects

    async def limited(place: tuple[int, int]) -> bool:
        async with team.database.begin() as connection:
            return await prompt_views.money_limited(connection, team.runs[place])

    assert not await limited((ada, proteins))
    await team.limit(Payer.PROJECT, proteins, micro_dollars=5)
    await team.limit(Payer.PERSON, bob, micro_dollars=5)
    await team.limit(Payer.PERSON, ada, tokens=5)
    assert [await limited(place) for place in ((ada, proteins), (bob, circles), (ada, circles))] == [True, True, False]


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 40), st.integers(0, 60)), max_size=8))
async def test_no_limit_is_ever_exceeded_and_every_owner_pays_what_its_runs_paid(
    team: Team, steps: list[tuple[int, int, int]]
) -> None:
    (ada, bob), (proteins, circles) = team.people, team.projects
    places = [(ada, proteins), (ada, circles), (bob, proteins), (bob, circles)]
    before = {place: await team.allowed(Payer.PROJECT, place) for place in team.projects}
    await team.limit(Payer.PROJECT, proteins, micro_dollars=before[proteins][MONEY].spent + 80)
    await team.limit(Payer.PERSON, ada, micro_dollars=(await team.allowed(Payer.PERSON, ada))[MONEY].spent + 60)
    for place, amount, cost in steps:
        async with team.database.begin() as connection:
            newest = sa.text("SELECT coalesce(max(number), 0) FROM proposal WHERE run = :run")
            first: int = (await connection.execute(newest, {"run": team.runs[places[place]]})).scalar_one() + 1
        (item,) = await team.work(team.runs[places[place]], 1, first=first)
        opened = await reserve(team.database, item, amount)
        if isinstance(opened, int) and cost != amount:
            booked = await settle(team.database, opened, cost)
            assert booked is not None
            assert booked <= cost
    async with team.database.begin() as connection:
        rows = await connection.execute(
            sa.text(
                "SELECT w.spent, w.reserved, w.most, sum(a.spent_micro_dollars) AS paid, sum(a.reserved_micro_dollars) AS held "
                "FROM allowance w JOIN run r ON r.project = w.project OR r.person = w.person JOIN account a ON a.run = r.id "
                "WHERE w.resource = 'micro_dollars' GROUP BY w.id"
            )
        )
        for row in rows:
            assert (row.spent, row.reserved) == (row.paid, row.held)
            assert row.most is None or row.spent + row.reserved <= row.most
