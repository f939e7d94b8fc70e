"""A request that is sent twice is done once, whatever happens to its answer and to the service."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from database import answered_requests, people, run_lists
from database.answered_requests import AnsweredRequest
from database.engine import Database
from database.run_lists import RunFilter
from evolution.run import Budget, RunConfig
from galapagos import AsyncClient
from tests.database.scene import blocked
from tests.galapagos.filled_run import evil_problem, fill
from tests.server.conftest import CountServed, Team
from tests.server.test_failures import told
from tests.server.test_process import serving
from tests.server.test_runs import known

KEY = {"Idempotency-Key": "k-1"}
START = {"problem": "toy", "config": {"budget": {"evaluations": 9}}}
MEMBER = 3
"""Id of the team's member."""


def replayed(first: httpx.Response, second: httpx.Response) -> None:
    """The second answer is the first one again."""
    assert first.status_code < 300, first.text
    assert (second.status_code, second.content) == (first.status_code, first.content)
    assert (first.headers.get("idempotent-replay"), second.headers.get("idempotent-replay")) == (None, "true")


async def runs_of(database: Database) -> list[int]:
    async with database.begin() as connection:
        return [line.id for line in await run_lists.list_runs(connection, 100, RunFilter(None, None, None, None))]


async def test_a_run_is_started_and_forked_once(team: Team, database: Database) -> None:
    await known(database)
    first = await team.member.post("/runs", json=START, headers=KEY)
    replayed(first, await team.member.post("/runs", json=START, headers=KEY))
    run = first.json()["id"]
    assert await runs_of(database) == [run]
    fork = await team.member.post(f"/runs/{run}/fork", json={"program": 0}, headers={"Idempotency-Key": "k-2"})
    replayed(fork, await team.member.post(f"/runs/{run}/fork", json={"program": 0}, headers={"Idempotency-Key": "k-2"}))
    assert await runs_of(database) == [fork.json()["id"], run]
    assert fork.json()["id"] != run


async def test_a_run_is_told_and_reopened_once(team: Team, database: Database) -> None:
    run = await fill(database, evil_problem(), 10)
    body = {"budget": {"evaluations": 100_000}}
    first = await team.member.post(f"/runs/{run}/reopen", json=body, headers=KEY)
    replayed(first, await team.member.post(f"/runs/{run}/reopen", json=body, headers=KEY))
    for number, (method, path, sent) in enumerate(
        [
            ("POST", "pause", None),
            ("POST", "resume", None),
            ("POST", "commands", {"kind": "inject_idea", "text": "shrink it"}),
            ("PUT", "budget", body),
            ("PUT", "models", {"models": []}),
            ("POST", "stop", None),
        ]
    ):
        key = {"Idempotency-Key": f"c-{number}"}
        answers = [await team.member.request(method, f"/runs/{run}/{path}", json=sent, headers=key) for _ in range(2)]
        replayed(*answers)
    kinds = [item["kind"] for item in (await team.member.get(f"/runs/{run}/commands")).json()["items"]]
    assert kinds == ["pause", "resume", "inject_idea", "set_budget", "set_models", "stop"]


async def test_a_key_is_of_one_request_and_one_person(team: Team, database: Database) -> None:
    await known(database)
    first = await team.member.post("/runs", json=START, headers=KEY)
    other = told(await team.member.post("/runs", json=START | {"seed": 3}, headers=KEY), 422)
    assert other["errors"][0]["field"] == "header.idempotency-key"
    elsewhere = told(await team.member.post(f"/runs/{first.json()['id']}/pause", headers=KEY), 422)
    assert elsewhere["errors"] == other["errors"]
    hers = await team.root.post("/runs", json=START, headers=KEY)
    assert (hers.status_code, hers.json()["started_by"]) == (201, 1)
    assert len(await runs_of(database)) == 2
    for wrong in ("", "k" * 256, "a b", "é"):
        refused = await team.member.post("/runs", json=START, headers={"Idempotency-Key": wrong.encode()})
        assert told(refused, 400)["errors"][0]["field"] == "header.idempotency-key"
    longest = {"Idempotency-Key": "~" * 255}
    assert (await team.member.post("/runs", json=START, headers=longest)).status_code == 201


async def test_what_was_refused_is_not_kept(team: Team, database: Database) -> None:
    told(await team.member.post("/runs", json=START, headers=KEY), 404)
    await known(database)
    assert (await team.member.post("/runs", json=START, headers=KEY)).status_code == 201


async def test_who_may_not_any_more_is_told_nothing(team: Team, database: Database) -> None:
    await known(database)
    assert (await team.member.post("/runs", json=START, headers=KEY)).status_code == 201
    async with database.begin() as connection:
        await connection.execute(sa.text("UPDATE membership SET role = 'viewer'"))
    told(await team.member.post("/runs", json=START, headers=KEY), 403)


