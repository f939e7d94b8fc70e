"""What `make up` does with a Compose that says more than it was asked for."""

import os
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


def up(folder: Path, said: str, *options: str) -> tuple[Path, list[str]]:
    """The folder of the secrets after `scripts/compose.sh up`, and what Compose was asked for, in order."""
    log = folder / "asked"
    for name, text in {"docker": DOCKER, "docker-compose": COMPOSE.format(log=log, said=said)}.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    told = {"PATH": f"{folder}:{os.environ['PATH']}", "SECRETS": str(folder / "secrets")}
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
