"""Whole runs through the command line: real processes, an embedded database, the isolated sandbox."""

import json
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from galapagos import evolve
from tests.galapagos.command import TOML, UNHURRIED, Ended, Running, alive, children_of, galapagos, problem_folder

# They share one finished run, so one test process should have them all.
pytestmark = pytest.mark.xdist_group("command line")


@pytest.fixture(scope="module")
def place() -> Generator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="galapagos-cli-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def problem(place: Path) -> Path:
    return problem_folder(place / "hill")


@pytest.fixture(scope="module")
def unhurried(place: Path) -> Path:
    return problem_folder(place / "unhurried", judge=UNHURRIED)


@pytest.fixture(scope="module")
def finished(place: Path, problem: Path) -> Ended:
    """One run that ends at its limit; the tests below look at it."""
    return galapagos("run", problem, "--evaluations", "60", "--seed", "1", "--data", place / "data", "--json")


def test_a_run_ends_at_its_limit_with_a_verified_best(finished: Ended) -> None:
    assert finished.code == 0, finished.err
    answer = finished.answer
    assert answer["stop_reason"] == "evaluations"
    assert answer["evaluations"] == 60
    assert answer["seed_score"] == pytest.approx(7.8)
    assert answer["verified_score"] == pytest.approx(answer["best_score"])
    assert answer["best_score"] > answer["seed_score"]
    assert answer["programs"] == 60
    assert answer["spent"] == 0
    assert answer["seconds"] > 0
    assert answer["tier"] == "namespaces"
    assert "EVOLVE-BLOCK-START" in (Path(answer["best"]) / "program.py").read_text()
    assert "A hill" in Path(answer["report"]).read_text()
    assert "60 evaluations" in finished.err


def test_runs_and_show_tell_the_same(place: Path, finished: Ended) -> None:
    [line] = galapagos("runs", "--data", place / "data", "--json").answer["runs"]
    shown = galapagos("show", "1", "--data", place / "data", "--json").answer
    for answer in (line, shown):
        assert answer["best_score"] == finished.answer["best_score"]
        assert answer["verified_score"] == finished.answer["verified_score"]
        assert answer["evaluations"] == 60
    assert sum(operator["asked"] for operator in shown["operators"].values()) >= 59


def test_a_narrow_terminal_cuts_no_number(place: Path, finished: Ended) -> None:
    best = f"{finished.answer['best_score']:.6g}"
    for columns, started in (("60", False), ("120", True)):
        table = galapagos("runs", "--data", place / "data", COLUMNS=columns).out
        assert max(map(len, table.splitlines())) <= int(columns)
        assert best in table
        assert ("started" in table) is started


def test_a_run_that_has_ended_can_be_told_nothing(place: Path, finished: Ended) -> None:
    told = galapagos("steer", "1", '{"kind": "stop"}', "--data", place / "data", "--json")
    assert told.code == 2
    assert "has ended (60 of 60 evaluations are done)" in told.answer["error"]
    told = galapagos("steer", "1", '{"kind": "set_budget", "budget": {"evaluations": 0}}', "--data", place / "data", "--json")
    assert told.code == 2
    assert "set_budget.budget.evaluations" in told.answer["error"]


def test_the_log_verifies(place: Path, finished: Ended) -> None:
    ended = galapagos("verify", "1", "--data", place / "data", "--json")
    assert ended.code == finished.code == 0
    assert ended.answer["honest"] is True
    assert ended.answer["differences"] == []


def test_export_and_report_write_where_they_are_told(place: Path, finished: Ended) -> None:
    exported = galapagos("export", "1", "--data", place / "data", "--output", place / "rows.jsonl", "--json").answer
    assert exported["rows"] == len((place / "rows.jsonl").read_text().splitlines()) >= 60
    reported = galapagos("report", "1", "--data", place / "data", "--output", place / "r.html")
    assert reported.out.strip() == str(place / "r.html")
    assert (place / "r.html").exists()


@pytest.mark.parametrize("command", ["report", "export"])
def test_a_place_that_cannot_be_written_is_said(place: Path, finished: Ended, command: str) -> None:
    ended = galapagos(command, "1", "--data", place / "data", "--output", place, "--json")
    assert ended.code == 2
    assert "--output" in ended.answer["error"]
    assert "cannot be written" in ended.err
    assert finished.code == 0


def test_nothing_ran_is_no_error(tmp_path: Path) -> None:
    assert galapagos("runs", "--data", tmp_path / "nothing", "--json").answer == {"runs": []}
    assert not (tmp_path / "nothing").exists()


def test_a_run_at_its_limit_needs_a_higher_one(place: Path, finished: Ended) -> None:
    refused = galapagos("resume", "1", "--data", place / "data", "--json")
    assert refused.code == 2
    assert "--evaluations" in refused.answer["error"]
    low = galapagos("resume", "1", "--evaluations", "60", "--data", place / "data", "--json")
    assert low.code == 2
    assert "more than the 60" in low.answer["error"]
    more = galapagos("resume", "1", "--evaluations", "80", "--data", place / "data", "--json")
    assert more.code == 0, more.err
    assert more.answer["evaluations"] == 80
    assert more.answer["best_score"] >= finished.answer["best_score"]
    verified = galapagos("verify", "1", "--data", place / "data", "--json")
    assert verified.code == 0, verified.err


def test_ctrl_c_ends_a_run_cleanly_and_it_can_be_resumed(tmp_path: Path, place: Path, unhurried: Path) -> None:
    data = place / "interrupted"
    with Running(tmp_path, "run", unhurried, "--seed", "2", "--data", data, "--json") as running:
        running.until_evaluations(20)
        second = galapagos("run", unhurried, "--evaluations", "5", "--data", data, "--json")
        assert second.code == 3
        assert "another galapagos run" in second.answer["error"]
        assert str(data) in second.answer["error"]
        assert galapagos("show", "1", "--data", data, "--json").answer["state"] == "running"
        running.interrupt()
        ended = running.wait()
    assert ended.code == 130
    assert ended.answer["state"] == "finished"
    assert ended.answer["stop_reason"] == "stopped"
    assert ended.answer["verified_score"] is not None
    target = ended.answer["evaluations"] + 10
    resumed = galapagos("resume", "1", "--evaluations", str(target), "--data", data, "--json")
    assert resumed.code == 0, resumed.err
    assert resumed.answer["evaluations"] == target


def test_any_process_may_be_killed_and_nothing_outlives_the_supervisor(tmp_path: Path, place: Path, unhurried: Path) -> None:
    data = place / "killed"
    with Running(tmp_path, "run", unhurried, "--seed", "3", "--data", data, "--json", GALAPAGOS_LEASE_S="2") as running:
        running.until_evaluations(10)
        for kind in ("-m controller", "-m workers", "-m evaluators", "postgres -D"):
            pid = next(pid for pid, command in children_of(running.process.pid).items() if kind in command)
            os.kill(pid, signal.SIGKILL)
            time.sleep(0.5)
        running.until_evaluations(60)
        everything = set(children_of(running.process.pid))
        assert len(everything) > 5
        running.process.kill()
        running.process.wait()
        deadline = time.monotonic() + 15
        while left := alive(everything):
            assert time.monotonic() < deadline, f"processes outlived the supervisor: {left}"
            time.sleep(0.1)
    # How many there are by now is up to the machine.
    target = galapagos("show", "1", "--data", data, "--json").answer["evaluations"] + 20
    resumed = galapagos("resume", "1", "--evaluations", str(target), "--data", data, "--json")
    assert resumed.code == 0, resumed.err
    assert resumed.answer["evaluations"] == target
    assert galapagos("verify", "1", "--data", data, "--json").answer["honest"] is True


def test_a_judge_that_raises_ends_the_run_with_its_words(place: Path) -> None:
    folder = problem_folder(place / "broken", judge="def evaluate(candidate, context):\n    raise KeyError('no such metric')\n")
    ended = galapagos("run", folder, "--evaluations", "9", "--data", place / "broken-data", "--json")
    assert ended.code == 1
    assert ended.answer["stop_reason"] == "judge_failed"
    assert "no such metric" in ended.answer["stop_detail"]
    checked = galapagos("check", folder, "--json")
    assert checked.code == 1
    assert checked.answer["usable"] is False
    assert "no such metric" in " ".join(checked.answer["errors"])


def test_a_process_that_cannot_start_ends_the_run_with_its_words(place: Path, problem: Path) -> None:
    ended = galapagos("run", problem, "--evaluations", "9", "--data", place / "slots", "--json", GALAPAGOS_SLOTS="many")
    assert ended.code == 3
    assert "GALAPAGOS_SLOTS" in ended.answer["error"]
    assert "evaluators" in ended.answer["error"]


def test_check_shows_known_values_and_words_that_cannot_be_used(place: Path) -> None:
    known = '[[known]]\nname = "the peak"\nvalue = 10.0\nsource = "by design"\ndate = "2026-11"\nrecomputed = true\n'
    words = '[mutation]\nvocabulary = ["math.sin(a)", "np.tanh(a)"]\n'
    folder = problem_folder(place / "known", TOML + known + words)
    answer = galapagos("check", folder, "--json").answer
    assert answer["known"] == [
        {"name": "the peak", "value": 10.0, "source": "by design", "date": "2026-11", "recomputed": True}
    ]
    [warning] = answer["warnings"]
    assert "'np.tanh(a)'" in warning
    assert "  known     10  the peak (by design, 2026-11, recomputed)\n" in galapagos("check", folder).out


def test_check_scores_the_seed(problem: Path) -> None:
    ended = galapagos("check", problem, "--json")
    assert ended.code == 0, ended.err
    assert ended.answer["seed_score"] == pytest.approx(7.8)
    assert ended.answer["deterministic"] is True
    text = galapagos("check", problem).out
    assert text.endswith("usable\n")


def test_problems_are_listed() -> None:
    names = {item["name"] for item in galapagos("problems", "--json").answer["problems"]}
    assert {"circle_packing_26", "optimizer_rule"} <= names


def line(x: float) -> float:
    """Return twice x plus three."""
    return x * 1.0 + 1.0


def judge(candidate: Any) -> float:
    return -sum(abs(candidate.call("line", float(x)) - (2 * x + 3)) for x in range(4))


def test_evolve_from_python(place: Path) -> None:
    result = evolve(line, judge, evaluations=60, seed=1, data=place / "python")
    assert result.stop_reason == "evaluations"
    assert result.evaluations == 60
    assert result.seed_score == pytest.approx(-14)
    assert result.verified_score is not None
    assert result.verified_score >= -14
    assert "def line" in result.source
    assert json.dumps(result.files)
    assert result.report.exists()
