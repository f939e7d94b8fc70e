import math
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import rich

from evolution.problem import Direction, ProblemError, problem_from_files
from galapagos.from_python import evolve
from galapagos.function_problem import function_problem

if TYPE_CHECKING:
    from nowhere import Anything  # pyright: ignore[reportMissingImports]

SCALE = 3.0
LOCK = threading.Lock()


class Pair:
    def __init__(self, left: float) -> None:
        self.left = left * SCALE


def helper(x: "Anything") -> float:
    return Pair(math.sqrt(x)).left


def total(n: int) -> float:
    """Return a large total."""
    return sum(helper(i) for i in range(n)) + Counter([1])[1]


def judge(candidate: Any) -> float:
    value = candidate.call("total", 3)
    return float(np.float64(value))


def judge_with_context(candidate: Any, context: Any) -> dict[str, float]:
    return {"score": candidate.call("total", context.repeat)}


def judge_of_three(candidate: Any, context: Any, more: Any) -> float:
    return 1.0


def uses_a_lock() -> None:
    with LOCK:
        pass


def uses_rich() -> None:
    rich.print("x")


class _Candidate:
    def __init__(self, scope: dict[str, Any]) -> None:
        self.scope = scope

    def call(self, name: str, *arguments: Any) -> Any:
        return self.scope[name](*arguments)


def _run(files: dict[str, bytes]) -> Any:
    program: dict[str, Any] = {"__name__": "program"}
    judging: dict[str, Any] = {"__name__": "judge"}
    exec(files["program.py"], program)  # noqa: S102 - the text is that of the functions above
    exec(files["judge.py"], judging)  # noqa: S102
    return judging["evaluate"](_Candidate(program), None)


def test_the_functions_work_from_their_text_alone() -> None:
    files = function_problem(total, judge)
    assert _run(files) == {"score": total(3)}


def test_the_files_are_a_valid_problem() -> None:
    files = function_problem(
        total, judge_with_context, minimize=True, packages=["scipy>=1.10"], timeout_s=2, vocabulary=["math.pi"]
    )
    definition = problem_from_files(files).definition
    assert definition.score.direction is Direction.MINIMIZE
    assert definition.statement == "Return a large total."
    assert definition.environment.packages == definition.environment.judge_packages == ("scipy>=1.10",)
    assert definition.stages[0].timeout_s == 2.0
    assert definition.mutation.vocabulary == ("math.pi",)


def test_imports_stand_outside_of_what_may_change() -> None:
    text = function_problem(total, judge)["program.py"].decode()
    head, _, block = text.partition("# EVOLVE-BLOCK-START\n")
    assert "import math" in head
    assert "from collections import Counter" in head
    assert "SCALE = 3.0" in block
    assert block.index("class Pair") < block.index("def helper") < block.index("def total")


def test_what_exists_in_this_process_only_is_refused() -> None:
    with pytest.raises(ProblemError, match=r"uses_a_lock uses 'LOCK'.*this process only"):
        function_problem(uses_a_lock, judge)


def test_a_package_that_the_sandbox_lacks_is_refused_unless_named() -> None:
    with pytest.raises(ProblemError, match=r"'rich'.*packages="):
        function_problem(uses_rich, judge)
    assert b"import rich" in function_problem(uses_rich, judge, packages=["rich>=14"])["program.py"]


def test_variables_of_a_function_around_it_are_refused() -> None:
    scale = 2

    def inner() -> int:
        return scale

    with pytest.raises(ProblemError, match="scale"):
        function_problem(inner, judge)


def test_lambdas_builtins_and_odd_judges_are_refused() -> None:
    with pytest.raises(ProblemError, match="def"):
        function_problem(lambda: 1, judge)
    with pytest.raises(ProblemError, match="plain Python function"):
        function_problem(len, judge)
    with pytest.raises(ProblemError, match="must take"):
        function_problem(total, judge_of_three)


def test_evolve_wants_a_judge_with_a_function_and_none_with_a_folder() -> None:
    with pytest.raises(TypeError, match="expected a judge"):
        evolve(total)
    with pytest.raises(TypeError, match=r"problem\.toml"):
        evolve("circle_packing_26", judge)
