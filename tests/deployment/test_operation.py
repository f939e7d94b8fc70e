"""Logs that machines read, and metrics, of real processes."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from database import runs, standing
from database.engine import Database
from evolution.run import Budget, RunState
from tests.database.scene import asked, new_run
from tests.processes.kit import ROOT

PATIENCE_S = 60.0


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Process:
    """A process of one kind with JSON logs and, but for `migrate`, with metrics."""

    def __init__(self, module: str, folder: Path, **told: str) -> None:
        self.port = free_port()
        self._log = folder / f"{module}.log"
        bare = {name: value for name, value in os.environ.items() if not name.startswith("GALAPAGOS_")}
        told = {f"GALAPAGOS_{name}": value for name, value in told.items()}
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", module],
                cwd=ROOT,
                env={**bare, "GALAPAGOS_LOG": "json", "GALAPAGOS_METRICS_PORT": str(self.port), **told},
                stderr=log,
            )

    def metrics(self) -> dict[str, float]:
        """The newest values, by name with labels; nothing while it does not serve any."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=5) as answer:
                lines = answer.read().decode().splitlines()
        except (urllib.error.URLError, ConnectionError):
            return {}
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if not line.startswith("#"))}

    def shows(self, seen: Callable[[dict[str, float]], bool]) -> dict[str, float]:
        """The metrics once they are as wanted."""
        deadline = time.monotonic() + PATIENCE_S
        while not seen(found := self.metrics()):
            assert time.monotonic() < deadline, (found, self._log.read_text())
            time.sleep(0.1)
        return found

    def end(self) -> int:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        return self.ended()

    def ended(self) -> int:
        """Its exit status, once it has ended by itself."""
        return self._process.wait(PATIENCE_S)

    def said(self) -> list[dict[str, object]]:
        """Its log, of which every line is an object."""
        return [json.loads(line) for line in self._log.read_text().splitlines()]


async def test_every_kind_of_process_counts_what_it_does_and_says_what_it_is_about(
    database: Database, database_url: str, open_folder: Path
) -> None:
    run = await new_run(database, budget=Budget(evaluations=6, micro_dollars=3_000_000))
    told = {"DATABASE_URL": database_url}
    controller = Process("controller", open_folder, **told)
    workers = Process("workers", open_folder, **told)
    evaluators = Process("evaluators", open_folder, **told, TIER="plain", SLOTS="1", CACHE=str(open_folder / "cache"))
    try:
        left = f'galapagos_run_budget_left_dollars{{run="{run}"}}'
        shown = controller.shows(lambda found: left in found)
        assert shown[left] == 3.0
        assert shown["galapagos_runs_unfinished"] == 1
        evaluators.shows(lambda found: found.get('galapagos_evaluations_total{verdict="scored"}', 0) >= 3)
        assert evaluators.metrics()["galapagos_slots"] == 1
        workers.shows(lambda found: found.get('galapagos_proposals_total{outcome="answered"}', 0) >= 2)
        shown = controller.shows(lambda found: found.get('galapagos_events_total{kind="admitted"}', 0) >= 3)
        assert shown["galapagos_pass_seconds_count"] > 0
        for _ in range(round(PATIENCE_S / 0.2)):
            async with database.begin() as connection:
                if (await runs.load(connection, run)).state is RunState.FINISHED:
                    break
            await asyncio.sleep(0.2)
    finally:
        assert [process.end() for process in (controller, workers, evaluators)] == [0, 0, 0]
    (finished,) = [record for record in controller.said() if record["text"] == f"run {run} is finished"]
    assert (finished["process"], finished["level"], finished["run"]) == ("controller", "info", run)
    assert all(record["process"] == "evaluators" for record in evaluators.said())


def test_a_setting_that_stops_the_start_is_told_as_json_too(open_folder: Path, tmp_path: Path) -> None:
    process = Process("controller", open_folder, DATABASE_URL="mysql://nowhere")
    assert process.ended() == 2
    (said,) = process.said()
    assert said["level"] == "critical"
    assert "postgresql://" in str(said["text"])


def test_metrics_that_cannot_be_served_stop_the_start(database_url: str, open_folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        process = Process("workers", open_folder, DATABASE_URL=database_url, METRICS_PORT=str(taken.getsockname()[1]))
        assert process.ended() == 2
    assert "GALAPAGOS_METRICS_PORT" in str(process.said()[-1]["text"])


async def test_queues_are_counted(database: Database) -> None:
    run = await new_run(database, budget=Budget(micro_dollars=5))
    await asked(database, run, 1, 2)
    async with database.begin() as connection:
        now = await standing.read(connection)
    assert now.queues == {
        ("proposal", "queued"): 2,
        ("proposal", "leased"): 0,
        ("evaluation", "queued"): 1,
        ("evaluation", "leased"): 0,
    }
    assert [(money.run, money.spent_micro_dollars, money.left_micro_dollars) for money in now.money] == [(run, 0, 5)]


@pytest.mark.parametrize("name", ["GALAPAGOS_METRICS_PORT", "GALAPAGOS_HEALTH_FILE"])
def test_commands_refuse_what_no_two_processes_can_share(name: str, open_folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "galapagos", "runs", "--data", str(open_folder)],
        cwd=ROOT, env={**os.environ, name: "9000"}, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 2
    assert f"{name} is a setting that nothing reads" in done.stderr
