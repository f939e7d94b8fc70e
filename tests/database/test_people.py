import asyncio
import hashlib
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from database import audit, people, problems, projects, runs
from database.engine import Database
from database.errors import NotAllowed, NotFound
from database.people import Caller, NewToken, Person
from database.people_tables import project_problem
from evolution.people import Action, Role
from tests.conftest import CountStatements
from tests.database.scene import count, new_run, toy_problem


async def added(database: Database, name: str, admin: bool = False) -> Person:
    async with database.begin() as connection:
        return await people.create_person(connection, name, by=None, is_admin=admin)


async def token_of(database: Database, person: int, expires_at: datetime | None = None) -> NewToken:
    async with database.begin() as connection:
        return await people.create_token(connection, person, "laptop", by=None, expires_at=expires_at)


async def known_as(database: Database, text: str) -> Caller | None:
    async with database.begin() as connection:
        return await people.identify(connection, text)


async def test_a_token_stands_for_its_person_and_all_memberships(database: Database) -> None:
    ada, bob = await added(database, "ada"), await added(database, "bob")
    async with database.begin() as connection:
        other = await projects.create(connection, "proteins", by=None)
        await projects.set_member(connection, runs.DEFAULT_PROJECT, ada.id, Role.VIEWER, by=None)
        await projects.set_member(connection, other.id, ada.id, Role.WORKER, by=None)
        await projects.set_member(connection, other.id, ada.id, Role.ADMIN, by=None)
        await projects.set_member(connection, other.id, bob.id, Role.MEMBER, by=None)
    made = await token_of(database, ada.id)
    assert made.text.startswith(people.PREFIX)
    found = await known_as(database, made.text)
    assert found == Caller(ada.id, "ada", False, made.id, {runs.DEFAULT_PROJECT: Role.VIEWER, other.id: Role.ADMIN})
    assert found.may(Action.READ, runs.DEFAULT_PROJECT)
    assert not found.may(Action.STEER, runs.DEFAULT_PROJECT)
    assert found.may(Action.ADMINISTER, other.id)
    async with database.begin() as connection:
        await projects.remove_member(connection, other.id, ada.id, by=None)
        assert [member.name for member in await projects.members(connection, other.id)] == ["bob"]
    found = await known_as(database, made.text)
    assert found is not None
    assert not found.may(Action.READ, other.id)


async def test_an_administrator_may_do_all_everywhere_and_belongs_nowhere(database: Database) -> None:
    root = await added(database, "root", admin=True)
    found = await known_as(database, (await token_of(database, root.id)).text)
    assert found is not None
    assert found.memberships == {}
    assert all(found.may(action, project) for action in Action for project in (1, 99))


async def test_a_token_that_is_worth_nothing_stands_for_nobody(database: Database) -> None:
    ada = await added(database, "ada")
    now = datetime.now(UTC)
    expired = await token_of(database, ada.id, now - timedelta(seconds=1))
    good = await token_of(database, ada.id, now + timedelta(hours=1))
    revoked = await token_of(database, ada.id)
    async with database.begin() as connection:
        once = await people.revoke_token(connection, revoked.id, by=None)
        assert (await people.revoke_token(connection, revoked.id, by=None)).revoked_at == once.revoked_at
    assert await known_as(database, good.text) is not None
    for text in (expired.text, revoked.text, "", good.text[:-1], good.text + "x", "gal_\0", "x" * 100_000):
        assert await known_as(database, text) is None
    async with database.begin() as connection:
        await people.create_person(connection, "root", by=None, is_admin=True)
        await people.set_active(connection, ada.id, False, by=None)
    assert await known_as(database, good.text) is None
    with pytest.raises(NotAllowed, match="deactivated"):
        await token_of(database, ada.id)
    async with database.begin() as connection:
        await people.set_active(connection, ada.id, True, by=None)
    assert await known_as(database, good.text) is not None


