"""Who asks too often waits, and nobody else does."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from database import people
from database.engine import Database
from galapagos import AsyncClient, ServiceError
from galapagos.remote import connection as remote_connection
from server import rate_limit
from server.rate_limit import Buckets, RateLimit
from server.settings import ServerSettings
from tests.database.scene import new_run
from tests.server.conftest import made_app, token_of
from tests.server.test_failures import told
from tests.server.test_process import serving


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def limited(url: str, per_minute: int, clock: Clock) -> AsyncGenerator[tuple[FastAPI, httpx.AsyncClient]]:
    """A service that takes so many requests a minute of a token, by a clock that stands still."""
    app = made_app(ServerSettings(database_url=url, requests_per_minute=0))
    app.add_middleware(RateLimit, per_minute=per_minute, within="/api/v1/", clock=clock)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(app.router.lifespan_context(app))
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        yield app, await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url="http://service"))


def as_(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def test_a_token_that_asks_too_often_waits_and_no_other_does(database_url: str) -> None:
    clock = Clock()
    async with limited(database_url, 60, clock) as (app, http):
        mine, other = await token_of(app, "ada", None), await token_of(app, "bob", None)

        async def ask(token: str) -> httpx.Response:
            return await http.get("/api/v1/me", headers=as_(token))

        first = await ask(mine)
        assert {name: first.headers[f"ratelimit-{name}"] for name in ("limit", "remaining", "reset")} == {
            "limit": "10", "remaining": "9", "reset": "1",
        }  # fmt: skip
        assert [(await ask(mine)).status_code for _ in range(9)] == [200] * 9
        refused = await ask(mine)
        assert "expected fewer requests of this token" in told(refused, 429)["detail"]
        assert (refused.headers["retry-after"], refused.headers["ratelimit-remaining"]) == ("1", "0")
        assert (await ask(other)).status_code == 200
        for path in ("/healthz", "/readyz"):
            answer = await http.get(path, headers=as_(mine))
            assert (answer.status_code, "ratelimit-limit" in answer.headers) == (200, False)
        clock.now += 0.9
        told(await ask(mine), 429)
        clock.now += 0.2
        assert (await ask(mine)).status_code == 200
        told(await ask(mine), 429)
        clock.now += 3600
        assert (await ask(mine)).headers["ratelimit-remaining"] == "9"


async def test_who_guesses_tokens_is_refused_and_who_has_one_is_not(database_url: str) -> None:
    clock = Clock()
    async with limited(database_url, 600, clock) as (app, http):
        mine, late = await token_of(app, "ada", None), await token_of(app, "bob", None)
        assert (await http.get("/api/v1/me", headers=as_(mine))).status_code == 200
        statuses = [(await http.get("/api/v1/me", headers=as_(f"gal_{number}"))).status_code for number in range(12)]
        assert statuses == [401] * 10 + [429] * 2
        told(await http.get("/api/v1/me"), 429)
        told(await http.get("/api/v1/openapi.json"), 429)
        assert (await http.get("/api/v1/me", headers=as_(mine))).status_code == 200
        refused = await http.get("/api/v1/me", headers=as_(late))
        assert "this address without a valid token" in told(refused, 429)["detail"]
        clock.now += float(refused.headers["retry-after"])
        assert (await http.get("/api/v1/me", headers=as_(late))).status_code == 200


async def test_valid_tokens_are_not_charged_to_their_address(database_url: str) -> None:
    async with limited(database_url, 600, Clock()) as (app, http):
        tokens = [await token_of(app, f"person {number}", None) for number in range(15)]
        for _ in range(2):
            assert [(await http.get("/api/v1/me", headers=as_(token))).status_code for token in tokens] == [200] * 15


async def test_a_token_that_is_good_no_more_is_one_of_a_stranger(database_url: str) -> None:
    async with limited(database_url, 600, Clock()) as (app, http):
        mine = await token_of(app, "ada", None)
        assert (await http.get("/api/v1/me", headers=as_(mine))).status_code == 200
        async with app.state.service.database.begin() as connection:
            await people.revoke_token(connection, 1, by=None)
        statuses = [(await http.get("/api/v1/me", headers=as_(mine))).status_code for _ in range(14)]
        assert statuses == [401] * 11 + [429] * 3


def test_no_more_is_remembered_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limit, "MOST_KEPT", 5)
    buckets = Buckets(1.0, Clock())
    for number in range(100):
        buckets.take(bytes([number]))
    assert len(buckets) == 5
    assert bytes([99]) in buckets


def test_what_came_at_once_is_made_up_for_within_a_minute() -> None:
    clock = Clock()
    buckets = Buckets(2.0, clock)
    for _ in range(1000):
        buckets.take(b"x")
    assert buckets.wait_s(b"x") == pytest.approx(60.5)
    clock.now += 60.5
    assert buckets.wait_s(b"x") == 0.0


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [("10.0.0.1", "10.0.0.2", False), ("2001:db8::1", "2001:db8::2", True), ("2001:db8::1", "2001:db8:0:1::1", False)],
)
async def test_an_address_is_that_of_a_customer(one: str, other: str, same: bool) -> None:
    seen: list[int] = []

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 401, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def sent(message: Any) -> None:
        if message["type"] == "http.response.start":
            seen.append(message["status"])

    service = RateLimit(app, 6, "/", Clock())
    for host in (one, other):
        scope = {"type": "http", "path": "/x", "method": "GET", "headers": [], "client": (host, 1)}
        await service(scope, lambda: None, sent)  # pyright: ignore[reportArgumentType] - it is not read
    assert seen == [401, 429 if same else 401]


async def asked_often(client: AsyncClient, count: int) -> None:
    await asyncio.gather(*(client.me() for _ in range(count)))


async def test_clients_wait_when_they_are_told_to(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with Database(database_url) as database:
        async with database.begin() as connection:
            token = (await people.first_administrator(connection, "ada")).text
        run = await new_run(database)
    with serving(database_url, requests_per_minute="120") as (_, address):
        async with AsyncClient(address, token) as client:
            began = time.monotonic()
            await client.me()
            await asked_often(client, 21)
            # 20 at once, and two a second after that.
            assert time.monotonic() - began >= 0.95
            async with client.connection.stream(f"/runs/{run}/events/stream", {}) as response:
                assert response.status_code == 200
            assert (await client.pause(run)).kind == "pause"
            monkeypatch.setattr(remote_connection, "PATIENCE_S", 0.0)
            with pytest.raises(ServiceError, match="expected fewer requests") as raised:
                await asked_often(client, 60)
            assert (raised.value.status, raised.value.kind) == (429, "urn:galapagos:too-many-requests")
