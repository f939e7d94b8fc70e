"""Each kind of process has a role in the database that may do what its kind does, and nothing else."""

import asyncio
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest
import sqlalchemy as sa

from database import (
    alerts,
    assignments,
    audit,
    commands,
    completions,
    fleet,
    people,
    projects,
    proposals,
    retention,
    runs,
    sign_ins,
    webhooks,
)
from database.engine import Database, connect_arguments
from database.errors import WrongDatabaseUrl
from database.health import schema_complaint
from database.migrate import MigrateSettings, upgrade
from database.settings import SettingsError
from database.sign_ins import Account
from evolution.commands import CommandState, Stop
from evolution.evaluation import Tier
from evolution.normalise import normalise
from evolution.people import Role
from evolution.process import Kind
from evolution.proposal import MODEL_OPERATORS, Operator
from evolution.run import Budget, ModelChoice, RunConfig, RunState
from galapagos.problem_folder import read_problem_folder
from tests.database.scene import EVERY_KIND, answered, asked, choice, new_run
from tests.database.test_alerts import hook
from tests.deployment.roles_server import PASSWORD, RolesServer, roles_server
from tests.openai_server import Says, serving
from tests.processes.kit import ROOT, TWENTY
from tests.processes.test_models import good, models_file

OWNER = "postgresql://owner@localhost/galapagos"


@pytest.fixture(scope="module")
def server() -> Generator[RolesServer]:
    with roles_server() as made:
        yield made


SEEN_BY_EVALUATORS = ("account", "completion", "assignment", "event", "elite", "scored", "record", "search_state")
REFUSED = [
    *((kind, "UPDATE assignment SET answer = NULL") for kind in Kind if kind is not Kind.SERVER),
    (Kind.SERVER, "UPDATE proposal SET refusal = NULL"),
    (Kind.SERVER, "INSERT INTO assignment (run, proposal, handed, model, template, prompt, expires_at) "
     "VALUES (1, 1, 1, 'team', 't', '', now())"),
    *((Kind.EVALUATORS, f"SELECT FROM {table}") for table in SEEN_BY_EVALUATORS),
    (Kind.EVALUATORS, "SELECT operator FROM proposal"),
    (Kind.EVALUATORS, "SELECT child FROM proposal"),
    (Kind.EVALUATORS, "UPDATE proposal SET closed_event = 1"),
    (Kind.EVALUATORS, "SELECT config FROM run"),
    (Kind.EVALUATORS, "INSERT INTO command (run, kind, payload) VALUES (1, 'stop', '{}')"),
    (Kind.EVALUATORS, "INSERT INTO evaluation (run, program, purpose, tier) VALUES (1, 1, 'search', 'plain')"),
    (Kind.EVALUATORS, "UPDATE evaluation SET program = 1"),
    (Kind.EVALUATORS, "DELETE FROM evaluation"),
    (Kind.EVALUATORS, "INSERT INTO program SELECT FROM program"),
    (Kind.WORKERS, "UPDATE evaluation SET verdict = 'scored', score = 1e9"),
    (Kind.WORKERS, "INSERT INTO evaluation (run, program, purpose, tier, state, verdict, score) "
     "VALUES (1, 1, 'search', 'plain', 'finished', 'scored', 1e9)"),
    (Kind.WORKERS, "SELECT secret FROM run"),
    (Kind.WORKERS, "INSERT INTO command (run, kind, payload) VALUES (1, 'stop', '{}')"),
    (Kind.WORKERS, "UPDATE account SET limit_micro_dollars = NULL"),
    (Kind.WORKERS, "INSERT INTO event (run, number, kind, payload) VALUES (1, 1, 'x', '{}')"),
    (Kind.WORKERS, "UPDATE elite SET score = 1e9"),
    (Kind.WORKERS, "DELETE FROM program"),
    (Kind.CONTROLLER, "UPDATE evaluation SET score = 1e9"),
    (Kind.CONTROLLER, "UPDATE completion SET answer = NULL"),
    (Kind.CONTROLLER, "DELETE FROM run"),
    (Kind.CONTROLLER, "INSERT INTO problem_file SELECT FROM problem_file"),
    (Kind.SERVER, "UPDATE evaluation SET score = 1e9"),
    (Kind.SERVER, "INSERT INTO event (run, number, kind, payload) VALUES (1, 1, 'x', '{}')"),
    (Kind.SERVER, "UPDATE elite SET score = 1e9"),
    (Kind.SERVER, "UPDATE account SET spent_micro_dollars = 0"),
    (Kind.SERVER, "DELETE FROM run"),
    (Kind.SERVER, "UPDATE person SET is_admin = true"),
    (Kind.SERVER, "UPDATE token SET expires_at = NULL"),
    (Kind.SERVER, "DELETE FROM audit"),
    *((kind, f"SELECT FROM {table}") for kind in Kind if kind is not Kind.SERVER for table in ("token", "membership", "audit")),
    *((kind, "CREATE TABLE mine (x int)") for kind in Kind),
    *((kind, "CREATE TEMPORARY TABLE mine (x int)") for kind in Kind),
    *((kind, "ALTER TABLE evaluation DROP CONSTRAINT ck_evaluation_score_iff_scored") for kind in Kind),
    *((kind, "DROP POLICY granted ON blob") for kind in Kind),
    *((kind, "CREATE ROLE other SUPERUSER") for kind in Kind),
    *((kind, "SELECT pg_read_file('/etc/passwd')") for kind in Kind),
    *((kind, "TRUNCATE event") for kind in Kind),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "statement"), REFUSED)
