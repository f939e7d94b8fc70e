"""People and agents as workers, over HTTP."""

import asyncio
import time

import httpx
import pytest

from database import assignments, leases, proposals
from database.engine import Database
from database.proposals import NewRefusal
from evolution.proposal import Operator, Refusal
from tests.database.scene import answered, asked, choice, claimed, finished, new_run
from tests.server.conftest import Team
from tests.server.test_failures import told

PROMPT = '[{"role": "user", "content": "make x large"}]'


async def offered(database: Database, run: int, *numbers: int) -> None:
    await asked(database, run, *numbers, what=choice(Operator.DIFF, model="team"))
    taken = await claimed(database)
    async with database.begin() as connection:
        for item in taken:
            made = await assignments.offer(connection, item, model="team", template="diff.v2", prompt=PROMPT, patience_s=60)
            assert isinstance(made, int)


@pytest.fixture
async def run(database: Database) -> int:
    made = await new_run(database)
    await answered(database, made)
    await finished(database, {})
    return made


async def test_an_assignment_is_leased_and_answered_and_the_next_one_tells_what_became_of_it(
    team: Team, database: Database, run: int
) -> None:
    await offered(database, run, 1, 2)
    first = (await team.worker.post("/work/lease", json={})).json()
    assert (first["run"], first["proposal"], first["model"], first["problem_name"]) == (run, 1, "team", "toy")
    assert first["messages"] == [{"role": "user", "content": "make x large"}]
    assert first["parent"]["number"] == 0
    assert "x = 1" in first["parent"]["files"]["program.py"]
    assert "SEARCH" in first["answer_format"]
    answer = {"lease": first["lease"], "text": "x = 2"}
    for _ in range(2):
        response = await team.worker.post(f"/work/{first['id']}/answer", json=answer)
        assert response.status_code == 200
        assert (response.json()["state"], response.json()["proposal_state"]) == ("answered", "queued")
    assert (
        "answered already"
        in told(await team.worker.post(f"/work/{first['id']}/answer", json={**answer, "text": "x = 3"}), 409)["detail"]
    )
    (item,) = await claimed(database)
    async with database.begin() as connection:
        await proposals.refuse(connection, [NewRefusal(item.lease, Refusal.DID_NOT_APPLY, "it holds no block")])
    second = (await team.worker.post("/work/lease", json={"run": run, "model": "team"})).json()
    (earlier,) = second["earlier"]
    assert (earlier["id"], earlier["refusal"], earlier["detail"]) == (first["id"], "did_not_apply", "it holds no block")
    assert (await team.viewer.get(f"/work/{first['id']}")).json() == earlier
    page = (await team.viewer.get(f"/runs/{run}/assignments", params={"limit": 1})).json()
    rest = (await team.viewer.get(f"/runs/{run}/assignments", params={"limit": 1, "cursor": page["next"]})).json()
    assert [item["id"] for item in (*page["items"], *rest["items"])] == [second["id"], first["id"]]
    assert rest["next"] is None


async def test_who_waits_is_woken_by_what_comes(team: Team, database: Database, run: int) -> None:
    async def wait(client: httpx.AsyncClient) -> tuple[httpx.Response, float]:
        response = await client.post("/work/lease", json={"wait_s": 20})
        return response, time.monotonic()

    waiting = [asyncio.create_task(wait(client)) for client in (team.worker, team.member)]
    await asyncio.sleep(0.3)
    await offered(database, run, 1)
    came = time.monotonic()
    done, left = await asyncio.wait(waiting, timeout=10, return_when=asyncio.FIRST_COMPLETED)
    response, at = done.pop().result()
    assert at - came < 1.5
    leased = response.json()
    assert len(left) == 1
    winner = team.worker if left == {waiting[1]} else team.member
    assert (await winner.post(f"/work/{leased['id']}/release", json={"lease": leased["lease"]})).status_code == 204
    response, _ = await left.pop()
    assert response.json()["id"] == leased["id"]
    began = time.monotonic()
    nothing = await team.worker.post("/work/lease", json={"wait_s": 0.2})
    assert (nothing.status_code, nothing.content) == (204, b"")
    assert 0.2 <= time.monotonic() - began < 2


async def test_a_lease_that_is_over_is_refused_with_409(team: Team, database: Database, run: int) -> None:
    await offered(database, run, 1)
    leased = (await team.worker.post("/work/lease", json={"lease_s": 5})).json()
    path, lease = f"/work/{leased['id']}", {"lease": leased["lease"]}
    longer = await team.worker.post(f"{path}/extend", json={**lease, "lease_s": 10})
    assert leased["lease_until"] < longer.json()["lease_until"] <= leased["expires_at"]
    told(await team.member.post(f"{path}/answer", json={**lease, "text": "x = 2"}), 409)
    async with database.begin() as connection:
        await connection.exec_driver_sql("UPDATE assignment SET lease_until = now() - interval '1 s'")
    for verb, body in (("extend", lease), ("release", lease), ("answer", {**lease, "text": "x = 2"})):
        assert "your lease is over" in told(await team.worker.post(f"{path}/{verb}", json=body), 409)["detail"]
    again = (await team.member.post("/work/lease", json={})).json()
    assert again["id"] == leased["id"]
    assert "somebody else" in told(await team.worker.post(f"{path}/answer", json={**lease, "text": "x"}), 409)["detail"]
    answer = {"lease": again["lease"], "text": "x = 2"}
    assert (await team.member.post(f"{path}/answer", json=answer)).status_code == 200


async def test_who_may_not_work_gets_nothing(team: Team, database: Database, run: int) -> None:
    await offered(database, run, 1)
    told(await team.viewer.post("/work/lease", json={}), 403)
    told(await team.viewer.post("/work/lease", json={"run": run}), 403)
    told(await team.stranger.post("/work/lease", json={}), 403)
    told(await team.stranger.post("/work/lease", json={"run": run}), 404)
    told(await team.worker.post("/work/lease", json={"run": run + 1}), 404)
    leased = (await team.root.post("/work/lease", json={"run": run})).json()
    path, lease = f"/work/{leased['id']}", {"lease": leased["lease"]}
    told(await team.stranger.get(path), 404)
    told(await team.stranger.get(f"/runs/{run}/assignments"), 404)
    told(await team.worker.get(f"/work/{leased['id'] + 1}"), 404)
    told(await team.viewer.post(f"{path}/release", json=lease), 403)
    told(await team.worker.post(f"{path}/release", json=lease), 409)
    assert (await team.root.post(f"{path}/release", json=lease)).status_code == 204


@pytest.mark.parametrize(
    ("verb", "body", "field"),
    [
        ("lease", {"wait_s": 31}, "body.wait_s"),
        ("lease", {"lease_s": 1}, "body.lease_s"),
        ("lease", {"project": 1}, "body.project"),
        ("1/answer", {"lease": 1, "text": ""}, "body.text"),
        ("1/answer", {"lease": 1, "text": "x" * 2_000_001}, "body.text"),
        ("1/answer", {"text": "x = 2"}, "body.lease"),
        ("1/extend", {"lease": 0}, "body.lease"),
    ],
)
async def test_what_is_sent_wrongly_is_named(
    team: Team, database: Database, run: int, verb: str, body: dict[str, object], field: str
) -> None:
    await offered(database, run, 1)
    found = told(await team.worker.post(f"/work/{verb}", json=body), 422)
    assert field in {error["field"] for error in found["errors"]}


async def test_what_came_too_late_says_so(team: Team, database: Database, run: int) -> None:
    await offered(database, run, 1)
    leased = (await team.worker.post("/work/lease", json={})).json()
    async with database.begin() as connection:
        await connection.exec_driver_sql("UPDATE proposal SET lease_until = now() - interval '1 s' WHERE state = 'leased'")
    async with database.begin() as connection:
        await leases.expire(connection)
    (item,) = await claimed(database)
    async with database.begin() as connection:
        await assignments.take_up(connection, item)
    answer = {"lease": leased["lease"], "text": "x = 2"}
    assert "withdrawn" in told(await team.worker.post(f"/work/{leased['id']}/answer", json=answer), 409)["detail"]