async def test_only_the_hash_of_a_token_is_stored_and_nobody_is_told_it(database: Database) -> None:
    made = await token_of(database, (await added(database, "ada")).id)
    async with database.begin() as connection:
        row = (await connection.execute(sa.text("SELECT * FROM token"))).mappings().one()
        told = await people.tokens(connection)
        trail = await audit.read(connection)
    assert row["hash"] == hashlib.sha256(made.text.encode()).digest()
    assert made.text not in str(dict(row))
    assert not hasattr(told[0], "hash")
    assert made.text not in str(trail)


async def test_who_a_caller_is_costs_one_statement_and_is_noted_once_a_minute(
    database: Database, count_statements: CountStatements
) -> None:
    made = await token_of(database, (await added(database, "ada")).id)

    async def used() -> datetime | None:
        async with database.begin() as connection:
            return (await people.token(connection, made.id)).last_used_at

    assert await used() is None
    with count_statements() as statements:
        await known_as(database, made.text)
    assert len(statements) == 1
    first = await used()
    assert first is not None
    await known_as(database, made.text)
    assert await used() == first
    async with database.begin() as connection:
        await connection.execute(sa.text("UPDATE token SET last_used_at = now() - interval '61 seconds'"))
    await known_as(database, made.text)
    again = await used()
    assert again is not None
    assert again >= first


async def test_nobody_waits_for_a_request_of_the_same_token_that_takes_long(database: Database) -> None:
    made = await token_of(database, (await added(database, "ada")).id)
    async with database.begin() as slow:
        assert await people.identify(slow, made.text) is not None
        async with asyncio.timeout(5):
            assert await known_as(database, made.text) is not None


async def test_an_installation_begins_with_one_administrator(database: Database) -> None:
    async def begin(name: str) -> NewToken:
        async with database.begin() as connection:
            return await people.first_administrator(connection, name)

    async with database.begin() as connection:
        assert not await people.any_token(connection)
    results = await asyncio.gather(*(begin(f"root {number}") for number in range(4)), return_exceptions=True)
    [made] = [result for result in results if isinstance(result, NewToken)]
    assert all("tokens already" in str(result) for result in results if result is not made)
    async with database.begin() as connection:
        assert await people.any_token(connection)
        assert len(await people.people(connection)) == 1
    found = await known_as(database, made.text)
    assert found is not None
    assert found.is_admin


async def test_one_administrator_always_stays(database: Database) -> None:
    one, two = await added(database, "one", admin=True), await added(database, "two", admin=True)

    async def leave(person: int) -> Person:
        async with database.begin() as connection:
            return await people.set_active(connection, person, False, by=None)

    results = await asyncio.gather(leave(one.id), leave(two.id), return_exceptions=True)
    assert sum(isinstance(result, NotAllowed) for result in results) == 1
    async with database.begin() as connection:
        assert [person.active for person in await people.people(connection) if person.active] == [True]


@pytest.mark.parametrize("name", ["", " ada", "ada ", "a\nb", "a\0b", "x" * 101, "\ud800"])
async def test_names_that_cannot_be_read_are_refused(database: Database, name: str) -> None:
    async with database.begin() as connection:
        with pytest.raises(NotAllowed, match="visible characters"):
            await people.create_person(connection, name, by=None)
        with pytest.raises(NotAllowed, match="visible characters"):
            await projects.create(connection, name, by=None)


async def test_names_are_given_once(database: Database) -> None:
    await added(database, "ada")
    with pytest.raises(NotAllowed, match="named 'ada' already"):
        await added(database, "ada")
    async with database.begin() as connection:
        made = await projects.create(connection, "proteins", by=None)
        with pytest.raises(NotAllowed, match="named 'default' already"):
            await projects.create(connection, "default", by=None)
        with pytest.raises(NotAllowed, match="named 'default' already"):
            await projects.rename(connection, made.id, "default", by=None)
        assert (await projects.rename(connection, made.id, "proteins", by=None)).name == "proteins"
        assert (await projects.rename(connection, made.id, "folding", by=None)).name == "folding"
        assert [project.name for project in await projects.projects(connection)] == ["default", "folding"]