async def test_what_a_kind_never_does_it_may_not(server: RolesServer, kind: Kind, statement: str) -> None:
    connection = await asyncpg.connect(**connect_arguments(server.kinds[kind]))
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    finally:
        await connection.close()


async def test_a_role_needs_its_password(server: RolesServer) -> None:
    url = server.kinds[Kind.WORKERS].replace(PASSWORD[:7], "another")
    async with Database(url) as database:
        with pytest.raises(WrongDatabaseUrl, match="refuses the login"):
            async with database.begin():
                pass


async def test_evaluators_read_programs_and_problems_but_no_prompt_and_no_answer(server: RolesServer) -> None:
    async with Database(server.owner) as owner:
        run = await new_run(owner)
        await asked(owner, run, 1)
        async with owner.begin() as connection:
            (claimed,) = await proposals.claim(connection, "worker", 10, 60.0, EVERY_KIND)
            made = await completions.reserve(
                connection, claimed, model="small", template="t", prompt="a prompt", micro_dollars=0
            )
            assert isinstance(made, int)
            await completions.settle(
                connection, made, answer="an answer", failure=None, finish_reason="stop", tokens_in=1, tokens_out=1,
                micro_dollars=0, latency_s=0.1,
            )  # fmt: skip
            every = set((await connection.execute(sa.text("SELECT content FROM blob"))).scalars())
            await commands.ask(connection, run, Stop())
    async with Database(server.kinds[Kind.EVALUATORS]) as database, database.begin() as connection:
        seen = set((await connection.execute(sa.text("SELECT content FROM blob"))).scalars())
    assert every - seen == {b"a prompt", b"an answer"}
    async with Database(server.kinds[Kind.WORKERS]) as database, database.begin() as connection:
        assert every == set((await connection.execute(sa.text("SELECT content FROM blob"))).scalars())


async def test_people_and_projects_are_administered_in_the_role_of_the_server(server: RolesServer) -> None:
    async with Database(server.kinds[Kind.SERVER]) as database, database.begin() as connection:
        first = await people.first_administrator(connection, "ada")
        caller = await people.identify(connection, first.text)
        assert caller is not None
        bob = await people.create_person(connection, "bob", by=caller)
        made = await people.create_token(connection, bob.id, "laptop", by=caller)
        project = await projects.create(connection, "proteins", by=caller)
        await projects.rename(connection, project.id, "folding", by=caller)
        await projects.set_member(connection, project.id, bob.id, Role.MEMBER, by=caller)
        await projects.set_member(connection, project.id, bob.id, Role.ADMIN, by=caller)
        await projects.remove_member(connection, project.id, bob.id, by=caller)
        await people.revoke_token(connection, made.id, by=caller)
        await people.set_active(connection, bob.id, False, by=caller)
        assert len(await audit.read(connection)) == 11


