"""Docker for tests: a daemon (started here if none runs), the boxes' image, and the slots service on top of them."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from tests.base_image import NoBaseImage, base_archive

ROOT = Path(__file__).parents[1]
IMAGE = "galapagos-test-box"
_PATIENCE_S = 60.0
_WITH_US = ("setpriv", "--pdeathsig", "TERM")
"""What a process is started with that shall end with these tests, however they end."""
_INSTALL = "run: sudo apt-get install -y docker.io"


class NoDocker(RuntimeError):
    """Docker cannot be had on this machine; the text says why."""


class Broken(RuntimeError):
    """Docker is there, but what this repository makes with it is not right."""


def _wait(log: Path, process: subprocess.Popen[bytes], ready: Callable[[], bool]) -> str:
    """Wait until something is ready; returns its last words if it does not become so."""
    deadline = time.monotonic() + _PATIENCE_S
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            return log.read_text(errors="replace")[-600:] or "nothing"
        time.sleep(0.05)
    return ""


def end(process: subprocess.Popen[bytes]) -> None:
    """Have a process that was started here end."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class DockerMachine:
    """A daemon at `host` with the image, and the folders `slots` and `cache` that the service shares with evaluators."""

    def __init__(self, host: str, folder: Path) -> None:
        self.host = host
        self.slots = folder / "slots"
        self.cache = folder / "cache"
        self.service: subprocess.Popen[bytes] | None = None
        self.base = ""

    def docker(self, *arguments: str) -> str:
        """What the client says."""
        variables = {"PATH": os.environ["PATH"], "DOCKER_HOST": self.host, "DOCKER_BUILDKIT": "0", "HOME": "/nonexistent"}
        done = subprocess.run(["docker", *arguments], check=False, capture_output=True, text=True, env=variables, cwd=ROOT)
        if done.returncode:
            raise Broken(f"docker {' '.join(arguments)[:100]}: {(done.stdout + done.stderr)[-600:]}")
        return done.stdout.strip()

    def containers(self) -> list[str]:
        """The names of all containers of slots."""
        return self.docker("ps", "--all", "--format", "{{.Names}}", "--filter", "label=galapagos.slots").split()

    def identities(self) -> list[str]:
        """The ids of all containers of slots."""
        return self.docker("ps", "--all", "--quiet", "--no-trunc", "--filter", "label=galapagos.slots").split()

    def kill_a_candidate(self, spared: set[str]) -> None:
        """Kill a candidate box whose container is not `spared`, however often one is recycled before the kill reaches it."""
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            name = next((name for name in self.containers() if name not in spared and name.endswith("-candidate")), None)
            try:
                if name is not None:
                    self.docker("kill", name)
                    return
            except Broken:
                if time.monotonic() > deadline:
                    raise
            assert time.monotonic() < deadline, "no container of a candidate came"

    def make_base(self) -> None:
        """Make the base image, without network, and run something in it.

        Raises:
            NoDocker: this machine cannot.
        """
        try:
            self.base, archive = base_archive()
            self.docker("import", str(archive), self.base)
            self.docker("run", "--rm", "--network", "none", self.base, "/bin/true")
        except (NoBaseImage, Broken) as error:
            raise NoDocker(str(error)) from None

    def make_image(self) -> None:
        """Build the image of boxes upon the base."""
        self.build("box", IMAGE)

    def build(self, target: str, tag: str, base: str = "", **arguments: str) -> None:
        """Build one of the repository's images upon the base, or upon another one, with more build arguments."""
        given = {"BASE": base or self.base} | arguments
        options = [part for name, value in given.items() for part in ("--build-arg", f"{name}={value}")]
        self.docker("build", "--network", "none", *options, "--target", target, "--tag", tag, ".")

    def settings(self, **changes: str) -> dict[str, str]:
        """The environment of a slots service here."""
        variables = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "GALAPAGOS_SLOT_FOLDER": str(self.slots),
            "GALAPAGOS_DOCKER_HOST": self.host,
            "GALAPAGOS_IMAGE": IMAGE,
            "GALAPAGOS_CACHE": str(self.cache),
        }
        return variables | changes

    def start_service(self) -> None:
        """Start the service that tests share."""
        self.service = self.start_another_service(self.slots)

    def start_another_service(self, folder: Path, **changes: str) -> subprocess.Popen[bytes]:
        """Start a service for `folder` and wait until it listens.

        Raises:
            Broken: it does not; the text is its own.
        """
        with tempfile.NamedTemporaryFile(prefix="galapagos-slots-log-") as log:
            settings = self.settings(GALAPAGOS_SLOT_FOLDER=str(folder), **changes)
            command = [*_WITH_US, sys.executable, "-m", "evaluators.slots"]
            service = subprocess.Popen(command, env=settings, stdout=log, stderr=log)
            path = Path(log.name)
            if said := _wait(path, service, lambda: b"serving at" in path.read_bytes()):
                end(service)
                raise Broken(f"the slots service did not start; it said: {said}")
        return service

    @contextmanager
    def another_service(self, folder: Path, **changes: str) -> Generator[None]:
        """A service for `folder`, ended after the block."""
        service = self.start_another_service(folder, **changes)
        try:
            yield
        finally:
            end(service)

    def stop_service(self, number: int = signal.SIGTERM) -> None:
        """End the service by a signal."""
        assert self.service is not None
        self.service.send_signal(number)
        self.service.wait(_PATIENCE_S)


@contextmanager
def docker_machine() -> Generator[DockerMachine]:
    """A machine with the image and a running service.

    Raises:
        NoDocker: not here.
    """
    with (
        _folder() as folder,
        _folder() as data,
        _daemon(folder, data) as (host, own),
    ):
        machine = DockerMachine(host, folder)
        for place in (machine.slots, machine.cache):
            place.mkdir()
        machine.make_base()
        machine.make_image()
        machine.start_service()
        try:
            yield machine
        finally:
            assert machine.service is not None
            end(machine.service)
            if not own:
                machine.docker("rmi", "--force", IMAGE, machine.base)


@contextmanager
def _folder() -> Generator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="galapagos-docker-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _daemon(folder: Path, data: Path) -> Generator[tuple[str, bool]]:
    if shutil.which("docker") is None:
        raise NoDocker(f"expected the program docker; {_INSTALL}")
    running = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    if _answers(running):
        yield running, False
        return
    if shutil.which("dockerd") is None:
        raise NoDocker(f"expected the program dockerd, since no Docker answers at {running}; {_INSTALL}")
    if os.geteuid() != 0:
        raise NoDocker(f"no Docker answers at {running}, and only root can start one")
    host = f"unix://{folder}/docker.sock"
    log = folder / "dockerd.log"
    with log.open("wb") as written:
        command = [*_WITH_US, "dockerd", "--host", host]
        command += ["--data-root", str(data), "--exec-root", str(folder / "exec")]
        command += ["--pidfile", str(folder / "pid"), "--iptables=false", "--ip6tables=false", "--bridge=none"]
        daemon = subprocess.Popen(command, stdout=written, stderr=written)
    try:
        if said := _wait(log, daemon, lambda: _answers(host)):
            raise NoDocker(f"dockerd does not start here; it said: {said.splitlines()[-1]}")
        yield host, True
    finally:
        end(daemon)


def _answers(host: str) -> bool:
    variables = {"PATH": os.environ["PATH"], "DOCKER_HOST": host, "HOME": "/nonexistent"}
    return subprocess.run(["docker", "version"], check=False, capture_output=True, env=variables).returncode == 0
