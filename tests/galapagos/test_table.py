"""`galapagos table`: references verified as champions are, side by side on the same instances."""

import json
from pathlib import Path
from typing import Any

import pytest

from evolution.evaluation import Outcome, StageResult, Verdict
from evolution.evolve_blocks import EvolveBlockError
from evolution.problem import ProblemError
from galapagos.cli_table import table
from galapagos.failures import ExitCode, Failure
from galapagos.reference_table import ReferenceTable, Row
from galapagos.references import reference_programs, whole_program
from tests.galapagos.command import TOML, problem_folder
from tests.problems.judged import built_in

STAGES = TOML + '[[stages]]\nname = "unseen"\nentry = "unseen"\nhidden = true\n'
JUDGE = """
from galapagos_judge import Rejected


def evaluate(candidate, context):
    x = float(candidate.call("answer"))
    if x < 0:
        raise Rejected("negative")
    tasks = {"near": 1 - abs(x - 1), "far": 10 - 2 * abs(x - 9), "noisy": context.rng.normal()}
    return {"score": sum(tasks.values()) / 3, "metrics": {"x": x} | {f"task.{name}": value for name, value in tasks.items()}}


def unseen(candidate, context):
    return {"score": 7.0, "metrics": {"secret": 3.5}}


def picture(candidate, context):
    return '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"/>'
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = problem_folder(tmp_path / "hill", STAGES, judge=JUDGE)
    (place / "references").mkdir()
    (place / "references" / "nine.py").write_text("def answer():\n    return 9.0\n")
    whole = (place / "program.py").read_text().replace("x * 1.0", "x + 1.0")
    (place / "references" / "two.py").write_text(whole)
    (place / "references" / "notes.txt").write_text("no program")
    return place


def told(capsys: pytest.CaptureFixture[str], *arguments: Any, **more: Any) -> dict[str, Any]:
    table(*arguments, **more, as_json=True)
    return json.loads(capsys.readouterr().out)


def test_references_are_compared_on_the_same_instances(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    refused = folder.parent / "refused.py"
    refused.write_text("def answer():\n    return -1.0\n")
    output = folder.parent / "table.json"
    answer = told(capsys, str(folder), [refused], repetitions=2, output=output)
    assert answer == json.loads(output.read_text())
    nine, two, seed, last = answer["rows"]
    assert [row["name"] for row in answer["rows"]] == ["nine", "two", "the seed", str(refused)]
    assert last["verdicts"] == ["wrong", "wrong"]
    assert nine["tasks"]["far"] == 10
    assert nine["tasks"]["noisy"] == two["tasks"]["noisy"] == seed["tasks"]["noisy"]
    assert nine["left_out"]["far"] == pytest.approx((nine["tasks"]["near"] + nine["tasks"]["noisy"]) / 2)
    assert len(set(nine["scores"])) == 2
    assert nine["hidden"]["unseen"] == {"verdicts": ["scored"] * 2, "scores": [7.0] * 2, "metrics": {"secret": 3.5}}
    assert nine["ahead_of"]["name"] == "two"
    assert nine["ahead_of"]["mean"] == pytest.approx(7 / 3)
    assert nine["ahead_of"]["spread"] == pytest.approx(0, abs=1e-9)
    assert seed["ahead_of"] is None


def test_the_table_is_markdown_with_the_columns_that_were_asked_for(
    folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    output = tmp_path / "table.md"
    table(str(folder), repetitions=1, only=["nine"], metric=["x", "unseen:secret", "nothing"], output=output)
    printed = capsys.readouterr()
    assert printed.out == output.read_text()
    head, _, row = printed.out.splitlines()
    assert head == (
        "| program | score | near | far | noisy | least without one | median "
        "| unseen | x | unseen:secret | nothing | ahead of the next |"
    )
    assert row.startswith("| nine | ")
    assert " | -7.00 | 10.00 | " in row
    assert row.endswith(" | 7.00 | 9 | 3.5 |  |  |")
    assert "nine  " in printed.err


def test_what_cannot_be_compared_says_why(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"only": ["ten"]}, "--only ten: expected the name of a reference of hill; it has the seed, nine, two"),
        ({"programs": [tmp_path / "nowhere.py"]}, "expected to read a program"),
        ({"output": tmp_path / "nowhere" / "table.md", "only": ["nine"], "repetitions": 1}, "name another file with --output"),
    ]
    for arguments, said in wrong:
        with pytest.raises(Failure) as caught:
            table(str(folder), **arguments)
        assert caught.value.code is ExitCode.BAD_INPUT
        assert said in str(caught.value)
    # What took minutes is told all the same.
    assert capsys.readouterr().out.startswith("| program | score ")
    with pytest.raises(ProblemError, match=r"files \*.py; there are none"):
        reference_programs(built_in("circle_packing_26"))


def test_a_reference_is_a_whole_file_or_what_stands_between_the_markers() -> None:
    frame = "a\n# EVOLVE-BLOCK-START\nb\n# EVOLVE-BLOCK-END\nc\n"
    assert whole_program(frame, "d") == "a\n# EVOLVE-BLOCK-START\nd\n# EVOLVE-BLOCK-END\nc\n"
    assert whole_program("x", frame) == frame
    with pytest.raises(EvolveBlockError, match="several"):
        whole_program(frame + frame, "d")
    with pytest.raises(EvolveBlockError, match="without an EVOLVE-BLOCK-END"):
        whole_program(frame, "# EVOLVE-BLOCK-START\nd\n")
    assert reference_programs(built_in("sort_integers")).keys() == {"the seed", "ciura", "radix"}


def outcome(score: float | None, **tasks: float) -> Outcome:
    metrics = {f"task.{name}": value for name, value in tasks.items()}
    verdict = Verdict.TIMED_OUT if score is None else Verdict.SCORED
    stage = StageResult("score", verdict, score, metrics, {}, (), 1.0, 0.5, 1.0, "", "")
    return Outcome(verdict, score, metrics, {}, (stage,))


def test_where_less_is_better_the_row_of_the_least_comes_first() -> None:
    rows = [
        Row("large", [outcome(-3.0, a=2.0, b=4.0), outcome(-5.0, a=4.0, b=6.0)], -1.0),
        Row("late", [outcome(-1.0, a=1.0, b=1.0), outcome(None)], -1.0),
        Row("small", [outcome(-1.0, a=1.0, b=1.0), outcome(-6.0, a=6.0, b=6.0)], -1.0),
    ]
    made = ReferenceTable(rows, [])
    assert [row.name for row in made.rows] == ["small", "large", "late"]
    lead = made.lead(0)
    assert lead is not None
    assert (lead.over, lead.mean, lead.repetitions_ahead) == ("large", 0.5, 1)
    assert made.lead(1) is None
    assert made.as_markdown([]).splitlines()[2:] == [
        "| small | 3.50 ± 3.54 | 3.50 | 3.50 | 3.50 (a) | 3.50 | 0.50 ± 2.12, 1 of 2 |",
        "| large | 4.00 ± 1.41 | 3.00 | 5.00 | 5.00 (a) | 4.00 |  |",
        "| late | scored, timed_out | | | | | |",
    ]
    assert made.as_json()[1]["cpu_s"] == 0.5