async def test_people_sign_in_and_out_in_the_role_of_the_server(server: RolesServer) -> None:
    account = Account("https://accounts.example.org", "1", "eve@example.org", verified=True)
    async with Database(server.kinds[Kind.SERVER]) as database, database.begin() as connection:
        await sign_ins.begin(connection, "state", "secret")
        assert await sign_ins.take(connection, "state", "secret")
        person, new = await sign_ins.person_of(connection, account, create=True)
        assert (person.name, new) == ("eve@example.org", True)
        assert await sign_ins.person_of(connection, account, create=False) == (person, False)
        await sign_ins.set_role(connection, person.id, "default", Role.VIEWER)
        token = await sign_ins.make_token(connection, person.id, 1.0)
        caller = await people.identify(connection, token.text)
        assert caller is not None
        assert caller.memberships == {1: Role.VIEWER}
        await sign_ins.set_role(connection, person.id, "default", None)
        await sign_ins.end(connection, token.text)
        assert await people.identify(connection, token.text) is None
        await sign_ins.unlink(connection, person.id, by=None)


async def test_deliveries_are_made_and_forgotten_in_the_role_of_the_server(server: RolesServer) -> None:
    async with Database(server.kinds[Kind.SERVER]) as database, database.begin() as connection:
        webhook = await hook(connection)
        await webhooks.test(connection, 1, webhook)
        await alerts.look(connection)
        (due,) = await alerts.claim(connection)
        await alerts.settle(connection, due, 204, None)
        assert await alerts.forget(connection) == 0
        await webhooks.delete(connection, 1, webhook, by=None)


async def test_people_are_asked_and_answer_with_each_process_in_its_own_role(server: RolesServer) -> None:
    async with Database(server.owner) as owner:
        run = await new_run(owner)
        await answered(owner, run)
        await asked(owner, run, 1, 2, what=choice(Operator.DIFF, model="team"))
        async with owner.begin() as connection:
            person = await people.create_person(connection, "an agent", by=None)
            token = await people.create_token(connection, person.id, "test", by=None)
    async with Database(server.kinds[Kind.WORKERS]) as database, database.begin() as connection:
        for item in await proposals.claim(connection, "worker", 10, 60.0, MODEL_OPERATORS):
            assert await assignments.take_up(connection, item) is None
            offered = await assignments.offer(connection, item, model="team", template="t", prompt="[]", patience_s=60)
            assert isinstance(offered, int)
    async with Database(server.kinds[Kind.SERVER]) as database, database.begin() as connection:
        caller = await people.identify(connection, token.text)
        assert caller is not None
        leased = await assignments.lease(connection, caller, None, 30, run=run)
        assert leased is not None
        await assignments.extend(connection, caller, leased.id, leased.lease, 40)
        await assignments.answer(connection, caller, leased.id, leased.lease, "x = 2")
        other = await assignments.lease(connection, caller, None, 30, run=run)
        assert other is not None
        await assignments.release(connection, caller, other.id, other.lease)
        assert len(await assignments.listing(connection, run, None, 5)) == 2
    async with Database(server.kinds[Kind.CONTROLLER]) as database, database.begin() as connection:
        assert await assignments.withdraw(connection, run, "it ended") == 1
    async with Database(server.kinds[Kind.WORKERS]) as database, database.begin() as connection:
        (item,) = await proposals.claim(connection, "worker", 10, 60.0, MODEL_OPERATORS)
        assert isinstance(await assignments.take_up(connection, item), assignments.GivenAnswer)


@pytest.mark.parametrize("kind", list(Kind))
async def test_every_process_says_in_its_own_role_that_it_lives(server: RolesServer, kind: Kind) -> None:
    async with Database(server.kinds[kind]) as database, database.begin() as connection:
        joined = await fleet.join(connection, kind, None)
        assert await fleet.beat(connection, joined, None)
        await fleet.leave(connection, joined)
        assert not await fleet.beat(connection, joined, None)


async def test_runs_are_told_and_reopened_in_the_role_of_the_server(server: RolesServer) -> None:
    async with Database(server.owner) as owner:
        run = await new_run(owner)
    async with Database(server.kinds[Kind.SERVER]) as database, database.begin() as connection:
        await commands.ask(connection, run, Stop())
        await runs.reopen(connection, run, Budget(evaluations=5))
        (stop,) = await commands.list_commands(connection, run)
        assert stop.state is CommandState.REFUSED
    async with Database(server.kinds[Kind.SERVER]) as database, database.begin() as connection:
        await commands.ask(connection, run, Stop())