async def test_what_is_not_there_is_said(database: Database) -> None:
    async with database.begin() as connection:
        for missing in (
            people.person(connection, "nobody"),
            people.token(connection, 9),
            people.revoke_token(connection, 9, by=None),
            people.set_active(connection, 9, True, by=None),
            people.create_token(connection, 9, "x", by=None),
            projects.load(connection, "nothing"),
            projects.rename(connection, 9, "x", by=None),
            projects.set_member(connection, 1, 9, Role.ADMIN, by=None),
            projects.set_member(connection, 9, 1, Role.ADMIN, by=None),
            projects.remove_member(connection, 1, 9, by=None),
        ):
            with pytest.raises(NotFound):
                await missing


async def test_every_change_is_in_the_audit_log_with_who_did_it(database: Database) -> None:
    root = await added(database, "root", admin=True)
    caller = await known_as(database, (await token_of(database, root.id)).text)
    assert caller is not None
    async with database.begin() as connection:
        ada = await people.create_person(connection, "ada", by=caller)
        project = await projects.create(connection, "proteins", by=caller)
        await projects.rename(connection, project.id, "folding", by=caller)
        await projects.set_member(connection, project.id, ada.id, Role.MEMBER, by=caller)
        await projects.remove_member(connection, project.id, ada.id, by=caller)
        made = await people.create_token(connection, ada.id, "laptop", by=caller)
        await people.revoke_token(connection, made.id, by=caller)
        await people.set_active(connection, ada.id, False, by=caller)
        await people.set_active(connection, ada.id, True, by=caller)
    async with database.begin() as connection:
        found = await audit.read(connection, limit=9)
        before = await audit.read(connection, before=found[-1].id)
    assert [(entry.action, entry.subject) for entry in reversed(found)] == [
        ("create_person", f"person {ada.id}"),
        ("create_project", f"project {project.id}"),
        ("rename_project", f"project {project.id}"),
        ("set_member", f"project {project.id}"),
        ("remove_member", f"project {project.id}"),
        ("create_token", f"token {made.id}"),
        ("revoke_token", f"token {made.id}"),
        ("deactivate_person", f"person {ada.id}"),
        ("activate_person", f"person {ada.id}"),
    ]
    assert {(entry.person, entry.name, entry.token) for entry in found} == {(root.id, "root", caller.token)}
    assert [(entry.action, entry.person, entry.token) for entry in before] == [
        ("create_token", None, None),
        ("create_person", None, None),
    ]
    assert found[5].detail == {"person": ada.id, "role": "member"}


@pytest.mark.parametrize("change", ["UPDATE audit SET action = 'nothing'", "DELETE FROM audit", "TRUNCATE audit"])
async def test_the_audit_log_is_only_appended_to(database: Database, change: str) -> None:
    await added(database, "ada")
    with pytest.raises(sa.exc.DBAPIError, match="written once"):
        async with database.begin() as connection:
            await connection.execute(sa.text(change))
    async with database.begin() as connection:
        assert len(await audit.read(connection)) == 1


async def test_a_run_belongs_to_a_project_which_knows_its_problem(database: Database) -> None:
    run = await new_run(database)
    async with database.begin() as connection:
        row = await runs.load(connection, run)
        assert (row.project, row.person) == (runs.DEFAULT_PROJECT, None)
        ada = await people.create_person(connection, "ada", by=None)
        other = await projects.create(connection, "proteins", by=None)
        second = await runs.create(
            connection,
            toy_problem(),
            row.config,
            1,
            row.tier,
            normalised_hash=b"seed",
            length=1,
            literals=1,
            project=other.id,
            person=ada.id,
        )
        found = await runs.load(connection, second)
        assert (found.project, found.person) == (other.id, ada.id)
        await problems.add(connection, other.id, toy_problem().revision)
    assert await count(database, project_problem) == 2
