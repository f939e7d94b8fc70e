"""What administrators do without the database: by the client, and by the commands that use it."""

import asyncio
import inspect
import json
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import pytest
from typer.testing import CliRunner

from database import people
from database.embedded import EmbeddedPostgres
from database.engine import Database
from evolution.alerts import AlertKind
from evolution.limits import Resource
from evolution.people import Role
from galapagos import AsyncClient, Client, ServiceError
from galapagos.cli import app_for
from galapagos.failures import ExitCode, Failure
from server.schemas.webhooks import WebhookRequest
from tests.conftest import TEMPLATE, administer, named_database
from tests.server.test_process import serving

RECEIVER = "https://chat.example.org/hooks/abc"


@dataclass
class Place:
    """A service, its first administrator's token, and a terminal there."""

    url: str
    token: str

    def said(self, *words: str) -> str:
        told = {"GALAPAGOS_URL": self.url, "GALAPAGOS_TOKEN": self.token, "COLUMNS": "200"}
        ended = CliRunner().invoke(app_for(["remote"]), ["remote", *words], env=told, catch_exceptions=False)
        assert ended.exit_code == 0, ended.output
        return ended.stdout

    def answer(self, *words: str) -> Any:
        return json.loads(self.said(*words, "--json"))

    def refused(self, *words: str) -> Failure:
        with pytest.raises(Failure) as refusal:
            self.said(*words)
        return refusal.value


