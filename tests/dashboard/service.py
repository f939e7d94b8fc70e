"""A whole service of real processes beside the tests' own Postgres, with people of each role, and a run that goes on."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import httpx

from database import people, projects
from database.engine import Database
from database.runs import DEFAULT_PROJECT
from evolution.people import Role
from evolution.run import Budget, RunConfig, RunState
from galapagos import Client
from galapagos.settings import KINDS as SETTINGS
from tests.galapagos.command import SEED, TOML, UNHURRIED, problem_folder
from tests.server.oidc_provider import CLIENT, SECRET
from tests.server.test_process import ROOT, free_port

HOSTILE = "A hill <script>window.attacked=1</script><img src=x onerror=window.attacked=1> \u202egnp.exe"
"""The title of the problem: a page that trusts it is attacked."""
ACCOUNTS = """
issuer = "{issuer}"
client_id = "{client}"
client_secret_file = "{secret}"
url = "{url}"
title = "Example"
unknown = "viewer"
"""
KINDS = ("controller", "workers", "evaluators")
TEAM = '[[models]]\nname = "team"\nkind = "people"\n'
"""The file of models: tests answer in a model's place."""
_PATIENCE_S = 90.0


@dataclass
class Service:
    """Processes, and tokens by the names of their owners: `admin`, `member`, `viewer`, `worker`."""

    url: str
    log: IO[bytes]
    models: Path
    port: int = field(default_factory=free_port)
    tokens: dict[str, str] = field(default_factory=dict[str, str])
    run: int = 0
    provider: Path | None = None
    _processes: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict[str, "subprocess.Popen[bytes]"])

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, name: str = "admin") -> Client:
        return Client(self.address, self.tokens[name])

    def let_go_on(self) -> None:
        """Whatever a test left behind that failed: the run goes on."""
        with self.client() as client:
            if client.run(self.run).state is RunState.PAUSED:
                client.resume(self.run)

    def until(self, state: str) -> int:
        """Waits for a state of the run; returns the number of its best program."""
        patience = time.monotonic() + _PATIENCE_S
        with self.client() as client:
            while (run := client.run(self.run)).state != state:
                assert time.monotonic() < patience, self.said()
                time.sleep(0.05)
        assert run.best is not None
        return run.best

    def start(self, kind: str) -> None:
        told = {"GALAPAGOS_DATABASE_URL": self.url, "GALAPAGOS_LEASE_S": "2"}
        told |= {"GALAPAGOS_PORT": str(self.port), "GALAPAGOS_OIDC": str(self.provider or "")} if kind == "server" else {}
        told |= {"GALAPAGOS_TIER": "plain"} if kind in {"server", "evaluators"} else {}
        told |= {"GALAPAGOS_MODELS": str(self.models)} if kind in {"server", "workers"} else {}
        told |= {"GALAPAGOS_SLOTS": "1"} if kind == "evaluators" else {}
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GALAPAGOS_")}
        known = {name: value for name, value in told.items() if name in _settings(kind)}
        self._processes[kind] = subprocess.Popen(
            [sys.executable, "-m", kind], cwd=ROOT, env=kept | known, stdout=self.log, stderr=self.log
        )
        if kind == "server":
            self._wait_for_server()

    def kill(self, kind: str) -> None:
        process = self._processes.pop(kind)
        process.kill()
        process.wait()

    def end(self) -> None:
        for kind in list(self._processes):
            self.kill(kind)

    def said(self) -> str:
        self.log.seek(0)
        return self.log.read().decode(errors="replace")[-3000:]

    def _wait_for_server(self) -> None:
        until = time.monotonic() + _PATIENCE_S
        while True:
            assert self._processes["server"].poll() is None, self.said()
            try:
                if httpx.get(f"{self.address}/readyz").status_code == 200:
                    return
            except httpx.TransportError:
                pass
            assert time.monotonic() < until, self.said()
            time.sleep(0.05)


def _settings(kind: str) -> set[str]:
    return {f"GALAPAGOS_{name.upper()}" for name in SETTINGS[kind].model_fields}


@contextmanager
def whole_service(url: str, log: IO[bytes], folder: Path, issuer: str) -> Generator[Service]:
    """The service with a run of a hostile problem, which has begun; people sign in at `issuer` too."""
    service = Service(url, log, folder / "models.toml")
    service.models.write_text(TEAM)
    service.tokens = asyncio.run(_people(url))
    service.provider = folder / "oidc.toml"
    service.provider.write_text(ACCOUNTS.format(issuer=issuer, client=CLIENT, secret=folder / "secret", url=service.address))
    (folder / "secret").write_text(SECRET)
    try:
        for kind in ("server", *KINDS):
            service.start(kind)
        problem = problem_folder(folder / "hill", toml=TOML.replace("A hill", HOSTILE), seed=SEED, judge=UNHURRIED)
        with service.client() as client:
            client.submit(problem)
            service.run = client.start("hill", RunConfig(budget=Budget(evaluations=100_000), in_flight=4), seed=3).id
            until = time.monotonic() + _PATIENCE_S
            while client.run(service.run).evaluations < 20:
                assert time.monotonic() < until, service.said()
                time.sleep(0.1)
        yield service
    finally:
        service.end()


async def _people(url: str) -> dict[str, str]:
    tokens: dict[str, str] = {}
    async with Database(url) as database, database.begin() as connection:
        for role in Role:
            person = await people.create_person(connection, role.value, by=None)
            await projects.set_member(connection, DEFAULT_PROJECT, person.id, role, by=None)
            made: Any = await people.create_token(connection, person.id, "test", by=None)
            tokens[role.value] = made.text
    return tokens
