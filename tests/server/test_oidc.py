"""Signing in with an account: against a real provider, which gets everything wrong that one can get wrong."""

import sys
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from fastapi import FastAPI

from database import audit, people, projects, sign_ins
from database.settings import SettingsError
from evolution.people import Role
from server.app import create_app
from server.oidc import provider as oidc
from server.oidc.configuration import load_configuration
from server.rate_limit import COOKIE
from server.routes.oidc import BROWSER
from server.settings import ServerSettings
from tests.server.conftest import made_app
from tests.server.oidc_provider import CLIENT, SECRET, Provider, serving_provider
from tests.server.test_failures import told
from tests.server.test_session import OWN, SESSION

WAY = f"{SESSION}/oidc"
URL = "https://galapagos.example.org"
RULES = """
[[roles]]
claim = "groups"
value = "leads"
project = "default"
role = "admin"

[[roles]]
claim = "groups"
value = "research"
project = "default"
role = "member"
"""


@pytest.fixture(scope="module")
def provider() -> Generator[Provider]:
    with serving_provider() as made:
        yield made


@pytest.fixture(autouse=True)
def _as_new(provider: Provider) -> Generator[None]:
    kept = {"signs": provider.signs, "announced": provider.announced[:1]}
    yield
    vars(provider).update(vars(Provider(provider.issuer)) | kept)


def configured(folder: Path, provider: Provider, more: str = "") -> Path:
    (folder / "secret").write_text(SECRET + "\n")
    path = folder / "oidc.toml"
    path.write_text(
        f'issuer = "{provider.issuer}"\nclient_id = "{CLIENT}"\nclient_secret_file = "{folder}/secret"\nurl = "{URL}"\n{more}'
    )
    return path


@asynccontextmanager
async def service(url: str, folder: Path, provider: Provider, more: str = "") -> AsyncGenerator[FastAPI]:
    app = made_app(ServerSettings(database_url=url, oidc=configured(folder, provider, more)))
    async with app.router.lifespan_context(app):
        yield app


def browser(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=URL, headers=OWN)


async def begun(http: httpx.AsyncClient) -> dict[str, str]:
    """What the provider gives a browser that was sent to it."""
    response = await http.post(WAY)
    assert response.status_code == 200, response.text
    async with httpx.AsyncClient() as elsewhere:
        back = (await elsewhere.get(response.json()["address"])).headers["location"]
    assert back.startswith(f"{URL}/signed-in?")
    return {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}


async def ended(http: httpx.AsyncClient) -> httpx.Response:
    return await http.post(f"{WAY}/end", json=await begun(http))