@pytest.fixture(scope="module")
def place(postgres: EmbeddedPostgres) -> Generator[Place]:
    name = "administered"
    asyncio.run(administer(postgres, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY FILE_COPY"))
    url = named_database(postgres, name)

    async def first() -> str:
        async with Database(url) as database, database.begin() as connection:
            return (await people.first_administrator(connection, "ada")).text

    try:
        with serving(url) as (_, address):
            yield Place(address, asyncio.run(first()))
    finally:
        asyncio.run(administer(postgres, f"DROP DATABASE {name} WITH (FORCE)"))


def test_an_installation_is_administered_from_python(place: Place) -> None:
    with Client(place.url, place.token) as client:
        bob = client.add_person("bob")
        assert {"ada", "bob"} <= {one.name for one in client.people()}
        project = client.rename_project(client.create_project("protein").id, "proteins")
        assert {"default", "proteins"} <= {one.name for one in client.projects()}
        assert client.set_weight(project.id, 2.5).weight == 2.5
        assert client.admit(project.id, "bob", Role.ADMIN).role is Role.ADMIN
        assert [(one.name, one.role) for one in client.members(project.id)] == [("bob", Role.ADMIN)]
        made = client.create_token(bob.id, "laptop", days=2)
        assert client.allow_models(project.id, ["small"]).models == ["small"]
        assert client.limit_person(bob.id, {Resource.TOKENS: 500}).tokens.most == 500
        assert client.limit_person(bob.id, {Resource.TOKENS: None}).tokens.most is None
        assert client.person_limits(bob.id).evaluations.spent == 0

    with Client(place.url, made.text) as own:
        assert own.me().name == "bob"
        assert [one.name for one in own.tokens(bob.id)] == ["laptop"]
        assert own.limit_project(project.id, {Resource.MICRO_DOLLARS: 7}).micro_dollars.most == 7
        assert own.project_limits(project.id).micro_dollars.most == 7
        assert own.retention(project.id) is None
        assert (own.set_retention(project.id, 30), own.retention(project.id)) == (30, 30)
        hook = own.create_webhook(project.id, WebhookRequest(url=RECEIVER, kinds=[AlertKind.RUN_ENDED]))
        assert len(hook.secret) >= 16
        sent = own.test_webhook(project.id, hook.id)
        assert [one.id for one in own.deliveries(project.id, hook.id)] == [sent.id]
        assert [one.url for one in own.webhooks(project.id)] == [RECEIVER]
        own.delete_webhook(project.id, hook.id)
        assert list(own.webhooks(project.id)) == []
        with pytest.raises(ServiceError) as refusal:
            list(own.audit())
        assert refusal.value.status == 403
        assert own.revoke_token(made.id).revoked_at is not None

    with Client(place.url, place.token) as client:
        client.dismiss(project.id, bob.id)
        assert list(client.members(project.id)) == []
        assert not client.set_active(bob.id, False).active
        assert next(iter(client.audit())).action == "deactivate_person"


def test_an_installation_is_administered_from_a_terminal(place: Place) -> None:
    assert place.answer("people", "add", "cem")["name"] == "cem"
    assert place.answer("people", "deactivate", "cem")["active"] is False
    assert place.answer("people", "activate", "cem")["active"] is True
    assert place.answer("people", "limit", "cem", "--budget", "1.5")["micro_dollars"]["most"] == 1_500_000
    assert "1500000" in place.said("people", "limit", "cem")
    assert {"ada", "cem"} <= {one["name"] for one in place.answer("people", "list")["people"]}
    assert place.said("token", "create", "cem", "--name", "laptop").startswith(people.PREFIX)
    [token] = place.answer("token", "list", "--person", "cem")["tokens"]
    assert place.answer("token", "revoke", str(token["id"]))["revoked_at"] is not None
    assert [one["name"] for one in place.answer("token", "list")["tokens"]] == ["first"]

    place.said("project", "create", "enzyme")
    assert place.answer("project", "rename", "enzyme", "enzymes")["name"] == "enzymes"
    assert place.answer("project", "admit", "enzymes", "cem", "viewer")["role"] == "viewer"
    assert [one["name"] for one in place.answer("project", "members", "enzymes")["members"]] == ["cem"]
    assert place.answer("project", "weight", "enzymes", "0.5")["weight"] == 0.5
    assert place.answer("project", "limit", "enzymes", "--evaluations", "40")["evaluations"]["most"] == 40
    assert place.answer("project", "limit", "enzymes")["evaluations"]["most"] == 40
    assert place.answer("project", "models", "enzymes", "--none") == {"models": []}
    assert place.answer("project", "retention", "enzymes", "--days", "9") == {"project": "enzymes", "days": 9}
    assert place.answer("project", "retention", "enzymes") == {"project": "enzymes", "days": 9}
    assert place.answer("project", "dismiss", "enzymes", "cem") == {"members": []}
    assert "enzymes" in place.said("project", "list")

    assert [one["name"] for one in place.answer("spend", "--since", "2026-01-01")["spent"]] == []
    assert place.said("spend", "--by", "model") == "no spent yet\n"
    assert [one["kind"] for one in place.answer("fleet")["processes"]] == ["server"]
    assert "alive" in place.said("fleet")

    hook = place.answer("webhook", "create", "enzymes", RECEIVER, "--kind", "budget", "--share", "90", "--kind", "plateau",
                        "--plateau", "50")  # fmt: skip
    assert (hook["shares"], hook["plateau_evaluations"]) == ([90], 50)
    number = str(hook["id"])
    assert place.answer("webhook", "test", "enzymes", number)["kind"] == "test"
    assert len(place.answer("webhook", "deliveries", "enzymes", number)["deliveries"]) == 1
    assert len(place.answer("webhook", "list", "enzymes")["webhooks"]) == 1
    assert place.answer("webhook", "delete", "enzymes", number) == {"webhooks": []}
    changes = place.answer("audit", "--most", "3")["changes"]
    assert [one["action"] for one in changes] == ["delete_webhook", "create_webhook", "remove_member"]

    for words, complaint in {
        ("people", "limit", "eve"): "knows no person 'eve'",
        ("people", "add", "ada"): "already",
        ("project", "members", "none"): "no project 'none'",
        ("project", "dismiss", "enzymes", "ada"): "does not belong",
        ("project", "models", "enzymes", "--any", "--none"): "one of --only",
        ("project", "retention", "enzymes", "--days", "0"): "days",
        ("webhook", "create", "enzymes", "ftp://x", "--kind", "budget"): "scheme",
        ("webhook", "create", "enzymes", RECEIVER, "--kind", "plateau"): "plateau",
        ("token", "revoke", "999"): "no token",
        ("verifications", "1", "0"): "no run 1",
        ("fork", "1", "0"): "no run 1",
        ("steer", "1", "{}"): "docs/steering.md",
        ("spend", "--by", "day"): "one of project",
    }.items():
        refusal = place.refused(*words)
        assert complaint in str(refusal), words
        assert refusal.code == ExitCode.BAD_INPUT


def test_both_clients_have_the_same_methods() -> None:
    def public(kind: type) -> dict[str, list[str]]:
        found = inspect.getmembers(kind, inspect.isfunction)
        return {name: list(inspect.signature(one).parameters) for name, one in found if not name.startswith("_")}

    waits = public(Client)
    assert waits.pop("close") == ["self"]
    assert waits == public(AsyncClient)
