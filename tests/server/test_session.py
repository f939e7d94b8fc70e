"""Browsers: a token is exchanged for a cookie, which no other site can use."""

from contextlib import AsyncExitStack

import httpx
import pytest
from fastapi import FastAPI

from database import people
from server.auth import OWN_PAGES
from server.rate_limit import BURST_S, COOKIE
from server.settings import ServerSettings
from tests.database.scene import new_run
from tests.server.conftest import made_app, token_of
from tests.server.test_failures import told

OWN = {OWN_PAGES: "1"}
SESSION = "/api/v1/session"


async def signed_in(http: httpx.AsyncClient, app: FastAPI, name: str = "root") -> httpx.Response:
    return await http.post(SESSION, json={"token": await token_of(app, name, None)}, headers=OWN)


async def test_a_token_becomes_a_cookie_that_no_script_can_read(http: httpx.AsyncClient, app: FastAPI) -> None:
    told(await http.get("/api/v1/me"), 401)
    response = await signed_in(http, app)
    assert (response.status_code, response.content) == (204, b"")
    cookie = response.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}=gal_")
    attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert attributes == {"httponly", "samesite=strict", "path=/api", "max-age=2592000"}
    assert (await http.get("/api/v1/me")).json()["name"] == "root"
    left = await http.delete(SESSION, headers=OWN)
    assert left.status_code == 204
    told(await http.get("/api/v1/me"), 401)


@pytest.mark.parametrize(
    ("base", "headers"),
    [("https://service", {}), ("http://service", {"Origin": "https://behind.a.proxy"})],
    ids=["tls", "proxy"],
)
async def test_the_cookie_stays_on_encrypted_ways(app: FastAPI, base: str, headers: dict[str, str]) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=base, headers=headers) as http:
        assert "; secure" in (await signed_in(http, app)).headers["set-cookie"].lower()


async def test_a_token_that_is_good_for_nothing(http: httpx.AsyncClient) -> None:
    told(await http.post(SESSION, json={"token": "gal_nothing"}, headers=OWN), 401)
    told(await http.post(SESSION, json={"token": "a b"}, headers=OWN), 422)
    told(await http.post(SESSION, json={}, headers=OWN), 422)
    assert COOKIE not in http.cookies


async def test_a_page_of_another_site_can_do_nothing_in_the_name_of_a_reader(
    http: httpx.AsyncClient, app: FastAPI, database_url: str
) -> None:
    run = await new_run(app.state.service.database)
    await signed_in(http, app)
    path = f"/api/v1/runs/{run}/pause"
    for headers in ({}, {OWN_PAGES: "0"}, {"Content-Type": "text/plain"}):
        assert OWN_PAGES in told(await http.post(path, headers=headers), 403)["detail"]
    assert (await http.get(f"/api/v1/runs/{run}/commands")).json()["items"] == []
    assert (await http.post(path, headers=OWN)).status_code == 202
    told(await http.post(SESSION, json={"token": "gal_other"}), 403)
    told(await http.delete(SESSION), 403)
    assert (await http.get("/api/v1/me")).status_code == 200


async def test_a_token_in_the_header_goes_before_the_cookie_and_needs_no_other(http: httpx.AsyncClient, app: FastAPI) -> None:
    run = await new_run(app.state.service.database)
    await signed_in(http, app)
    bob = {"Authorization": f"Bearer {await token_of(app, 'bob', None)}"}
    assert (await http.get("/api/v1/me", headers=bob)).json()["name"] == "bob"
    told(await http.get("/api/v1/me", headers={"Authorization": "Bearer gal_nothing"}), 401)
    told(await http.post(f"/api/v1/runs/{run}/pause", headers=bob), 404)


async def test_a_session_ends_with_its_token(http: httpx.AsyncClient, app: FastAPI) -> None:
    await signed_in(http, app)
    me = (await http.get("/api/v1/me")).json()
    async with app.state.service.database.begin() as connection:
        await people.revoke_token(connection, me["token"], by=None)
    told(await http.get("/api/v1/me"), 401)


async def test_each_session_has_the_share_of_its_token(database_url: str) -> None:
    app = made_app(ServerSettings(database_url=database_url, requests_per_minute=240))
    async with app.router.lifespan_context(app), AsyncExitStack() as stack:
        transport = httpx.ASGITransport(app, client=("192.0.2.1", 1))
        first, second = [
            await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url="http://service")) for _ in "12"
        ]
        token = await token_of(app, "ada", None)
        for client, known in ((first, token), (second, await token_of(app, "bob", None))):
            assert (await client.post(SESSION, json={"token": known}, headers=OWN)).status_code == 204
        asked = [(await first.get("/api/v1/me")).status_code for _ in range(int(240 / 60 * BURST_S) + 40)]
        assert (asked[0], asked[-1]) == (200, 429)
        told(await first.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"}), 429)
        assert (await second.get("/api/v1/me")).status_code == 200


async def test_the_description_knows_both_ways(app: FastAPI) -> None:
    description = app.openapi()
    assert description["components"]["securitySchemes"]["session"]["name"] == COOKIE
    assert description["paths"]["/api/v1/me"]["get"]["security"] == [{"token": []}, {"session": []}]
