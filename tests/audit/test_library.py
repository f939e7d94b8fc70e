"""The judges of the built-in problems hold every probe; the command says so, and what it found in others."""

from pathlib import Path

import pytest

from evaluators.audit.weaknesses import AuditReport, Weakness
from evolution.evaluation import Tier
from galapagos.cli_audit import _as_text
from galapagos.problem_folder import BUILT_IN, built_in_problems
from tests.audit.weak_constructions import CONSTRUCTIONS
from tests.galapagos.command import galapagos

SOME = ("circle_packing_26",)


@pytest.mark.parametrize(
    "name",
    [
        path.name if path.name in SOME else pytest.param(path.name, marks=[pytest.mark.soak, pytest.mark.timeout(900)])
        for path in built_in_problems()
    ],
)
def test_the_judge_of_a_built_in_problem_holds_every_probe(name: str, tmp_path: Path) -> None:
    audited = galapagos("audit", BUILT_IN / name, "--json", timeout=900, GALAPAGOS_CACHE=str(tmp_path))
    assert (audited.code, audited.answer["holes"], audited.answer["errors"]) == (0, [], []), audited.err
    assert audited.answer["strength"] == 1
    assert set(audited.answer["weaknesses"]) == set(Weakness)
    tried = [told for told in audited.answer["weaknesses"].values() if told["probes"]]
    assert len(tried) >= 6
    assert all(told["held"] == told["probes"] for told in tried)
    # What was not tried has its reason.
    assert all(told["left_out"] for told in audited.answer["weaknesses"].values() if not told["probes"])


def test_holes_are_told_with_what_to_do_and_end_with_an_error(tmp_path: Path) -> None:
    for path, content in CONSTRUCTIONS["tolerates 1e-6"].problem.files.items():
        (tmp_path / path).write_bytes(content)
    audited = galapagos("audit", tmp_path, "--only", "tolerance", "--only", "claims", GALAPAGOS_CACHE=str(tmp_path / ".cache"))
    assert audited.code == 1, audited.err
    assert "HOLE (tolerance)  construct: column 2" in audited.out
    assert "  why        a change of this size is taken, with a better score, and a little more is refused" in audited.out
    assert "  to do      project or shrink" in audited.out
    assert "not tried (nothing in the answer equals the score)" in audited.out
    assert "values" not in audited.out
    assert audited.out.splitlines()[-1].startswith("judge strength ")


def test_a_seed_that_is_not_scored_is_an_error(tmp_path: Path) -> None:
    for path, content in CONSTRUCTIONS["tolerates 1e-6"].problem.files.items():
        (tmp_path / path).write_bytes(content.replace(b"construct():", b"other():"))
    audited = galapagos("audit", tmp_path, "--json", GALAPAGOS_CACHE=str(tmp_path / ".cache"))
    assert audited.code == 1
    assert "expected a seed program that is scored" in audited.answer["errors"][0]
    assert audited.answer["strength"] is None


def test_an_audit_that_tried_nothing_praises_nobody() -> None:
    assert _as_text(AuditReport(Tier.NAMESPACES)) == "nothing was tried, so nothing is known of this judge"


@pytest.mark.soak
def test_an_evaluator_of_another_system_is_audited_by_programs_alone(tmp_path: Path) -> None:
    (tmp_path / "initial_program.py").write_text("def answer():\n    # Twice three.\n    return 6.0\n")
    (tmp_path / "evaluator.py").write_text(
        "def evaluate(program_path):\n    return {'combined_score': 6.0 + 1 / len(open(program_path).read())}\n"
    )
    audited = galapagos("audit", tmp_path, "--json", GALAPAGOS_CACHE=str(tmp_path / ".cache"))
    assert audited.code == 1, audited.err
    assert {hole["weakness"] for hole in audited.answer["holes"]} >= {"metamorphic", "broken"}
    assert "runs beside the candidate" in audited.answer["weaknesses"]["values"]["left_out"]
