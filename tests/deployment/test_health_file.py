"""A process says that it is well by touching a file."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from database.engine import Database
from database.pulse import pulse
from evolution.process import Kind
from tests.processes.kit import ROOT

PATIENCE_S = 30.0


@pytest.mark.parametrize("kind", ["controller", "workers", "evaluators"])
def test_a_process_touches_its_file_and_removes_it_when_it_stops(kind: str, database_url: str, tmp_path: Path) -> None:
    file = tmp_path / "health"
    bare = {name: value for name, value in os.environ.items() if not name.startswith("GALAPAGOS_")}
    told = {"GALAPAGOS_DATABASE_URL": database_url, "GALAPAGOS_HEALTH_FILE": str(file)}
    process = subprocess.Popen([sys.executable, "-m", kind], cwd=ROOT, env={**bare, **told})
    deadline = time.monotonic() + PATIENCE_S
    while not file.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    there = file.exists()
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_S) == 0
    assert there
    assert not file.exists()


async def test_without_a_database_there_is_no_sign_of_health(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "health"
    async with Database(f"postgresql://nobody@/nothing?host={tmp_path}") as database, pulse(database, Kind.SERVER, file):
        for _ in range(round(PATIENCE_S / 0.02)):
            if "no sign of health" in caplog.text:
                break
            await asyncio.sleep(0.02)
    assert "no sign of health" in caplog.text
    assert not file.exists()
