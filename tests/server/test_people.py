"""Who comes without a good token sees nothing; who comes with one sees what the role allows."""

from datetime import UTC, datetime, timedelta

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
