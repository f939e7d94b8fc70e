"""The deployment as its users start it: `make up`, on this machine, from images that are made here."""

import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.deployment.images import POSTGRES, SERVICE, make_postgres_image, make_service_image
from tests.docker_machine import IMAGE, ROOT, DockerMachine

pytestmark = pytest.mark.soak

STOP_S = 10.0
RUN_S = 120.0
LASTING = ("postgres", "server", "controller", "workers", "evaluators", "slots")

_CREATE = """
import asyncio, sys
from pathlib import Path
from database import runs
from database.engine import Database
from evolution.evaluation import Tier
from evolution.normalise import normalise
from evolution.run import Budget, RunConfig
from galapagos.problem_folder import read_problem_folder

async def main():
    problem = read_problem_folder(Path("/galapagos/problems/circle_packing_26"))
    seed = normalise(problem.seed_files, problem.definition.language)
    async with Database(Path("/run/secrets/server_url").read_text().strip()) as database, database.begin() as connection:
        print(await runs.create(
            connection, problem, RunConfig(budget=Budget(evaluations=int(sys.argv[1]))), 7, Tier.CONTAINER,
            normalised_hash=seed.hash, length=seed.length, literals=seed.literals,
        ))

asyncio.run(main())
"""
_STANDING = """
import asyncio, json, sys
from pathlib import Path
from database import views
from database.engine import Database

async def main():
    async with Database(Path("/run/secrets/server_url").read_text().strip()) as database, database.begin() as connection:
        live = await views.live(connection, int(sys.argv[1]))
        print(json.dumps([live.row.state, live.evaluations, live.seed_score, live.best_score]))

asyncio.run(main())
"""


class Deployment:
    """A project of Compose on the tests' Docker."""

    def __init__(self, machine: DockerMachine, folder: Path) -> None:
        self.machine = machine
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.variables = {
            "PATH": os.environ["PATH"],
            "HOME": "/nonexistent",
            "DOCKER_HOST": machine.host,
            "DOCKER_SOCKET": machine.host.removeprefix("unix://"),
            "COMPOSE_PROJECT_NAME": f"galapagos-test-{os.getpid()}",
            "SERVICE_IMAGE": SERVICE,
            "POSTGRES_IMAGE": POSTGRES,
            "BOX_IMAGE": IMAGE,
            "SECRETS": str(folder / "secrets"),
            "PORT": str(self.port),
            "SLOTS": "2",
        }

    def compose(self, *arguments: str, given: str = "") -> str:
        done = subprocess.run(
            [str(ROOT / "scripts/compose.sh"), *arguments],
            cwd=ROOT, env=self.variables, check=False, capture_output=True, text=True, input=given,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr + self.logs()
        return done.stdout

    def logs(self) -> str:
        command = [str(ROOT / "scripts/compose.sh"), "logs", "--tail", "30"]
        return subprocess.run(command, cwd=ROOT, env=self.variables, check=False, capture_output=True, text=True).stdout

    def get(self, address: str) -> dict[str, Any]:
        """What the service answers to the first administrator."""
        token = Path(self.variables["SECRETS"], "first_token").read_text().strip()
        answer = httpx.get(f"http://127.0.0.1:{self.port}{address}", headers={"Authorization": f"Bearer {token}"}, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def in_server(self, script: str, *arguments: str) -> Any:
        return json.loads(self.compose("exec", "-T", "server", "python3", "-", *arguments, given=script))

    def container(self, service: str) -> dict[str, Any]:
        identity = self.compose("ps", "-q", service).strip()
        return json.loads(self.machine.docker("inspect", identity))[0]

    def finished(self, run: int) -> tuple[float, float]:
        """The scores of its seed and its best, once a run has finished."""
        deadline = time.monotonic() + RUN_S
        while time.monotonic() < deadline:
            state, _, seed, best = self.in_server(_STANDING, str(run))
            if state == "finished":
                return seed, best
            time.sleep(0.5)
        raise AssertionError(f"run {run} did not finish within {RUN_S} s\n{self.logs()}")

    def evaluations(self, run: int) -> int:
        return self.in_server(_STANDING, str(run))[1]


@pytest.fixture
def deployment(docker: DockerMachine) -> Generator[Deployment]:
    if subprocess.run(["docker", "compose", "version"], check=False, capture_output=True).returncode:  # noqa: SIM102 - either one
        if shutil.which("docker-compose") is None:
            pytest.skip("COMPOSE IS NOT TESTED HERE: expected docker compose or docker-compose")
    make_service_image(docker)
    make_postgres_image(docker)
    with tempfile.TemporaryDirectory(prefix="galapagos-deployment-") as name:
        made = Deployment(docker, Path(name))
        try:
            yield made
        finally:
            made.compose("down", "--volumes", "--timeout", "5")


def test_a_team_is_served_upgraded_backed_up_and_stopped(deployment: Deployment, tmp_path: Path) -> None:
    deployment.compose("up", "--no-build")
    for service in LASTING:
        assert deployment.container(service)["State"]["Health"]["Status"] == "healthy", service
    assert deployment.get("/readyz")["status"] == "ok"
    assert "items" in deployment.get("/api/v1/problems")

    run = deployment.in_server(_CREATE, "40")
    seed, best = deployment.finished(run)
    assert best > seed

    backup = tmp_path / "backup"
    deployment.compose("backup", str(backup))
    later = deployment.in_server(_CREATE, "100000")
    deadline = time.monotonic() + RUN_S
    while deployment.evaluations(later) < 10 and time.monotonic() < deadline:
        time.sleep(0.5)
    assert deployment.evaluations(later) >= 10

    began = time.monotonic()
    deployment.compose("stop")
    took = time.monotonic() - began
    codes = {service: deployment.container(service)["State"]["ExitCode"] for service in LASTING}
    assert codes == dict.fromkeys(LASTING, 0), deployment.logs()
    assert took < STOP_S
    assert deployment.machine.containers() == []

    # What was under way is taken up again, by processes that are new.
    deployment.compose("up", "--no-build")
    reached = deployment.evaluations(later)
    deadline = time.monotonic() + RUN_S
    while deployment.evaluations(later) <= reached and time.monotonic() < deadline:
        time.sleep(0.5)
    assert deployment.evaluations(later) > reached

    deployment.compose("restore", str(backup))
    assert deployment.finished(run) == (seed, best)
    assert deployment.in_server(_CREATE, "5") == later

    began = time.monotonic()
    deployment.compose("down", "--volumes")
    assert time.monotonic() - began < STOP_S
    project = f"label=com.docker.compose.project={deployment.variables['COMPOSE_PROJECT_NAME']}"
    assert deployment.machine.docker("ps", "--all", "--quiet", "--filter", project) == ""
    assert deployment.machine.docker("volume", "ls", "--quiet", "--filter", project) == ""
