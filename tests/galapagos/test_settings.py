from pathlib import Path

import pytest

from database.settings import SettingsError
from evolution.evaluation import Tier
from galapagos.settings import command_settings
from galapagos.supervisor import Plan, process_environments

GIVEN = {
    "PATH": "/bin",
    "HOME": "/home/x",
    "LC_ALL": "C",
    "OPENAI_API_KEY": "sk-1",
    "SMALL_KEY": "sk-2",
    "AWS_SECRET_ACCESS_KEY": "s",
    "UV_INDEX_URL": "file:///mirror",
    "UV_PUBLISH_TOKEN": "t",
    "GALAPAGOS_SLOTS": "3",
    "GALAPAGOS_DATA": "/data",
    "GALAPAGOS_TIER": "plain",
}
PLAN = Plan(Tier.NAMESPACES, models=Path("/etc/models.toml"), key_variables=("SMALL_KEY",))


def test_each_process_is_told_what_it_needs_and_nothing_else() -> None:
    told = process_environments("postgresql:///x", PLAN, GIVEN)
    assert told.keys() == {"controller", "workers", "evaluators"}
    for environment in told.values():
        assert environment["GALAPAGOS_DATABASE_URL"] == "postgresql:///x"
        assert environment["PATH"] == "/bin"
        assert environment["LC_ALL"] == "C"
        assert not environment.keys() & {"OPENAI_API_KEY", "AWS_SECRET_ACCESS_KEY", "UV_PUBLISH_TOKEN", "GALAPAGOS_DATA"}
    assert [kind for kind, environment in told.items() if "SMALL_KEY" in environment] == ["workers"]
    assert told["workers"]["GALAPAGOS_MODELS"] == "/etc/models.toml"
    assert [kind for kind, environment in told.items() if "UV_INDEX_URL" in environment] == ["evaluators"]
    assert told["evaluators"]["GALAPAGOS_TIER"] == "namespaces"
    assert [kind for kind, environment in told.items() if "GALAPAGOS_SLOTS" in environment] == ["evaluators"]


def test_the_option_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GALAPAGOS_DATA", "/from/environment")
    assert command_settings(None).data == Path("/from/environment")
    assert command_settings(Path("here")).data == Path("here")


def test_settings_of_processes_are_let_pass_and_misspelt_ones_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GALAPAGOS_SLOTS", "3")
    monkeypatch.setenv("GALAPAGOS_LEASE_S", "5")
    command_settings(None)
    monkeypatch.setenv("GALAPAGOS_DATABSE_URL", "x")
    with pytest.raises(SettingsError, match=r"GALAPAGOS_DATABSE_URL.*did you mean GALAPAGOS_DATABASE_URL"):
        command_settings(None)
