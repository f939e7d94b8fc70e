"""The service as a process: what it needs to start, and how it ends."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import httpx
import pytest

from server.__main__ import main

ROOT = Path(__file__).parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def serving(url: str, **settings: str) -> Generator[tuple[subprocess.Popen[bytes], str]]:
    port = free_port()
    told = {"GALAPAGOS_DATABASE_URL": url, "GALAPAGOS_PORT": str(port)}
    told |= {f"GALAPAGOS_{name.upper()}": value for name, value in settings.items()}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GALAPAGOS_")}
    address = f"http://127.0.0.1:{port}"
    # Not a pipe, which would be full some day: then the service would wait for somebody to read its log.
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen([sys.executable, "-m", "server"], cwd=ROOT, env=kept | told, stderr=log)
        try:
            for _ in range(200):
                assert process.poll() is None, _written(log)
                try:
                    if httpx.get(f"{address}/readyz").status_code == 200:
                        break
                except httpx.TransportError:
                    time.sleep(0.05)
            yield process, address
        finally:
            process.kill()
            process.wait()


def _written(log: IO[bytes]) -> str:
    log.seek(0)
    return log.read().decode(errors="replace")


def test_it_ends_when_asked_to_though_a_client_dawdles(database_url: str) -> None:
    with serving(database_url) as (process, address):
        port = int(address.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as dawdling:
            dawdling.sendall(b"POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
            time.sleep(0.2)
            began = time.monotonic()
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0
            assert time.monotonic() - began < 9


def test_an_address_that_others_reach_needs_somebody_with_a_token(
    database_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("GALAPAGOS_DATABASE_URL", database_url)
    monkeypatch.setenv("GALAPAGOS_BIND", "0.0.0.0")  # noqa: S104 - nothing is bound
    assert main() == 2
    assert "nobody has a token yet" in caplog.text
    monkeypatch.setenv("GALAPAGOS_DATABASE_URL", database_url.replace("/test_", "/nowhere_"))
    assert main() == 2


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({}, "GALAPAGOS_DATABASE_URL is not set"),
        ({"database_url": "mysql://x/y"}, "the database must be Postgres"),
        ({"database_url": "postgresql://x/y", "port": "0"}, "GALAPAGOS_PORT"),
        ({"database_url": "postgresql://x/y", "prot": "1"}, "did you mean GALAPAGOS_PORT"),
        ({"database_url": "postgresql://x/y", "models": "/nowhere/models.toml"}, "cannot read the models file"),
    ],
)
def test_settings_that_cannot_be_used_stop_the_start(
    settings: dict[str, str], complaint: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(f"GALAPAGOS_{name.upper()}", value)
    assert main() == 2
    assert complaint in caplog.text
