"""Who comes without a good token sees nothing; who comes with one sees what the role allows."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from fastapi import FastAPI

from database import people
from tests.server.conftest import CountServed, Team, token_of
from tests.server.test_failures import told


async def test_no_good_token(http: httpx.AsyncClient) -> None:
    for header in (None, "", "Bearer", "Bearer nothing", "Basic YTpi", "Bearer " + "x" * 5000):
        response = await http.get("/api/v1/problems", headers={} if header is None else {"Authorization": header})
        assert "token" in told(response, 401)["detail"]
        assert response.headers["www-authenticate"] == "Bearer"


async def test_tokens_that_are_good_no_more(http: httpx.AsyncClient, app: FastAPI) -> None:
    token = await token_of(app, "ada", None)
    headers = {"Authorization": f"Bearer {token}"}
    assert (await http.get("/api/v1/problems", headers=headers)).status_code == 200
    async with app.state.service.database.begin() as connection:
        found = await people.identify(connection, token)
        assert found is not None
        await people.revoke_token(connection, found.token, by=None)
        past = datetime.now(UTC) - timedelta(seconds=1)
        expired = (await people.create_token(connection, found.person, "old", by=None, expires_at=past)).text
    told(await http.get("/api/v1/problems", headers=headers), 401)
    told(await http.get("/api/v1/problems", headers={"Authorization": f"Bearer {expired}"}), 401)


async def test_everybody_is_told_who_they_are_and_what_they_may_do(team: Team, served_statements: CountServed) -> None:
    with served_statements() as statements:
        me = (await team.viewer.get("/me")).json()
    assert len(statements) == 1
    assert (me["name"], me["is_admin"]) == ("viewer", False)
    assert me["memberships"] == [{"project": 1, "name": "default", "role": "viewer", "actions": ["read", "inspect"]}]
    stranger = (await team.stranger.get("/me")).json()
    assert (stranger["name"], stranger["memberships"]) == ("stranger", [])
    root = (await team.root.get("/me")).json()
    assert (root["is_admin"], root["memberships"]) == (True, [])
    assert len({me["person"], stranger["person"], root["person"]}) == len({me["token"], stranger["token"], root["token"]}) == 3


async def pages(client: httpx.AsyncClient, path: str) -> list[Any]:
    items: list[Any] = []
    parameters: dict[str, Any] = {"limit": 2}
    while True:
        page = (await client.get(path, params=parameters)).json()
        items += page["items"]
        if page["next"] is None:
            return items
        parameters["cursor"] = page["next"]


async def test_an_installation_is_administered_over_http(http: httpx.AsyncClient, team: Team) -> None:
    bob = (await team.root.post("/people", json={"name": "bob"})).json()
    assert (bob["name"], bob["is_admin"], bob["active"]) == ("bob", False, True)
    told(await team.root.post("/people", json={"name": "bob"}), 409)
    told(await team.root.post("/people", json={"name": " bob"}), 409)
    assert told(await team.root.post("/people", json={"name": ""}), 422)["errors"][0]["field"] == "body.name"
    assert [item["name"] for item in await pages(team.root, "/people")] == [*Team.__slots__, "bob"]

    made = (await team.root.post(f"/people/{bob['id']}/tokens", json={"name": "laptop", "days": 90})).json()
    own = httpx.Headers({"Authorization": f"Bearer {made['text']}"})
    assert (await http.get("/api/v1/me", headers=own)).json()["person"] == bob["id"]
    (listed,) = (await http.get(f"/api/v1/people/{bob['id']}/tokens", headers=own)).json()["items"]
    assert (listed["id"], listed["name"]) == (made["id"], "laptop")
    assert made["text"] not in str(listed)
    told(await http.get("/api/v1/people/1/tokens", headers=own), 403)
    told(await http.delete("/api/v1/tokens/1", headers=own), 403)
    assert (await http.delete(f"/api/v1/tokens/{made['id']}", headers=own)).json()["revoked_at"]
    told(await http.get("/api/v1/me", headers=own), 401)

    assert not (await team.root.patch(f"/people/{bob['id']}", json={"active": False})).json()["active"]
    told(await team.root.post(f"/people/{bob['id']}/tokens", json={"name": "laptop"}), 409)
    root = (await team.root.get("/me")).json()["person"]
    told(await team.root.patch(f"/people/{root}", json={"active": False}), 409)
    told(await team.root.patch("/people/999", json={"active": False}), 404)
    log = await pages(team.root, "/audit")
    assert [item["action"] for item in log[:4]] == ["deactivate_person", "revoke_token", "create_token", "create_person"]
    assert [(item["name"], item["subject"]) for item in log[1:3]] == [
        ("bob", f"token {made['id']}"), ("root", f"token {made['id']}"),
    ]  # fmt: skip
    assert made["text"] not in str(log)


async def test_a_project_is_administered_over_http(team: Team) -> None:
    proteins = (await team.root.post("/projects", json={"name": "proteins"})).json()
    place = f"/projects/{proteins['id']}"
    told(await team.root.post("/projects", json={"name": "proteins"}), 409)
    told(await team.admin.get(f"{place}/members"), 404)
    assert [item["name"] for item in await pages(team.root, "/projects")] == ["default", "proteins"]
    assert [item["name"] for item in await pages(team.admin, "/projects")] == ["default"]

    admitted = await team.root.post(f"{place}/members", json={"person": "admin", "role": "admin"})
    assert admitted.json()["role"] == "admin"
    assert (await team.admin.post(f"{place}/members", json={"person": "stranger", "role": "viewer"})).status_code == 200
    told(await team.admin.post(f"{place}/members", json={"person": "nobody", "role": "viewer"}), 404)
    told(await team.stranger.post(f"{place}/members", json={"person": "stranger", "role": "admin"}), 403)
    told(await team.admin.post(f"{place}/members", json={"person": "stranger", "role": "king"}), 422)
    members = await pages(team.stranger, f"{place}/members")
    assert [(item["name"], item["role"]) for item in members] == [("admin", "admin"), ("stranger", "viewer")]
    assert (await team.admin.delete(f"{place}/members/{members[1]['person']}")).status_code == 204
    told(await team.admin.delete(f"{place}/members/{members[1]['person']}"), 404)
    told(await team.stranger.get(f"{place}/members"), 404)

    assert (await team.admin.patch(place, json={"name": "folding"})).json()["name"] == "folding"
    told(await team.admin.put(f"{place}/weight", json={"weight": 5}), 403)
    assert (await team.root.put(f"{place}/weight", json={"weight": 5})).json()["weight"] == 5
    told(await team.root.put(f"{place}/weight", json={"weight": 0}), 422)
    told(await team.root.put("/projects/999/weight", json={"weight": 1}), 404)
    assert (await team.root.put(f"{place}/models", json={"models": ["b", "a"]})).json() == {"models": ["a", "b"]}
    told(await team.root.put("/projects/999/models", json={"models": ["a"]}), 404)
    assert (await team.root.put(f"{place}/models", json={"models": None})).json() == {"models": None}


async def test_limits_are_set_over_http(team: Team) -> None:
    found = (await team.admin.patch("/projects/1/limits", json={"micro_dollars": 5_000_000, "tokens": 100})).json()
    assert found["micro_dollars"] == {"most": 5_000_000, "spent": 0, "reserved": 0}
    found = (await team.admin.patch("/projects/1/limits", json={"tokens": None})).json()
    assert (found["micro_dollars"]["most"], found["tokens"]["most"]) == (5_000_000, None)
    assert (await team.viewer.get("/projects/1/limits")).json() == found
    told(await team.worker.get("/projects/1/limits"), 403)
    told(await team.member.patch("/projects/1/limits", json={"tokens": 1}), 403)
    told(await team.admin.patch("/projects/1/limits", json={}), 422)
    told(await team.admin.patch("/projects/1/limits", json={"tokens": -1}), 422)
    me = (await team.member.get("/me")).json()["person"]
    assert (await team.root.patch(f"/people/{me}/limits", json={"evaluations": 7})).json()["evaluations"]["most"] == 7
    assert (await team.member.get(f"/people/{me}/limits")).json()["evaluations"]["most"] == 7
    told(await team.viewer.get(f"/people/{me}/limits"), 403)
    told(await team.root.patch("/people/999/limits", json={"evaluations": 7}), 404)
