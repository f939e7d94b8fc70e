"""A new folder works as it is: it passes its check, holds its audit, and can be certified where it says so."""

import shutil
from pathlib import Path

import pytest

from evaluators.audit.audit import audit_problem
from evaluators.certification import prove_twice
from evaluators.check import check_problem
from evaluators.sandbox import Packages
from evolution.evaluation import Tier
from evolution.examination import examine
from evolution.problem import Problem, ProblemError
from evolution.vocabulary import vocabulary_warnings
from galapagos.new_problem import Kind, make_problem
from galapagos.problem_folder import read_problem_folder
from tests.galapagos.command import galapagos


def made(kind: Kind, folder: Path) -> Problem:
    files = make_problem("my_problem", kind, folder)
    assert all("@NAME@" not in file.read_text() for file in files)
    assert {"problem.toml", "judge.py", "README.md"} < {file.name for file in files}
    problem = read_problem_folder(folder / "my_problem")
    assert problem.definition.name == "my_problem"
    examine(problem)
    return problem


@pytest.mark.parametrize("kind", [Kind.MATHEMATICS, Kind.FUNCTION, pytest.param(Kind.KERNEL, marks=pytest.mark.soak)])
async def test_a_new_folder_passes_its_check_and_its_audit(kind: Kind, tmp_path: Path) -> None:
    problem = made(kind, tmp_path)
    checked = await check_problem(problem, Tier.NAMESPACES, tmp_path / "cache")
    assert checked.errors == []
    # A time is never twice the same.
    assert [text for text in checked.warnings if kind is not Kind.KERNEL or "unequal scores" not in text] == []
    assert vocabulary_warnings(problem) == []
    assert (checked.picture is None) == (kind is Kind.FUNCTION)
    audited = await audit_problem(problem, Tier.NAMESPACES, tmp_path / "cache")
    assert (audited.errors, audited.holes) == ([], [])
    assert len(audited.probed) > (15 if kind is Kind.KERNEL else 70)


async def test_a_new_construction_is_proved_twice(tmp_path: Path) -> None:
    problem = made(Kind.MATHEMATICS, tmp_path)
    proved = await prove_twice(problem, problem.seed_files, Tier.NAMESPACES, Packages(), None)
    assert proved.exact.startswith("sqrt(")
    assert proved.score == pytest.approx(0.2444613319, rel=1e-9)


@pytest.mark.parametrize("name", ["", "My_problem", "my-problem", "../other", "1st", "a" * 65, "my problem"])
def test_a_bad_name_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ProblemError, match="expected a name of lower-case letters"):
        make_problem(name, Kind.FUNCTION, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_name_or_folder_that_is_taken_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProblemError, match="built-in problem"):
        make_problem("tammes_50", Kind.FUNCTION, tmp_path)
    (tmp_path / "mine").mkdir()
    with pytest.raises(ProblemError, match="is there already"):
        make_problem("mine", Kind.FUNCTION, tmp_path)
    assert list((tmp_path / "mine").iterdir()) == []
    with pytest.raises(ProblemError, match="--into"):
        make_problem("mine", Kind.FUNCTION, tmp_path / "nowhere")


def test_the_command_says_what_it_made_and_what_comes_next(tmp_path: Path) -> None:
    told = galapagos("new", "mine", "--into", tmp_path, "--kind", "function")
    assert told.code == 0, told.err
    assert f"galapagos audit {tmp_path / 'mine'}" in told.out
    again = galapagos("new", "mine", "--into", tmp_path, "--json")
    assert again.code == 2
    assert "is there already" in again.answer["error"]
    shutil.rmtree(tmp_path / "mine")
    assert galapagos("new", "mine", "--into", tmp_path, "--json").answer["kind"] == "mathematics"