async def test_texts_are_removed_in_the_role_of_the_controller(server: RolesServer) -> None:
    async with Database(server.owner) as owner:
        run = await new_run(owner)
        await answered(owner, run, 1)
        async with owner.begin() as connection:
            ended = sa.text(
                "UPDATE run SET state = 'finished', stop_reason = 'stopped', finished_at = '2001-01-01' WHERE id = :run"
            )
            await connection.execute(ended, {"run": run})
    async with Database(server.kinds[Kind.SERVER]) as database, database.begin() as connection:
        await retention.set_days(connection, 1, 30, by=None)
    async with Database(server.kinds[Kind.CONTROLLER]) as database, database.begin() as connection:
        found = await retention.remove_batch(connection)
    assert found == retention.Removed(run=run, programs=1, prompts=0, contents=1, ended=True)
    async with Database(server.kinds[Kind.SERVER]) as database, database.begin() as connection:
        await retention.set_days(connection, 1, None, by=None)


async def test_a_right_that_was_given_by_hand_goes_with_the_next_migration(server: RolesServer) -> None:
    async with Database(server.owner) as owner:
        async with owner.begin() as connection:
            await connection.execute(sa.text("GRANT SELECT ON account TO galapagos_evaluators"))
        await upgrade(server.owner, {Kind.EVALUATORS: ("galapagos_evaluators", PASSWORD)})
        async with owner.begin() as connection:
            asked_for = sa.text("SELECT has_table_privilege('galapagos_evaluators', 'account', 'SELECT')")
            assert (await connection.execute(asked_for)).scalar_one() is False


@contextmanager
def processes(server: RolesServer, models: Path, cache: Path) -> Generator[None]:
    """One process of each kind but the server, each as its own role."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith("GALAPAGOS_")}
    more = {
        "controller": {},
        "workers": {"GALAPAGOS_MODELS": str(models)},
        "evaluators": {"GALAPAGOS_TIER": "plain", "GALAPAGOS_SLOTS": "2", "GALAPAGOS_CACHE": str(cache)},
    }
    started = [
        subprocess.Popen(
            [sys.executable, "-m", kind], cwd=ROOT, env={**bare, "GALAPAGOS_DATABASE_URL": server.kinds[Kind(kind)], **told}
        )
        for kind, told in more.items()
    ]
    try:
        yield
    finally:
        for process in started:
            process.send_signal(signal.SIGTERM)
        assert [process.wait(15) for process in started] == [0, 0, 0]


async def test_a_run_with_a_model_ends_as_asked_with_each_process_in_its_own_role(
    server: RolesServer, open_folder: Path
) -> None:
    with serving(lambda number, _: Says(good(number), usage=(400, 90))) as endpoint:
        models = models_file(open_folder, endpoint)
        problem = read_problem_folder(TWENTY)
        seed = normalise(problem.seed_files, problem.definition.language)
        config = RunConfig(models=(ModelChoice(name="small"),), budget=Budget(evaluations=30, micro_dollars=10**9))
        async with Database(server.kinds[Kind.SERVER]) as database:
            async with database.begin() as connection:
                run = await runs.create(
                    connection, problem, config, secrets.randbelow(99), Tier.PLAIN, normalised_hash=seed.hash,
                    length=seed.length, literals=seed.literals,
                )  # fmt: skip
            deadline = time.monotonic() + 60
            with processes(server, models, open_folder / "cache"):
                while True:
                    async with database.begin() as connection:
                        row = await runs.load(connection, run)
                    if row.state is RunState.FINISHED or time.monotonic() > deadline:
                        break
                    await asyncio.sleep(0.2)
    assert row.state is RunState.FINISHED
    assert row.stop_reason == "evaluations", row.stop_detail
    assert row.champion is not None
    assert row.account.spent_micro_dollars > 0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"workers_url": "postgresql://w:short@localhost/galapagos"}, "at least 16 characters; got one of 5"),
        ({"workers_url": f"postgresql://owner:{'x' * 20}@localhost/galapagos"}, "a role of its own"),
        ({"workers_url": f"postgresql://:{'x' * 20}@localhost/galapagos"}, "a role of its own"),
        (
            dict.fromkeys(("workers_url", "evaluators_url"), f"postgresql://same:{'x' * 20}@localhost/galapagos"),
            "GALAPAGOS_EVALUATORS_URL must name a role of its own",
        ),
    ],
)
def test_weak_logins_are_refused(changes: dict[str, str], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        MigrateSettings(database_url=OWNER, **changes).logins()


@pytest.mark.parametrize("kind", list(Kind))
async def test_every_process_can_tell_which_schema_the_database_has(server: RolesServer, kind: Kind) -> None:
    async with Database(server.kinds[kind]) as database, database.begin() as connection:
        assert await schema_complaint(connection) is None
