"""What `make up` does with a Compose that says more than it was asked for."""

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from tests.docker_machine import ROOT

TOKEN = "gal_" + 43 * "x"
DOCKER = """#!/bin/sh
case $1 in
  compose) exit 1 ;;
  inspect | image) echo "running healthy 0" ;;
esac
"""
COMPOSE = """#!/bin/sh
echo "$*" >>{log}
case $1 in
  run) echo "Step 1/13 : FROM base"; echo " ---> gal_no token"; {said} ;;
  ps) echo container ;;
esac
"""


def up(folder: Path, said: str, *options: str, **variables: str) -> tuple[Path, list[str]]:
    """The folder of the secrets after `scripts/compose.sh up`, and what Compose was asked for, in order."""
    log = folder / "asked"
    for name, text in {"docker": DOCKER, "docker-compose": COMPOSE.format(log=log, said=said)}.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    told = {"PATH": f"{folder}:{os.environ['PATH']}", "SECRETS": str(folder / "secrets"), **variables}
    command = [str(ROOT / "scripts/compose.sh"), "up", *options]
    done = subprocess.run(command, env=told, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder / "secrets", log.read_text().splitlines()


def test_the_first_token_is_nothing_but_the_token(tmp_path: Path) -> None:
    secrets, asked = up(tmp_path, f"echo {TOKEN}", "--build")
    assert (secrets / "first_token").read_text() == TOKEN + "\n"
    assert stat.S_IMODE((secrets / "first_token").stat().st_mode) == 0o600
    assert [line.split()[0] for line in asked if not line.startswith("ps")] == ["build", "run", "up"]
    assert "up --detach" in asked, "what was built is not built again"


@pytest.mark.parametrize("said", ["exit 2", "echo nothing"])
def test_where_no_token_was_made_none_is_kept(tmp_path: Path, said: str) -> None:
    secrets, asked = up(tmp_path, said, "--no-build")
    assert not list(secrets.glob("first_token*"))
    assert "up --detach --no-build" in asked
    assert "build" not in asked


@pytest.mark.parametrize(("profiles", "stopped"), [("gpu", True), ("tools,gpu", True), ("", False)])
def test_the_evaluators_with_gpus_are_looked_after_where_their_profile_is_on(
    tmp_path: Path, profiles: str, stopped: bool
) -> None:
    _, asked = up(tmp_path, f"echo {TOKEN}", COMPOSE_PROFILES=profiles)
    looked_at = [line for line in asked if line.startswith("ps -q server")]
    assert looked_at == ["ps -q server controller workers evaluators" + (" evaluators-gpu" if stopped else "")]


@pytest.mark.parametrize("written", [None, "SECRETS=./elsewhere\n"])
def test_secrets_lie_where_env_says_or_in_their_own_folder(tmp_path: Path, written: str | None) -> None:
    checkout = tmp_path / "checkout"
    shutil.copytree(ROOT / "scripts", checkout / "scripts")
    if written is not None:
        (checkout / ".env").write_text(written)
    for name, text in {"docker": DOCKER, "docker-compose": COMPOSE.format(log=tmp_path / "asked", said="true")}.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    told = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run([str(checkout / "scripts/compose.sh"), "up"], env=told, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (checkout / ("secrets" if written is None else "elsewhere") / "postgres_password").exists()
