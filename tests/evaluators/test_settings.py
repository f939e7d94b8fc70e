"""Settings come from the environment; what nothing reads stops the start."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from database.settings import LogFormat, SettingsError
from evaluators.settings import EvaluatorSettings
from evolution.evaluation import Tier

URL = "postgresql://somebody@localhost/galapagos"


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.upper().startswith("GALAPAGOS_"):
            monkeypatch.delenv(name)


def test_every_setting_is_obeyed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given = {"DATABASE_URL": URL, "SLOTS": "3", "TIER": "plain", "CACHE": str(tmp_path), "LEASE_S": "7.5"}
    given |= {"SLOT_FOLDER": str(tmp_path / "slots"), "HEALTH_FILE": str(tmp_path / "health")}
    given |= {"LOG": "json", "METRICS_PORT": "9100", "METRICS_HOST": "127.0.0.2"}
    for name, value in given.items():
        monkeypatch.setenv(f"GALAPAGOS_{name}", value)
    settings = EvaluatorSettings.from_environment()
    expected = EvaluatorSettings(
        database_url=URL,
        slots=3,
        tier=Tier.PLAIN,
        cache=tmp_path,
        lease_s=7.5,
        slot_folder=tmp_path / "slots",
        health_file=tmp_path / "health",
        log=LogFormat.JSON,
        metrics_port=9100,
        metrics_host="127.0.0.2",
    )
    assert settings == expected
    assert {f"GALAPAGOS_{field.upper()}" for field in EvaluatorSettings.model_fields} == {f"GALAPAGOS_{name}" for name in given}


def test_defaults_fit_the_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GALAPAGOS_DATABASE_URL", URL)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    settings = EvaluatorSettings.from_environment()
    assert settings.slots == len(os.sched_getaffinity(0))
    assert settings.tier is Tier.NAMESPACES
    assert settings.cache == tmp_path / "galapagos"


def test_all_complaints_come_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GALAPAGOS_SLOT", "3")
    monkeypatch.setenv("GALAPAGOS_SLOTS", "none")
    monkeypatch.setenv("GALAPAGOS_TIER", "steel")
    with pytest.raises(SettingsError) as caught:
        EvaluatorSettings.from_environment()
    said = str(caught.value).splitlines()
    assert said[0] == "GALAPAGOS_SLOT is a setting that nothing reads (did you mean GALAPAGOS_SLOTS?); correct or unset it"
    assert {line.split(maxsplit=1)[0].rstrip(":") for line in said[1:]} == {
        "GALAPAGOS_DATABASE_URL", "GALAPAGOS_SLOTS", "GALAPAGOS_TIER"
    }  # fmt: skip


def test_names_of_other_processes_are_let_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GALAPAGOS_DATABASE_URL", URL)
    monkeypatch.setenv("GALAPAGOS_ELSEWHERE", "1")
    assert EvaluatorSettings.from_environment(frozenset({"GALAPAGOS_ELSEWHERE"})).database_url == URL


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({}, "GALAPAGOS_DATABASE_URL is not set"),
        ({"GALAPAGOS_DATABASE_URL": URL, "GALAPAGOS_SLOTZ": "2"}, "did you mean GALAPAGOS_SLOTS?"),
        ({"GALAPAGOS_DATABASE_URL": "mysql://nowhere"}, "postgresql://"),
    ],
)
def test_the_process_refuses_to_start_with_one_clear_message(environ: dict[str, str], words: str) -> None:
    command = [sys.executable, "-m", "evaluators"]
    ended = subprocess.run(command, env=os.environ | environ, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr
