"""The list of built-in problems is whole, and every committed certificate proves what it says."""

import hashlib
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks.results import EVOLVED, PAGE, TABLE, page_with
from benchmarks.results import better as beats
from evolution.problem import Direction
from galapagos.cli_look import list_problems
from galapagos.library import RESULTS, listed_problems
from galapagos.problem_folder import built_in_problems
from tests.problems.judged import built_in, module_of
from tests.problems.test_mathematics import Given, better, judged, seed_of

CERTIFICATES = sorted(RESULTS.glob("*.certificate.json"))
KINDS = {"mathematics", "optimizer", "kernel"}


def test_every_built_in_problem_is_listed_with_its_cost() -> None:
    listed = {item.definition.name: item for item in listed_problems()}
    assert set(listed) == {folder.name for folder in built_in_problems()}
    assert {item.kind for item in listed.values()} <= KINDS
    for item in listed.values():
        assert item.cost_ms > 0
        assert item.hardware in {"CPU", "GPU"}
        assert item.best_known is not None
    assert listed["kissing_number_11"].best_known == 604
    assert listed["difference_basis"].best_known == 2.6390275
    assert listed["difference_basis"].definition.score.direction is Direction.MINIMIZE


@pytest.mark.parametrize("path", CERTIFICATES, ids=lambda path: path.name.partition(".")[0])
def test_committed_certificates_prove_again(path: Path) -> None:
    certificate: dict[str, Any] = json.loads(path.read_text())
    name = certificate["problem"]
    assert path.name == f"{name}.certificate.json"
    construction = certificate["construction"]
    canonical = json.dumps(construction, sort_keys=True, separators=(",", ":")).encode()
    assert certificate["hashes"]["construction"] == hashlib.sha256(canonical).hexdigest()
    assert module_of(name, "verifier").verify(construction) == certificate["exact"]
    proof = json.loads(module_of(name, "judge").artifact(Given(construction), None))
    assert (proof["exact"], proof["score"]) == (certificate["exact"], certificate["score"])
    assert better(name, certificate["score"], judged(name, seed_of(name))["score"])
    for file, text in certificate["program"].items():
        assert certificate["hashes"][f"program/{file}"] == hashlib.sha256(text.encode()).hexdigest()
        assert file in built_in(name).definition.seed


BASELINES: dict[str, Any] = json.loads(TABLE.read_text())


@pytest.mark.parametrize("name", BASELINES)
def test_champions_beside_their_baselines_are_worth_what_is_said(name: str) -> None:
    (main,) = built_in(name).definition.seed
    for told in BASELINES[name]["arms"].values():
        program: dict[str, Any] = {"__name__": "candidate"}
        exec(compile(told["program"][main], main, "exec"), program)  # noqa: S102 - a committed program of ours
        candidate = SimpleNamespace(call=lambda function, program=program: program[function]())
        assert module_of(name, "judge").evaluate(candidate, None)["score"] == told["score"]
    assert sum(BASELINES[name]["arms"][EVOLVED]["operators"].values()) > 0


def test_the_table_of_results_is_that_of_the_measurements() -> None:
    assert len(BASELINES) >= 5
    assert page_with(PAGE.read_text(), BASELINES) == PAGE.read_text()
    row = {"direction": "minimize", "arms": {EVOLVED: {"score": 2.0}}}
    assert beats(row, 2.1)
    assert not beats(row, 2.0)


def test_there_are_results() -> None:
    assert len(CERTIFICATES) >= 5


def test_the_list_fits_a_terminal_of_eighty_columns(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    list_problems()
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    row = next(line for line in lines if line.startswith("tensor_rank_3x4x7_gaussian "))
    assert row.split()[-3:] == ["\N{DOWNWARDS ARROW}", "63", "-"]