async def add(app: FastAPI, name: str = "bob@example.org") -> int:
    async with app.state.service.database.begin() as connection:
        return (await people.create_person(connection, name, by=None)).id


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
async def test_somebody_signs_in_and_out(database_url: str, tmp_path: Path, provider: Provider, algorithm: str) -> None:
    if algorithm != "RS256":
        provider.new_key("curve", algorithm)
    async with service(database_url, tmp_path, provider) as app, browser(app) as http:
        bob = await add(app)
        assert (await http.get(WAY)).json() == {"title": "127.0.0.1", "url": URL}
        response = await ended(http)
        assert (response.status_code, response.content) == (204, b"")
        kept, forgotten = response.headers.get_list("set-cookie")
        assert {part.strip().lower() for part in kept.split(";")[1:]} == {
            "httponly",
            "samesite=strict",
            "secure",
            "path=/api",
            "max-age=43200",
        }
        assert forgotten.startswith(f'{BROWSER}=""')
        token = http.cookies[COOKIE]
        assert token.startswith(people.PREFIX)
        me = (await http.get("/api/v1/me")).json()
        assert (me["person"], me["name"], me["is_admin"]) == (bob, "bob@example.org", False)
        [told_of] = (await http.get(f"/api/v1/people/{bob}/tokens")).json()["items"]
        assert told_of["expires_at"] is not None
        assert (await http.delete(SESSION)).status_code == 204
        async with browser(app) as other:
            told(await other.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"}), 401)
        async with app.state.service.database.begin() as connection:
            noted = [(entry.action, entry.person) for entry in await audit.read(connection)]
        assert noted == [
            ("revoke_token", bob),
            ("create_token", bob),
            ("link_person", bob),
            ("create_person", None),
        ]


FLAWS: dict[str, tuple[dict[str, Any], str]] = {
    "audience": ({"aud": "another"}, "not valid"),
    "no audience": ({"aud": None}, "not valid"),
    "for several": ({"aud": [CLIENT, "another"]}, "several services"),
    "issuer": ({"iss": "https://accounts.example.com"}, "not valid"),
    "nonce": ({"nonce": "another"}, "another sign-in"),
    "no nonce": ({"nonce": None}, "another sign-in"),
    "expired": ({"iat": int(time.time()) - 1000, "exp": int(time.time()) - 500}, "not valid"),
    "without end": ({"exp": None}, "not valid"),
    "from the future": ({"iat": int(time.time()) + 5000, "exp": int(time.time()) + 9000}, "not valid"),
    "no subject": ({"sub": None}, "not valid"),
    "subject": ({"sub": "a\u0000b"}, "subject"),
    "address": ({"email": None}, "e-mail"),
    "address that anybody may write": ({"email_verified": False}, "e-mail"),
}


async def test_what_a_provider_may_not_say(database_url: str, tmp_path: Path, provider: Provider) -> None:
    async with service(database_url, tmp_path, provider) as app, browser(app) as http:
        await add(app)
        for name, (flaw, complaint) in FLAWS.items():
            provider.flaw = flaw
            assert complaint in told(await ended(http), 401)["detail"], name
            assert COOKIE not in http.cookies
        provider.flaw = {}
        assert (await ended(http)).status_code == 204


async def test_a_signature_that_is_not_the_providers(database_url: str, tmp_path: Path, provider: Provider) -> None:
    async with service(database_url, tmp_path, provider) as app, browser(app) as http:
        await add(app)
        for algorithm in ("none", "HS256"):
            provider.algorithm = algorithm
            assert "expected one of ES256" in told(await ended(http), 401)["detail"]
        provider.new_key("first", announce=False)
        assert "Signature verification failed" in told(await ended(http), 401)["detail"]
        provider.kid = "second"
        assert "a key that the provider does not have" in told(await ended(http), 401)["detail"]
        assert COOKIE not in http.cookies


async def test_keys_may_change(database_url: str, tmp_path: Path, provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oidc, "LEAST_S", 0.0)
    async with service(database_url, tmp_path, provider) as app, browser(app) as http:
        await add(app)
        assert (await ended(http)).status_code == 204
        provider.new_key("second")
        assert (await ended(http)).status_code == 204
        assert provider.asked.count("/keys") == 2
        assert provider.asked.count("/.well-known/openid-configuration") == 1


async def test_a_sign_in_ends_once_in_the_browser_that_began_it_and_in_time(
    database_url: str, tmp_path: Path, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with service(database_url, tmp_path, provider) as app, browser(app) as http, browser(app) as other:
        await add(app)
        given = await begun(http)
        assert "begin again" in told(await other.post(f"{WAY}/end", json=given), 401)["detail"]
        await begun(other)
        told(await other.post(f"{WAY}/end", json=given), 401)
        secret = http.cookies[BROWSER]
        assert (await http.post(f"{WAY}/end", json=given)).status_code == 204
        asked = len(provider.asked)
        again = await http.post(f"{WAY}/end", json=given, headers={"Cookie": f"{BROWSER}={secret}"})
        assert "ended before" in told(again, 401)["detail"]
        assert len(provider.asked) == asked
        told(await http.post(f"{WAY}/end", json=given | {"state": "x"}), 401)
        told(await http.post(f"{WAY}/end", json={"code": "x"}), 422)
        monkeypatch.setattr(sign_ins, "LASTS_S", -1.0)
        told(await ended(http), 401)


async def test_who_begins_without_end_keeps_out_nobody_and_fills_nothing(
    database_url: str, tmp_path: Path, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sign_ins, "MOST_UNDER_WAY", 3)
    async with service(database_url, tmp_path, provider) as app, browser(app) as http, browser(app) as other:
        await add(app)
        first = await begun(other)
        for _ in range(3):
            assert (await http.post(WAY)).status_code == 200
        told(await other.post(f"{WAY}/end", json=first), 401)
        assert (await ended(other)).status_code == 204


async def test_a_code_of_somebody_else_is_worth_nothing(database_url: str, tmp_path: Path, provider: Provider) -> None:
    async with service(database_url, tmp_path, provider) as app, browser(app) as http, browser(app) as other:
        await add(app)
        given = await begun(http)
        own = await begun(other)
        detail = told(await other.post(f"{WAY}/end", json=own | {"code": given["code"]}), 401)["detail"]
        assert "invalid_grant" in detail


async def test_a_provider_that_tells_who_it_is_must(database_url: str, tmp_path: Path, provider: Provider) -> None:
    provider.about = {"authorization_response_iss_parameter_supported": True}
    async with service(database_url, tmp_path, provider) as app, browser(app) as http:
        await add(app)
        assert "another provider" in told(await ended(http), 401)["detail"]
        given = await begun(http) | {"iss": "https://evil.example.org"}
        told(await http.post(f"{WAY}/end", json=given), 401)
        given = await begun(http) | {"iss": provider.issuer}
        assert (await http.post(f"{WAY}/end", json=given)).status_code == 204


async def test_who_is_unknown_is_refused_or_becomes_a_viewer(database_url: str, tmp_path: Path, provider: Provider) -> None:
    async with service(database_url, tmp_path, provider) as app, browser(app) as http:
        assert "nobody here is named" in told(await ended(http), 403)["detail"]
        assert COOKIE not in http.cookies
    async with service(database_url, tmp_path, provider, 'unknown = "viewer"\n') as app, browser(app) as http:
        assert (await ended(http)).status_code == 204
        [membership] = (await http.get("/api/v1/me")).json()["memberships"]
        assert (membership["project"], membership["role"]) == (1, "viewer")
        provider.account |= {"sub": "2", "email": " eve@example.org"}
        told(await ended(http), 403)


async def test_an_account_stays_with_its_person(database_url: str, tmp_path: Path, provider: Provider) -> None:
    async with service(database_url, tmp_path, provider, 'unknown = "viewer"\n') as app, browser(app) as http:
        bob = await add(app)
        assert (await ended(http)).status_code == 204
        provider.account |= {"email": "robert@example.org"}
        assert (await ended(http)).status_code == 204
        assert (await http.get("/api/v1/me")).json()["person"] == bob
        provider.account |= {"sub": "another", "email": "bob@example.org"}
        assert "linked to another account" in told(await ended(http), 403)["detail"]
        async with app.state.service.database.begin() as connection:
            await sign_ins.unlink(connection, bob, by=None)
        assert (await ended(http)).status_code == 204
        async with app.state.service.database.begin() as connection:
            await people.create_person(connection, "root", by=None, is_admin=True)
            await people.set_active(connection, bob, False, by=None)
        assert "deactivated" in told(await ended(http), 403)["detail"]


async def test_who_administers_is_linked_by_a_verified_address_alone(
    database_url: str, tmp_path: Path, provider: Provider
) -> None:
    provider.account["preferred_username"] = "root"
    async with service(database_url, tmp_path, provider, 'name_claim = "preferred_username"\n') as app, browser(app) as http:
        async with app.state.service.database.begin() as connection:
            await people.create_person(connection, "root", by=None, is_admin=True)
            await people.create_person(connection, "bob@example.org", by=None, is_admin=True)
        assert "administers the installation" in told(await ended(http), 403)["detail"]
        told_of = app.state.service.provider.configuration
        app.state.service.provider.configuration = told_of.model_copy(update={"name_claim": "email"})
        assert (await ended(http)).status_code == 204
        assert (await http.get("/api/v1/me")).json()["is_admin"]


def test_without_the_extra_the_start_says_what_to_install(
    tmp_path: Path, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "server.oidc.provider")
    monkeypatch.setitem(sys.modules, "jwt", None)
    with pytest.raises(SettingsError, match=r"galapagos\[oidc\]"):
        create_app(ServerSettings(database_url="postgresql://u@h/n", oidc=configured(tmp_path, provider)))


async def test_roles_come_from_claims_at_each_sign_in(database_url: str, tmp_path: Path, provider: Provider) -> None:
    more = 'domains = ["Example.org"]\nrequire = {groups = ["research", "staff"]}\nunknown = "viewer"\nproject = "seen"\n'
    async with service(database_url, tmp_path, provider, more + RULES) as app, browser(app) as http:

        async def roles() -> dict[str, str]:
            assert (await ended(http)).status_code == 204
            return {one["name"]: one["role"] for one in (await http.get("/api/v1/me")).json()["memberships"]}

        async with app.state.service.database.begin() as connection:
            await projects.create(connection, "seen", by=None)
        assert await roles() == {"default": "member", "seen": "viewer"}
        provider.account["groups"] = ["leads", "research"]
        assert await roles() == {"default": "admin", "seen": "viewer"}
        bob = (await http.get("/api/v1/me")).json()["person"]
        async with app.state.service.database.begin() as connection:
            await projects.set_member(connection, 2, bob, Role.WORKER, by=None)
        provider.account["groups"] = ["staff"]
        assert await roles() == {"seen": "worker"}
        provider.account["groups"] = "guests"
        assert "'groups'" in told(await ended(http), 401)["detail"]
        provider.account |= {"groups": ["staff"], "email": "bob@example.com"}
        assert "example.com" in told(await ended(http), 401)["detail"]


async def test_a_provider_that_is_away_or_is_none(database_url: str, tmp_path: Path, provider: Provider) -> None:
    provider.away = True
    async with service(database_url, tmp_path, provider) as app, browser(app) as http:
        assert (await http.post(WAY)).headers["retry-after"] == "30"
        provider.away = False
        provider.about = {"issuer": "https://other.example.org"}
        told(await http.post(WAY), 503)
        provider.about = {"authorization_endpoint": "http://accounts.example.org/authorize"}
        told(await http.post(WAY), 503)


async def test_pages_of_others_begin_nothing_and_nobody_does_without_a_provider(
    database_url: str, tmp_path: Path, provider: Provider
) -> None:
    async with service(database_url, tmp_path, provider) as app, browser(app) as http:
        for path, body in ((WAY, None), (f"{WAY}/end", {"code": "x", "state": "x"})):
            told(await http.post(path, json=body, headers={"X-Galapagos": "0"}), 403)
        assert URL in told(await http.post(WAY, headers={"Origin": "http://127.0.0.1:8765"}), 409)["detail"]
        assert not provider.asked
        app.state.service = replace(app.state.service, provider=None)
        assert (await http.get(WAY)).json() == {"title": None, "url": None}
        told(await http.post(WAY), 404)
        told(await http.post(f"{WAY}/end", json={"code": "x", "state": "x"}), 404)


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ('issuer = "http://accounts.example.org"', "issuer must be an https address"),
        ('url = "https://example.org/galapagos"', "without a path"),
        ('scopes = ["email"]', "openid"),
        ('role = "admin"', "role: Extra inputs"),
        ("hours = 0", "hours"),
        ("issuer = ", "TOML"),
        ('client_secret_file = "/nowhere"', "client_secret_file"),
    ],
)
def test_a_file_that_cannot_be_used_stops_the_start(tmp_path: Path, more: str, complaint: str) -> None:
    path = tmp_path / "oidc.toml"
    given = {"issuer": '"https://a.example.org"', "client_id": '"x"', "url": '"https://b.example.org"'}
    name, _, value = more.partition(" = ")
    path.write_text("\n".join(f"{key} = {text}" for key, text in (given | {name: value}).items()))
    with pytest.raises(SettingsError, match=complaint):
        load_configuration(path).secret()
    with pytest.raises(SettingsError, match="GALAPAGOS_OIDC"):
        load_configuration(tmp_path / "nowhere.toml")
