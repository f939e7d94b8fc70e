"""`galapagos certify`: a certificate only where two verifiers agree."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from galapagos.certificate import compared
from galapagos.cli_certify import certify
from galapagos.failures import ExitCode, Failure
from tests.problems.constructions import wichmann
from tests.problems.judged import PROBLEMS, built_in

NAME = "difference_basis"
PROGRAM = f"def construct():\n    return {wichmann(9, 19)}\n"


def certified(capsys: pytest.CaptureFixture[str], artifact: Path, problem: str | None = None) -> dict[str, Any]:
    certify(artifact, problem, as_json=True)
    return json.loads(capsys.readouterr().out)


def refusal(artifact: Path, problem: str | Path | None = None) -> Failure:
    with pytest.raises(Failure) as caught:
        certify(artifact, None if problem is None else str(problem))
    return caught.value


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "best" / "construct.py"
    path.parent.mkdir()
    path.write_text(PROGRAM)
    return path


def changed_problem(tmp_path: Path, file: str, old: str, new: str) -> Path:
    folder = tmp_path / "changed"
    shutil.copytree(PROBLEMS / NAME, folder, ignore=shutil.ignore_patterns("__pycache__"))
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new))
    return folder


def test_a_program_is_certified_and_its_certificate_proves_again(program: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = certified(capsys, program.parent, NAME)
    path = program.parent.parent / f"{NAME}.certificate.json"
    assert told["certificate"] == str(path)
    certificate = json.loads(path.read_text())
    assert certificate["construction"] == wichmann(9, 19)
    assert certificate["exact"] == "841/285"
    assert certificate["score"] == 841 / 285
    hashes = certificate["hashes"]
    assert hashes["program/construct.py"] == hashlib.sha256(PROGRAM.encode()).hexdigest()
    assert hashes["second_verifier"] == hashlib.sha256((PROBLEMS / NAME / "verifier.py").read_bytes()).hexdigest()
    assert hashes["problem"] == built_in(NAME).revision
    assert {known["name"]: known["this_is"] for known in certificate["compared"]} == {
        "two progressions": "better",
        "Wichmann ruler": "equal",
        "AlphaEvolve": "worse",
        "best known": "worse",
    }
    again = certified(capsys, path)
    assert again["exact"] == certificate["exact"]
    assert again["hashes"]["construction"] == hashes["construction"]
    certificate["construction"][-1] += 1
    path.write_text(json.dumps(certificate))
    assert "is not the one that was certified" in str(refusal(path))


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("verifier.py", "return difference_basis(construction, 1000)", 'return "4/5"', "verifier.py proves 4/5"),
        ("verifier.py", "construction, 1000", "construction, 10**6", "the differences are all of 1 to 1140 only"),
        ("verifier.py", "return difference_basis", "return differense_basis", "differense_basis"),
        ("judge.py", "_judge.artifact", "lambda c, d: '[]'", "to return JSON text with construction"),
    ],
)
def test_where_the_two_do_not_agree_there_is_no_certificate(
    tmp_path: Path, program: Path, file: str, old: str, new: str, said: str
) -> None:
    refused = refusal(program, changed_problem(tmp_path, file, old, new))
    assert refused.code is ExitCode.FAILED
    assert said in str(refused)
    assert list(tmp_path.glob("**/*.certificate.json")) == []


def test_what_the_judge_refuses_is_not_certified(program: Path) -> None:
    program.write_text("def construct():\n    return [0, 1, 4, 6]\n")
    refused = refusal(program, NAME)
    assert refused.code is ExitCode.FAILED
    assert "the judge refuses the construction: expected all of 1 to 1000" in str(refused)


def test_what_cannot_be_used_says_why(tmp_path: Path, program: Path) -> None:
    other = tmp_path / "other.json"
    other.write_text('{"format": 2}')
    for artifact, problem, said in (
        (tmp_path / "nowhere", NAME, "there is none"),
        (program, None, "name it with --problem"),
        (program, "circle_packing_26", "has no table [certificate]"),
        (tmp_path, NAME, "expected to read"),
        (other, NAME, "expected a certificate of format 1"),
    ):
        refused = refusal(artifact, problem)
        assert refused.code is ExitCode.BAD_INPUT
        assert said in str(refused)


def test_listed_values_are_rounded_so_all_of_their_digits_are_equal() -> None:
    definition = built_in(NAME).definition
    standing = {score: compared(definition, score)[-1]["this_is"] for score in (2.63902754, 2.6390276, 2.6390274)}
    assert standing == {2.63902754: "equal", 2.6390276: "worse", 2.6390274: "better"}
