"""The mathematical problems: what is listed as recomputed is, the red team gains nothing, two verifiers agree."""

import ast
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from evolution.evaluation import Verdict
from evolution.problem import Direction
from tests.galapagos.command import galapagos
from tests.problems.constructions import PUBLISHED
from tests.problems.hostile_answers import DAMAGED, GAINS_NOTHING, NO_ANSWERS
from tests.problems.judged import PROBLEMS, ROOT, built_in, module_of, outcome_of, slot

NAMES = sorted(path.parent.name for path in PROBLEMS.glob("*/verifier.py"))
SANDBOXED = ("difference_basis", "tensor_rank_3x3x3")
Answered = dict[str, Any]


class Given:
    """A candidate whose answer is known: a judge is called as in its box, without one."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def call(self, name: str) -> Any:
        assert name == "construct"
        return self.answer


def judged(problem: str, answer: Any) -> dict[str, Any]:
    return module_of(problem, "judge").evaluate(Given(answer), None)


def rejected(problem: str, answer: Any) -> bool:
    with pytest.raises(Exception) as caught:  # noqa: PT011 - the class is the judge's own, compared by name
        judged(problem, answer)
    return type(caught.value).__name__ == "Rejected"


def seed_of(problem: str) -> Any:
    return module_of(problem, "construct").construct()


def better(problem: str, first: float, second: float) -> bool:
    return first > second if built_in(problem).definition.score.direction is Direction.MAXIMIZE else first < second


def test_at_least_twelve_are_there() -> None:
    assert set(NAMES) == set(PUBLISHED)


@pytest.mark.parametrize("problem", NAMES)
def test_what_is_listed_as_recomputed_is_recomputed(problem: str) -> None:
    listed = {known.name: known.value for known in built_in(problem).definition.known if known.recomputed}
    assert listed
    assert set(listed) == set(PUBLISHED[problem])
    for name, construction in PUBLISHED[problem].items():
        assert judged(problem, construction())["score"] == pytest.approx(listed[name], rel=1e-12), name


@pytest.mark.parametrize("problem", NAMES)
def test_two_verifiers_agree_on_exact_constructions(problem: str) -> None:
    judge, verifier = module_of(problem, "judge"), module_of(problem, "verifier")
    for answer in (seed_of(problem), *(make() for make in PUBLISHED[problem].values())):
        artifact = json.loads(judge.artifact(Given(answer), None))
        assert verifier.verify(artifact["construction"]) == artifact["exact"]
        # What the certificate holds is worth what it says, given as an answer.
        assert judged(problem, artifact["construction"])["score"] == artifact["score"]
        assert judge.picture(Given(answer), None).startswith("<svg")


@pytest.mark.parametrize("problem", NAMES)
def test_the_seed_stands_in_the_readme_and_leaves_room(problem: str) -> None:
    definition = built_in(problem).definition
    result = judged(problem, seed_of(problem))
    readme = built_in(problem).files["README.md"].decode()
    row = next(line for line in readme.splitlines() if line.startswith("| the seed |"))
    assert float(row.split("|")[2]) == pytest.approx(result["score"], rel=1e-6)
    best = next(known.value for known in definition.known if known.name.endswith("best known"))
    assert better(problem, best, result["score"])
    assert not any(better(problem, known.value, best) for known in definition.known)
    for axis in definition.axes:
        if axis.feature not in {"length", "literals"}:
            assert axis.low <= result["features"][axis.feature] <= axis.high


@pytest.mark.parametrize("problem", NAMES)
def test_no_judge_takes_what_is_no_answer(problem: str) -> None:
    taken = [name for name, answer in NO_ANSWERS.items() if not rejected(problem, answer)]
    assert taken == []


@pytest.mark.parametrize(("problem", "name"), [(problem, name) for problem in GAINS_NOTHING for name in GAINS_NOTHING[problem]])
def test_the_red_team_gains_nothing(problem: str, name: str) -> None:
    answer, worth = GAINS_NOTHING[problem][name]
    if worth is None:
        assert rejected(problem, answer())
    else:
        assert judged(problem, answer())["score"] == worth


async def test_in_the_sandbox_seeds_score_as_in_process_and_no_answers_are_wrong() -> None:
    for name in SANDBOXED:
        problem = built_in(name)
        seed = problem.seed_files["construct.py"]
        async with slot(problem) as sandbox:
            outcome = await outcome_of(sandbox, problem, seed)
            claim = await outcome_of(sandbox, problem, "def construct():\n    return {'score': 1e9}\n")
            text = await outcome_of(sandbox, problem, "def construct():\n    return 'the best'\n")
        assert outcome.score == judged(name, seed_of(name))["score"] * built_in(name).definition.score.sign
        assert claim.verdict is Verdict.WRONG
        assert text.verdict is Verdict.WRONG


def test_second_verifiers_use_nothing_of_the_judges() -> None:
    for path in sorted((ROOT / "evaluators" / "harness" / "galapagos_recheck").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                top = name.partition(".")[0]
                assert top == "galapagos_recheck" or top in sys.stdlib_module_names, f"{path.name} imports {name}"


@pytest.mark.parametrize("problem", NAMES)
def test_the_second_verifier_refuses_what_is_damaged(problem: str) -> None:
    answer = list(PUBLISHED[problem].values())[-1]()
    construction = json.loads(module_of(problem, "judge").artifact(Given(answer), None))["construction"]
    damaged = next(change for words, change in DAMAGED.items() if problem.startswith(words))(construction)
    with pytest.raises(Exception) as caught:  # noqa: PT011 - the class is the box's own, compared by name
        module_of(problem, "verifier").verify(damaged)
    assert type(caught.value).__name__ == "Disproved"


@pytest.mark.soak
@pytest.mark.parametrize("problem", NAMES)
def test_every_folder_passes_check_and_its_seed_is_certified(problem: str, tmp_path: Path) -> None:
    checked = galapagos("check", problem, "--json", GALAPAGOS_CACHE=str(tmp_path / "cache"))
    assert checked.code == 0, checked.err
    assert checked.answer["deterministic"] is True
    assert checked.answer["warnings"] == []
    written = tmp_path / "certificate.json"
    certified = galapagos("certify", PROBLEMS / problem, "--problem", problem, "--output", written, "--json")
    assert certified.code == 0, certified.err
    assert certified.answer["score"] == judged(problem, seed_of(problem))["score"]
