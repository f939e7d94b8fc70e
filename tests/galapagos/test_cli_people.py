"""People and projects through the command line, in this process."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from database import people
from database.errors import NotAllowed
from evolution.people import Role
from galapagos.cli import app_for
from galapagos.failures import Failure


class Terminal:
    def __init__(self, url: str) -> None:
        self._environment = {"GALAPAGOS_DATABASE_URL": url, "COLUMNS": "200"}

    def said(self, *words: str) -> str:
        ended = CliRunner().invoke(app_for(words), words, env=self._environment, catch_exceptions=False)
        assert ended.exit_code == 0, ended.output
        return ended.stdout

    def answer(self, *words: str) -> dict[str, Any]:
        return json.loads(self.said(*words, "--json"))


@pytest.fixture
def terminal(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    for name in ("GALAPAGOS_DATA", "GALAPAGOS_MODELS"):
        monkeypatch.delenv(name, raising=False)
    return Terminal(database_url)


def test_an_installation_gets_its_people(terminal: Terminal) -> None:
    assert terminal.said("token", "list") == "no tokens yet\n"
    first = terminal.answer("people", "first", "ada")
    with pytest.raises(NotAllowed, match="tokens already"):
        terminal.said("people", "first", "eve")
    assert terminal.answer("people", "add", "bob") | {"created_at": ""} == {
        "id": 2,
        "name": "bob",
        "is_admin": False,
        "active": True,
        "created_at": "",
    }
    assert terminal.answer("people", "add", "cem", "--admin")["is_admin"]
    assert terminal.answer("people", "deactivate", "bob")["active"] is False
    assert terminal.answer("people", "activate", "bob")["active"] is True
    assert terminal.answer("people", "unlink", "bob")["name"] == "bob"
    assert [person["name"] for person in terminal.answer("people", "list")["people"]] == ["ada", "bob", "cem"]
    plain = terminal.said("token", "create", "bob", "--name", "laptop", "--days", "2").strip()
    assert plain.startswith(people.PREFIX)
    [mine] = terminal.answer("token", "list", "--person", "bob")["tokens"]
    assert (mine["name"], mine["revoked_at"]) == ("laptop", None)
    assert mine["expires_at"] > mine["created_at"]
    assert terminal.answer("token", "revoke", str(mine["id"]))["revoked_at"] is not None
    everything = terminal.said("token", "list")
    assert "laptop" in everything
    assert plain not in everything
    assert first["text"] not in everything


def test_limits_are_set_and_told(terminal: Terminal) -> None:
    terminal.answer("people", "add", "ada")
    nothing = {"most": None, "spent": 0, "reserved": 0}
    before = {"micro_dollars": nothing, "tokens": nothing, "evaluations": nothing, "gpu_milliseconds": nothing}
    assert terminal.answer("project", "limit", "default") == before
    answer = terminal.answer("project", "limit", "default", "--budget", "2.5", "--evaluations", "7")
    assert answer == before | {"micro_dollars": nothing | {"most": 2_500_000}, "evaluations": nothing | {"most": 7}}
    assert terminal.answer("people", "limit", "ada", "--tokens", "9")["tokens"]["most"] == 9
    assert terminal.answer("people", "limit", "ada", "--gpu-seconds", "1.5")["gpu_milliseconds"]["most"] == 1500
    assert terminal.answer("people", "limit", "ada", "--tokens", "none", "--gpu-seconds", "none") == before
    assert "2500000" in terminal.said("project", "limit", "default")
    for wrong in ("-1", "many", "nan", "1e400"):
        with pytest.raises(Failure, match="expected a number of at least 0"):
            terminal.said("project", "limit", "default", "--budget", wrong)


def test_projects_get_their_models(terminal: Terminal) -> None:
    everything = {"project": "default", "any": True, "models": []}
    assert terminal.answer("project", "models", "default") == everything
    some = terminal.answer("project", "models", "default", "--only", "small", "--only", "org/large:1")
    assert some == {"project": "default", "any": False, "models": ["org/large:1", "small"]}
    assert terminal.answer("project", "models", "default", "--only", "small")["models"] == ["small"]
    assert terminal.answer("project", "models", "default") == some | {"models": ["small"]}
    assert terminal.answer("project", "models", "default", "--none") == some | {"models": []}
    assert terminal.answer("project", "models", "default", "--any") == everything
    for wrong in (["--any", "--none"], ["--only", "no such"], ["--only", ""]):
        with pytest.raises(Failure, match="expected"):
            terminal.said("project", "models", "default", *wrong)


def test_projects_get_their_members(terminal: Terminal) -> None:
    terminal.answer("people", "add", "ada")
    made = terminal.answer("project", "create", "proteins")
    assert terminal.answer("project", "rename", "proteins", "folding") | {"name": "proteins"} == made
    assert [project["name"] for project in terminal.answer("project", "list")["projects"]] == ["default", "folding"]
    assert terminal.answer("project", "weight", "folding", "2.5")["weight"] == 2.5
    for days, told in (("90", 90), ("none", None)):
        assert terminal.answer("project", "retention", "folding", "--days", days) == {"project": "folding", "days": told}
    assert terminal.answer("project", "retention", "folding")["days"] is None
    for role in Role:
        [member] = terminal.answer("project", "admit", "folding", "ada", role.value)["members"]
        assert (member["name"], member["role"]) == ("ada", role.value)
    assert "ada" in terminal.said("project", "members", "folding")
    assert terminal.answer("project", "dismiss", "folding", "ada") == {"members": []}
