"""The whole service as `galapagos serve` starts it, and its clients, as people use them."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from database.settings import SettingsError
from evolution.commands import CommandState
from evolution.run import Budget, RunConfig, RunState, StopReason
from galapagos import AsyncClient, Client, ServiceError, ServiceUnavailable
from galapagos.failures import Failure
from galapagos.remote.cli import write_files
from galapagos.remote.connection import Connection
from galapagos.remote.extras import TrackerName
from galapagos.remote.tracking import track
from tests.galapagos.command import UNHURRIED, environment, galapagos, problem_folder
from tests.server.test_process import free_port

pytestmark = pytest.mark.xdist_group("service")
"""One service serves all tests of this module."""


@dataclass
class Served:
    """A service that was started on a data folder, and how to reach it."""

    data: Path
    port: int
    token: str = ""
    process: "subprocess.Popen[str] | None" = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def settings(self) -> dict[str, str]:
        return {"GALAPAGOS_URL": self.url, "GALAPAGOS_TOKEN": self.token}

    def start(self) -> None:
        command = [sys.executable, "-m", "galapagos", "serve", "--data", str(self.data), "--plain", "--json"]
        told = environment(GALAPAGOS_PORT=str(self.port), GALAPAGOS_SLOTS="1", GALAPAGOS_LEASE_S="2")
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=told)
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        line = self.process.stdout.readline()
        assert line, self.process.stderr.read()
        answer = json.loads(line)
        assert answer["url"] == self.url
        self.token = answer["token"] or self.token

    def end(self, number: int = signal.SIGINT) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        code = self.process.wait(60)
        self.process.communicate()
        return code


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Generator[Served]:
    folder = tmp_path_factory.mktemp("service")
    for path in (folder, *folder.parents[:2]):
        path.chmod(0o755)
    made = Served(folder / "data", free_port())
    made.start()
    try:
        yield made
    finally:
        assert made.end() == 0


def config(evaluations: int) -> RunConfig:
    return RunConfig(tune=False, budget=Budget(evaluations=evaluations))


def test_a_story(served: Served, tmp_path: Path) -> None:
    with Client(served.url, served.token) as client:
        folder = problem_folder(tmp_path / "hill", judge=UNHURRIED)
        sent = client.submit(folder)
        assert (sent.name, sent.new) == ("hill", True)
        assert not client.submit(folder).new
        assert [line.name for line in client.problems()] == ["hill"]
        assert client.problem(sent.revision).definition.title == "A hill"

        run = client.start("hill", config(100_000), seed=3)
        assert run.config.strategy.value == "islands"
        log: list[Any] = []
        for event in client.events(run.id):
            log.append(event)
            if sum(event["kind"] == "admitted" for event in log) == 5:
                break
        assert [event["number"] for event in log] == list(range(1, len(log) + 1))

        paused = client.pause(run.id)
        while client.command(run.id, paused.id).state is CommandState.WAITING:
            time.sleep(0.05)
        assert client.command(run.id, paused.id).state is CommandState.TAKEN
        assert client.run(run.id).state is RunState.PAUSED
        client.set_budget(run.id, Budget(evaluations=client.run(run.id).evaluations + 15))
        client.resume(run.id)
        seen: list[int] = []
        ended = client.wait(run.id, lambda now: seen.append(now.evaluations))
        assert ended.stop_reason is StopReason.EVALUATIONS
        assert ended.verified_score is not None
        assert ended.seed_score is not None
        assert ended.verified_score > ended.seed_score
        assert seen[-1] == ended.evaluations
        assert [item.kind for item in client.commands(run.id)] == ["pause", "set_budget", "resume"]

        assert ended.champion is not None
        best = client.best(run.id)
        assert best is not None
        assert best.number == ended.champion
        assert "EVOLVE-BLOCK-START" in best.files["program.py"]
        assert "+++" in client.diff(run.id, best.number, "seed")
        by_score = [line.score for line in client.programs(run.id, "-score")]
        assert by_score == sorted(by_score, reverse=True)
        assert by_score[0] == ended.best_score
        assert len(list(client.programs(run.id))) == ended.programs
        assert [record.score for record in client.records(run.id)][-1] == ended.best_score
        assert len(list(client.archive(run.id))) == sum(ended.cells.values())
        assert client.spend(run.id).money.spent_micro_dollars == 0
        rows = tmp_path / "deep" / "rows.jsonl"
        assert client.export(run.id, rows) == rows.stat().st_size
        assert len(rows.read_text().splitlines()) >= ended.evaluations
        fork = client.fork(run.id, ended.champion, config(5))
        assert fork.origin is not None
        assert (fork.origin.run, fork.origin.program) == (run.id, ended.champion)
        assert client.wait(fork.id).seed_score == pytest.approx(ended.verified_score)
        assert [line.id for line in client.runs(state=RunState.FINISHED)] == [fork.id, run.id]
        compared = client.compare([run.id, fork.id])
        assert compared.same_problem
        assert [item.run for item in compared.runs] == [run.id, fork.id]
        assert client.wait(client.reopen(fork.id, Budget(evaluations=9)).id).evaluations == 9


def test_who_asks_and_what_lives(served: Served) -> None:
    with Client(served.url, served.token) as client:
        assert client.me().is_admin
        living = {item.kind: item for item in client.fleet().processes}
        assert living.keys() == {"server", "controller", "workers", "evaluators"}
        # They say it with the first beat of their pulse at which they serve.
        while living["evaluators"].slots is None:
            time.sleep(0.1)
            living = {item.kind: item for item in client.fleet().processes}
        assert living["evaluators"].slots == 1


def test_commands(served: Served, tmp_path: Path) -> None:
    def remote(*arguments: str | Path) -> dict[str, Any]:
        ended = galapagos("remote", *arguments, "--json", **served.settings)
        assert ended.code == 0, ended.err
        return ended.answer

    sent = remote("submit", problem_folder(tmp_path / "hill", judge="# of the commands\n" + UNHURRIED))
    run = remote("start", sent["revision"], "--evaluations", "100000", "--no-tune", "--seed", "1")["id"]
    assert remote("pause", str(run))["state"] == "taken"
    assert any(line["id"] == run and line["state"] == "paused" for line in remote("runs", "--state", "paused")["runs"])
    remote("resume", str(run))
    assert remote("steer", str(run), '{"kind": "annotate", "text": "well"}')["state"] == "taken"
    assert remote("priority", str(run), "2")["priority"] == 2.0
    forked = remote("fork", str(run), "0", "--seed", "5")["id"]
    assert remote("stop", str(forked))["run"] == forked
    remote("stop", str(run))
    watched = galapagos("remote", "watch", str(run), **served.settings)
    assert watched.code == 130, watched.err
    assert "somebody asked it to stop" in watched.out
    used = next(line["seconds"] for line in remote("runs")["runs"] if line["id"] == run)
    remote("limit", str(run), "--seconds", str(used + 0.5))
    watched = galapagos("remote", "watch", str(run), "--json", **served.settings)
    assert watched.code == 0, watched.err
    assert watched.answer["stop_reason"] == "seconds"
    assert remote("best", str(run), "--output", tmp_path / "best")["number"] == watched.answer["champion"]
    assert "EVOLVE-BLOCK-START" in (tmp_path / "best" / "program.py").read_text()
    parquet = remote("export", str(run), "--format", "parquet", "--output", tmp_path / "rows.parquet")
    assert parquet["bytes"] == (tmp_path / "rows.parquet").stat().st_size
    assert [item["run"] for item in remote("compare", str(run))["runs"]] == [run]


def test_a_run_in_data_frames_and_in_trackers_of_experiments(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mlflow = pytest.importorskip("mlflow", reason="THE EXTRA mlflow IS NOT TESTED HERE: scripts/setup.sh --tests installs it")
    with Client(served.url, served.token) as client:
        sent = client.submit(problem_folder(tmp_path / "hill", judge="# tracked\n" + UNHURRIED))
        run = client.wait(client.start(sent.revision, config(15), seed=2).id)
        frame, curves = client.frame(run.id), client.curves([run.id])
        records = list(client.records(run.id))
        best = client.best(run.id)
    assert best is not None
    assert frame.loc[best.number, "score"] == run.best_score
    assert frame["verdict"].value_counts()["scored"] <= run.evaluations
    assert str(frame["created_at"].dtype).startswith("datetime64")
    assert curves[["evaluations", "score"]].to_numpy().tolist() == [[one.evaluations, one.score] for one in records]

    async def tell_mlflow() -> str:
        async with AsyncClient(served.url, served.token) as client:
            return await track(client, run.id, TrackerName.MLFLOW, "galapagos", follow=False)

    place = (tmp_path / "mlruns").as_uri()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", place)
    with pytest.raises(Failure, match="the tracker refuses"):
        asyncio.run(tell_mlflow())
    # MLflow takes ten seconds to make a database.
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    assert asyncio.run(tell_mlflow()) == asyncio.run(tell_mlflow())
    store = mlflow.MlflowClient(place)
    (found,) = store.search_runs([store.get_experiment_by_name("galapagos").experiment_id])
    assert found.info.status == "FINISHED"
    assert found.data.params["seed"] == "2"
    assert found.data.params["budget.evaluations"] == "15"
    assert found.data.metrics["verified_score"] == run.verified_score
    history = {(one.step, one.value) for one in store.get_metric_history(found.info.run_id, "best_score")}
    assert history == {(one.evaluations, one.score) for one in records}
    text = mlflow.artifacts.load_text(f"{found.info.artifact_uri}/program/program.py")
    assert text == best.files["program.py"]

    told = served.settings | {"WANDB_MODE": "offline", "WANDB_DIR": str(tmp_path)}
    ended = galapagos("remote", "track", str(run.id), "--to", "wandb", "--follow", "--json", **told)
    assert ended.code == 0, ended.err
    assert "Weights & Biases" in ended.answer["place"]
    (stored,) = (tmp_path / "wandb").glob("offline-run-*/run-*.wandb")
    assert b"verified_score" in stored.read_bytes()


def test_what_is_refused_is_said_in_plain_words(served: Served, tmp_path: Path) -> None:
    with Client(served.url, served.token) as client:
        assert list(client.models()) == []
        with pytest.raises(ServiceError, match="there is no run 999") as raised:
            client.run(999)
        assert (raised.value.status, raised.value.kind) == (404, "urn:galapagos:not-found")
        with pytest.raises(ServiceError) as raised:
            client.start("hill", project=77)
        assert raised.value.status in {403, 404}
    with Client(served.url, "gal_unknown") as client, pytest.raises(ServiceError, match="unknown, revoked or expired"):
        next(client.runs())
    wrong = galapagos("remote", "runs", "--json", **served.settings | {"GALAPAGOS_TOKEN": "gal_x"})
    assert wrong.code == 2
    assert "unknown, revoked or expired" in wrong.answer["error"]
    taken = galapagos("serve", "--plain", "--data", tmp_path / "other", "--json", GALAPAGOS_PORT=str(served.port))
    assert taken.code == 2
    assert "GALAPAGOS_PORT" in taken.answer["error"]


@pytest.mark.parametrize("url", ["", "127.0.0.1:8765", "http://host:port", "ftp://somewhere"])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(SettingsError, match="http://HOST:PORT"):
        Connection(url, "gal_x", 1.0)


def test_a_token_that_is_none() -> None:
    with pytest.raises(SettingsError, match="copy it anew"):
        Connection("http://127.0.0.1", "gal_\n", 1.0)


def test_a_service_writes_nowhere_else(tmp_path: Path) -> None:
    write_files({"deep/x.py": "1"}, tmp_path / "best")
    assert (tmp_path / "best" / "deep" / "x.py").read_text() == "1"
    for path in ("../x.py", str(tmp_path / "y.py")):
        with pytest.raises(Failure, match="outside"):
            write_files({path: "1"}, tmp_path / "best")
    assert [path.name for path in tmp_path.iterdir()] == ["best"]


def test_no_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("galapagos.remote.connection.FIRST_PAUSE_S", 0.01)
    address = f"http://127.0.0.1:{free_port()}"
    with Client(address, "gal_x") as client, pytest.raises(ServiceUnavailable, match="is it running"):
        client.run(1)
    ended = galapagos("remote", "submit", "circle_packing_26", "--json", GALAPAGOS_URL=address)
    assert ended.code == 3
    assert address in ended.answer["error"]


async def test_a_service_that_is_killed_and_comes_back_loses_nothing(open_folder: Path) -> None:
    served = Served(open_folder / "data", free_port())
    served.start()
    try:
        async with AsyncClient(served.url, served.token) as client:
            await client.submit(problem_folder(open_folder / "hill", judge=UNHURRIED))
            run = await client.start("hill", config(80), seed=1)
            numbers: list[int] = []
            begun = asyncio.Event()

            async def follow() -> None:
                async for event in client.events(run.id):
                    numbers.append(event["number"])
                    if len(numbers) == 40:
                        begun.set()
                    if event["kind"] == "finished":
                        return

            following = asyncio.create_task(follow())
            await asyncio.wait_for(begun.wait(), 60)
            waiting = asyncio.create_task(client.wait(run.id))
            assert served.process is not None
            os.kill(served.process.pid, signal.SIGKILL)
            await asyncio.to_thread(served.process.communicate)
            await asyncio.to_thread(served.start)
            ended = await asyncio.wait_for(waiting, 120)
            assert ended.evaluations == 80
            await asyncio.wait_for(following, 60)
            assert numbers == list(range(1, ended.as_of_event + 1))
    finally:
        served.end()
