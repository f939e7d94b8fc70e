"""The pages: what is served where, and under which headers."""

import gzip
import logging
from collections.abc import AsyncGenerator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from server.dashboard_files import DashboardFiles

INDEX = "<!doctype html><title>Galapagos</title>" + " " * 600
SCRIPT = "export const x = 1;\n" * 100
PAGE = {"Accept": "text/html,application/xhtml+xml"}


@pytest.fixture
def built(tmp_path: Path) -> Path:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text(INDEX)
    (tmp_path / "icon.svg").write_text("<svg/>")
    (tmp_path / "assets" / "index-abc123.js").write_text(SCRIPT)
    return tmp_path


async def client_of(folder: Path) -> AsyncGenerator[httpx.AsyncClient]:
    async def behind(_request: object) -> PlainTextResponse:
        return PlainTextResponse("the API")

    app = DashboardFiles(Starlette(routes=[Route("/api/v1/me", behind), Route("/healthz", behind)]), folder)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as http:
        yield http


@pytest.fixture
async def http(built: Path) -> AsyncGenerator[httpx.AsyncClient]:
    async for client in client_of(built):
        yield client


@pytest.mark.parametrize("path", ["/", "/runs/7", "/runs/7/programs/12", "/nothing", "/index.html"])
async def test_every_address_of_a_view_gets_the_index(http: httpx.AsyncClient, path: str) -> None:
    response = await http.get(path, headers=PAGE)
    assert (response.status_code, response.text) == (200, INDEX)
    assert response.headers["cache-control"] == "no-cache"
    policy = response.headers["content-security-policy"].split("; ")
    assert policy[0] == "default-src 'none'"
    assert {"script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} <= set(policy)
    assert not any("unsafe" in part or "http" in part for part in policy)
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "no-referrer"
    assert response.headers["cross-origin-opener-policy"] == "same-origin"


async def test_files_with_a_hash_in_their_name_are_kept_for_ever(http: httpx.AsyncClient) -> None:
    response = await http.get("/assets/index-abc123.js")
    assert (response.text, response.headers["content-encoding"]) == (SCRIPT, "gzip")
    assert response.headers["content-type"] == "text/javascript; charset=utf-8"
    assert "immutable" in response.headers["cache-control"]
    plain = await http.get("/assets/index-abc123.js", headers={"Accept-Encoding": "identity"})
    assert plain.content == SCRIPT.encode()
    assert len(gzip.compress(SCRIPT.encode())) < len(plain.content)
    # One of another version, as a page that was loaded before an upgrade asks for it: never the index in its place.
    assert (await http.get("/assets/index-old.js", headers=PAGE)).status_code == 404


async def test_what_did_not_change_is_not_sent_again(http: httpx.AsyncClient) -> None:
    tag = (await http.get("/")).headers["etag"]
    again = await http.get("/", headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    assert "content-security-policy" in again.headers


async def test_the_api_is_left_alone(http: httpx.AsyncClient) -> None:
    for path in ("/api/v1/me", "/healthz"):
        response = await http.get(path, headers=PAGE)
        assert response.text == "the API"
        assert response.headers["x-content-type-options"] == "nosniff"
    assert (await http.get("/api/v1/nothing", headers=PAGE)).status_code == 404
    assert (await http.get("/nothing", headers={"Accept": "application/json"})).status_code == 404
    assert (await http.post("/", headers=PAGE)).status_code == 404


@pytest.mark.parametrize("path", ["/../secret", "/assets/../../secret", "/%2e%2e/secret", "//secret"])
async def test_nothing_outside_of_the_folder_is_served(http: httpx.AsyncClient, built: Path, path: str) -> None:
    (built.parent / "secret").write_text("secret")
    assert "secret" not in (await http.get(path)).text


async def test_a_dashboard_that_is_not_built_says_how(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        async for http in client_of(tmp_path):
            response = await http.get("/runs/1", headers=PAGE)
            assert response.status_code == 503
            assert "make dashboard" in response.text
            assert (await http.get("/api/v1/me")).text == "the API"
    assert "make dashboard" in caplog.text
