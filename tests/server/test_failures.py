"""Every failure is problem+json, says what is at fault, and lets nothing of the inside out."""

import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from pydantic import BaseModel

from database.embedded import EmbeddedPostgres
from database.engine import Database
from database.errors import Damaged, NotAllowed, NotFound
from evolution.problem import ProblemError
from server.app import create_app
from server.settings import ServerSettings
from tests.server.conftest import made_app


def told(response: httpx.Response, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert body["status"] == status
    assert body["type"].startswith("urn:galapagos:")
    assert body["title"]
    assert body["detail"]
    return body


@pytest.fixture
def routes() -> FastAPI:
    """Not shared with others: tests below add routes of their own."""
    return made_app(ServerSettings(database_url="postgresql://nobody@nowhere/none"))


@asynccontextmanager
async def served_at(url: str) -> AsyncGenerator[httpx.AsyncClient]:
    app = create_app(ServerSettings(database_url=url))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as client,
    ):
        yield client


async def test_the_service_is_there_and_ready(http: httpx.AsyncClient) -> None:
    assert (await http.get("/healthz")).json() == {"status": "ok"}
    assert (await http.get("/readyz")).json() == {"status": "ok"}


async def test_an_unknown_address_and_method(http: httpx.AsyncClient) -> None:
    assert "openapi.json" in told(await http.get("/nothing"), 404)["detail"]
    response = await http.delete("/healthz")
    told(response, 405)
    assert response.headers["allow"] == "GET"


async def test_a_parameter_that_nothing_reads(http: httpx.AsyncClient) -> None:
    body = told(await http.get("/healthz", params={"verbose": "1"}), 400)
    assert body["errors"][0]["field"] == "query.verbose"


@pytest.mark.parametrize("length", [True, False], ids=["told", "streamed"])
async def test_a_body_that_is_too_large(http: httpx.AsyncClient, app: FastAPI, length: bool) -> None:
    @app.post("/takes")
    async def takes(body: dict[str, Any]) -> int:
        return len(body)

    async def pieces() -> AsyncGenerator[bytes]:
        for _ in range(9):
            yield b" " * (1 << 20)

    content = b" " * (9 << 20) if length else pieces()
    body = told(await http.post("/takes", content=content, headers={"content-type": "application/json"}), 413)
    assert "at most 8 MiB" in body["detail"]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NotFound("there is no run 7"), 404),
        (NotAllowed("it has ended"), 409),
        (Damaged("set aside"), 409),
        (ProblemError("one\ntwo"), 422),
    ],
)
async def test_errors_of_the_layers_below_keep_their_words(
    http: httpx.AsyncClient, app: FastAPI, error: Exception, status: int
) -> None:
    @app.get("/fails")
    async def fails() -> None:
        raise error

    body = told(await http.get("/fails"), status)
    assert body["detail"] == str(error)
    assert [item["message"] for item in body["errors"]] == (str(error).splitlines() if status == 422 else [])


async def test_a_failure_of_the_service_tells_nothing_of_its_inside(
    http: httpx.AsyncClient, app: FastAPI, caplog: pytest.LogCaptureFixture
) -> None:
    @app.get("/breaks")
    async def breaks() -> None:
        raise RuntimeError("the password is swordfish")

    with caplog.at_level(logging.ERROR):
        body = told(await http.get("/breaks"), 500)
    assert "swordfish" not in str(body)
    assert "GET /breaks failed" in caplog.text
    assert "swordfish" in caplog.text


class Order(BaseModel):
    count: int


async def test_validation_names_the_field_and_the_part_of_the_request(http: httpx.AsyncClient, app: FastAPI) -> None:
    @app.post("/orders/{shop}")
    async def order(shop: int, body: Order) -> int:
        return shop + body.count

    body = told(await http.post("/orders/1", json={"count": "many"}), 422)
    assert body["errors"][0]["field"] == "body.count"
    assert "'many'" in body["errors"][0]["message"]
    assert told(await http.post("/orders/x", json={"count": 1}), 400)["errors"][0]["field"] == "path.shop"
    bad = await http.post("/orders/1", content="{", headers={"content-type": "application/json"})
    assert told(bad, 422)["errors"][0]["field"].startswith("body")


async def test_a_database_that_is_away(database_url: str) -> None:
    async with served_at(database_url.replace("/test_", "/nowhere_")) as client:
        response = await client.get("/readyz")
        assert (await client.get("/healthz")).status_code == 200
    body = told(response, 503)
    assert response.headers["retry-after"] == "2"
    assert "nowhere" not in str(body)


async def test_a_database_of_another_version_is_not_ready(
    postgres: EmbeddedPostgres, database: Database, database_url: str
) -> None:
    async with served_at(postgres.url) as client:
        assert "never migrated" in told(await client.get("/readyz"), 503)["detail"]
    async with database.begin() as connection:
        await connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    async with served_at(database_url) as client:
        assert "has the schema 9999" in told(await client.get("/readyz"), 503)["detail"]