async def test_while_the_first_is_under_way_the_second_is_told_so(team: Team, database: Database) -> None:
    await known(database)
    async with database.begin() as connection:
        assert await answered_requests.hold(connection, MEMBER, "k-1")
        refused = await team.member.post("/runs", json=START, headers=KEY)
        assert "under way" in told(refused, 409)["detail"]
        assert refused.headers["retry-after"] == "1"
        assert (await team.member.post("/runs", json=START, headers={"Idempotency-Key": "k-2"})).status_code == 201
    assert (await team.member.post("/runs", json=START, headers=KEY)).status_code == 201


async def test_of_many_at_once_one_is_done(team: Team, database: Database) -> None:
    await known(database)
    answers = await asyncio.gather(*(team.member.post("/runs", json=START, headers=KEY) for _ in range(8)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    done = {answer.json()["id"] for answer in answers if answer.status_code == 201}
    assert await runs_of(database) == list(done)
    assert sum("idempotent-replay" not in answer.headers for answer in answers if answer.status_code == 201) == 1


async def test_answers_are_kept_for_a_day(team: Team, database: Database) -> None:
    await known(database)
    first = await team.member.post("/runs", json=START, headers=KEY)
    for key, hours in (("k-1", 25), ("older", 30)):
        async with database.begin() as connection:
            if key != "k-1":
                await answered_requests.keep(connection, MEMBER, key, AnsweredRequest(b"", 201, "{}"))
            await connection.execute(
                sa.text("UPDATE answered_request SET created_at = now() - make_interval(hours => :hours) WHERE key = :key"),
                {"hours": hours, "key": key},
            )
    second = await team.member.post("/runs", json=START, headers=KEY)
    assert second.json()["id"] != first.json()["id"]
    replayed(second, await team.member.post("/runs", json=START, headers=KEY))
    async with database.begin() as connection:
        assert (await connection.execute(sa.text("SELECT key FROM answered_request"))).scalars().all() == ["k-1"]


async def test_without_a_key_nothing_more_is_asked_of_the_database(
    team: Team, database: Database, served_statements: CountServed
) -> None:
    await known(database)
    with served_statements() as statements:
        assert (await team.member.post("/runs", json=START)).status_code == 201
    assert not any("answered_request" in text or "advisory" in text for text in statements.texts)


@asynccontextmanager
async def losing_answers(port: int, lost: int) -> AsyncGenerator[tuple[int, list[bytes]]]:
    """A port before that of a service, and the requests that came; the first `lost` POSTs are answered by silence.

    The service is heard to the end before: what it did is committed.
    """
    came: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
            request = head.replace(b"\r\n", b"\r\nConnection: close\r\n", 1) + await reader.readexactly(length)
            behind, ahead = await asyncio.open_connection("127.0.0.1", port)
            ahead.write(request)
            answer = await behind.read()
            ahead.close()
            if request.startswith(b"POST"):
                came.append(request)
                if len(came) <= lost:
                    return
            writer.write(answer)
            await writer.drain()
        finally:
            writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1], came


async def test_clients_start_one_run_though_answers_are_lost_and_the_service_is_killed(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("galapagos.remote.connection.FIRST_PAUSE_S", 0.05)
    await known(database)
    async with database.begin() as connection:
        token = (await people.first_administrator(connection, "ada")).text
    config = RunConfig(budget=Budget(evaluations=9))
    with serving(database_url) as (process, address):
        port = int(address.rpartition(":")[2])
        async with (
            losing_answers(port, 2) as (before, came),
            AsyncClient(f"http://127.0.0.1:{before}", token) as client,
        ):
            run = await client.start("toy", config, seed=1)
            assert (len(came), await runs_of(database)) == (3, [run.id])
            other = await client.start("toy", config, seed=1)
            assert await runs_of(database) == [other.id, run.id]
        await _killed_while_starting(database, process, address, token)
    assert await runs_of(database) == [other.id, run.id]
    with serving(database_url) as (_, address):
        async with httpx.AsyncClient(base_url=f"{address}/api/v1", headers={"Authorization": f"Bearer {token}"}) as http:
            again = await http.post("/runs", json=START, headers=KEY)
    assert (again.status_code, "idempotent-replay" in again.headers) == (201, False)
    assert await runs_of(database) == [again.json()["id"], other.id, run.id]


async def _killed_while_starting(database: Database, process: Any, address: str, token: str) -> None:
    """Kill the service when it has stored a run and is about to note it in the audit log."""
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        httpx.AsyncClient(base_url=f"{address}/api/v1", headers=headers) as http,
        database.begin() as connection,
    ):
        await connection.execute(sa.text("LOCK TABLE audit IN EXCLUSIVE MODE"))
        asked = asyncio.create_task(http.post("/runs", json=START, headers=KEY))
        await blocked(database, 1)
        process.kill()
        process.wait()
        with pytest.raises(httpx.TransportError):
            await asked
    # What was not committed is undone once the database server notices.
    while True:
        async with database.begin() as connection:
            if await answered_requests.hold(connection, 1, "k-1"):
                return
