"""The deployment as its users start it: `make up`, on this machine, from images that are made here."""

import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest

from evolution.run import Budget, RunConfig, RunState
from galapagos.remote.blocking import Client
from server.schemas.runs import RunDetail
from tests.deployment.images import POSTGRES, SERVICE, make_postgres_image, make_service_image
from tests.docker_machine import IMAGE, ROOT, DockerMachine

pytestmark = pytest.mark.soak

STOP_S = 10.0
RUN_S = 120.0
METRICS = {
    "server": "galapagos_requests_total",
    "controller": "galapagos_runs_unfinished",
    "workers": "galapagos_proposals_total",
    "evaluators": 'galapagos_slot_orders_total{outcome="done",verb="create"}',
}
LASTING = ("postgres", "server", "controller", "workers", "evaluators", "slots")


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

    def client(self) -> Client:
        """The service as the first administrator sees it."""
        token = Path(self.variables["SECRETS"], "first_token").read_text().strip()
        return Client(f"http://127.0.0.1:{self.port}", token)

    def container(self, service: str) -> dict[str, Any]:
        identity = self.compose("ps", "-q", service).strip()
        return json.loads(self.machine.docker("inspect", identity))[0]

    def reaches(self, client: Client, run: int, wanted: Callable[[RunDetail], bool]) -> RunDetail:
        """A run as it stands once it is as wanted."""
        deadline = time.monotonic() + RUN_S
        while not wanted(detail := client.run(run)):
            assert time.monotonic() < deadline, f"run {run} stands still: {detail}\n{self.logs()}"
            time.sleep(0.5)
        return detail


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


def limited(evaluations: int) -> RunConfig:
    return RunConfig(budget=Budget(evaluations=evaluations))


def open_stream(deployment: Deployment, run: int) -> AbstractContextManager[httpx.Response]:
    """The live log of a run, held open."""
    token = Path(deployment.variables["SECRETS"], "first_token").read_text().strip()
    return httpx.stream(
        "GET",
        f"http://127.0.0.1:{deployment.port}/api/v1/runs/{run}/events/stream",
        headers={"Authorization": f"Bearer {token}"},
        timeout=30,
    )


def scraped(deployment: Deployment, service: str) -> str:
    """The metrics of a process, as another container of their network gets them."""
    networks = deployment.container(service)["NetworkSettings"]["Networks"]
    (address,) = [network["IPAddress"] for name, network in networks.items() if name.endswith("_metrics")]
    read = f"import urllib.request as r; print(r.urlopen('http://{address}:9464/metrics', timeout=5).read().decode())"
    return deployment.compose("exec", "-T", "workers", "python3", "-c", read)


def test_a_team_is_served_upgraded_backed_up_and_stopped(deployment: Deployment, tmp_path: Path) -> None:
    deployment.compose("up", "--no-build")
    for service in LASTING:
        assert deployment.container(service)["State"]["Health"]["Status"] == "healthy", service
    pages = httpx.get(f"http://127.0.0.1:{deployment.port}/", headers={"Accept": "text/html"})
    assert "/assets/index-" in pages.text, "the image has no dashboard"
    with deployment.client() as client:
        client.submit("circle_packing_26")
        run = client.start("circle_packing_26", limited(40), seed=7).id
        first = deployment.reaches(client, run, lambda found: found.state is RunState.FINISHED)
        assert first.best_score is not None
        assert first.seed_score is not None
        assert first.best_score > first.seed_score

        for service, metric in METRICS.items():
            assert metric in scraped(deployment, service), service

        backup = tmp_path / "backup"
        deployment.compose("backup", str(backup))
        later = client.start("circle_packing_26", limited(100_000)).id
        reached = deployment.reaches(client, later, lambda found: found.evaluations >= 10).evaluations

        with open_stream(deployment, later) as stream:
            assert next(stream.iter_raw())
            began = time.monotonic()
            deployment.compose("stop")
            took = time.monotonic() - began
    codes = {service: deployment.container(service)["State"]["ExitCode"] for service in LASTING}
    assert codes == dict.fromkeys(LASTING, 0), deployment.logs()
    assert took < STOP_S
    assert deployment.machine.containers() == []

    # What was under way is taken up again, by processes that are new.
    deployment.compose("up", "--no-build")
    with deployment.client() as client:
        deployment.reaches(client, later, lambda found: found.evaluations > reached)

    deployment.compose("restore", str(backup))
    with deployment.client() as client:
        restored = client.run(run)
        assert (restored.state, restored.best_score) == (RunState.FINISHED, first.best_score)
        assert client.start("circle_packing_26", limited(5)).id == later

    began = time.monotonic()
    deployment.compose("down", "--volumes")
    assert time.monotonic() - began < STOP_S
    project = f"label=com.docker.compose.project={deployment.variables['COMPOSE_PROJECT_NAME']}"
    assert deployment.machine.docker("ps", "--all", "--quiet", "--filter", project) == ""
    assert deployment.machine.docker("volume", "ls", "--quiet", "--filter", project) == ""
