"""The problems beside optimizer_rule: rules with schedules of their own, and optimisers of whole networks."""

from functools import cache
from typing import Any, cast

import numpy as np
import pytest
from galapagos_judge import Candidate
from galapagos_optimizers.suites import search_tasks
from galapagos_optimizers.tasks import OPEN
from galapagos_optimizers.training import Level, Rule
from galapagos_optimizers.yardstick import equivalent_steps, load_reference

from evolution.evaluation import Verdict
from galapagos.references import reference_programs, whole_program
from tests.problems.judged import PROBLEMS, built_in, outcome_of, red_team, slot

LEVELS = {"optimizer_rule": Level.RULE, "optimizer_schedule": Level.SCHEDULE, "optimizer_full": Level.NETWORK}
TASKS = [task for task in search_tasks(PROBLEMS / "optimizer_rule") if task.name in {"quad", "mlp"}]
REFERENCE = load_reference(PROBLEMS / "optimizer_rule")


class InProcess:
    """Calls the functions of one of our own programs without a sandbox."""

    def __init__(self, text: str) -> None:
        self._names: dict[str, Any] = {}
        exec(compile(text, "rule.py", "exec"), self._names)  # noqa: S102 - our own file

    def call(self, name: str, *arguments: Any) -> Any:
        return self._names[name](*arguments)


@cache
def scores(problem: str, reference: str) -> tuple[float, ...]:
    text = reference_programs(built_in(problem))[reference]["rule.py"]
    rule = Rule(cast("Candidate", InProcess(text)), LEVELS[problem])
    steps, _ = equivalent_steps(rule, TASKS, REFERENCE, np.random.default_rng(9), 2, OPEN)
    return tuple(steps.ravel().tolist())


@pytest.mark.parametrize(("problem", "reference"), [("optimizer_schedule", "adamw_cosine"), ("optimizer_full", "adamw")])
def test_the_same_optimiser_has_the_same_score_in_each_form(problem: str, reference: str) -> None:
    assert scores(problem, reference) == pytest.approx(scores("optimizer_rule", "adamw"), abs=1e-6)


def test_a_schedule_is_the_candidates_own() -> None:
    assert scores("optimizer_schedule", "adamw_constant") != pytest.approx(
        scores("optimizer_schedule", "adamw_cosine"), abs=0.01
    )


def test_muon_is_the_same_for_a_tensor_and_for_a_network() -> None:
    assert scores("optimizer_full", "muon") == pytest.approx(scores("optimizer_rule", "muon"), abs=1e-6)


@pytest.mark.parametrize("file", ["curves.json", "data.npz"])
def test_all_three_are_measured_by_one_yardstick(file: str) -> None:
    contents = {(PROBLEMS / name / file).read_bytes() for name in LEVELS}
    assert len(contents) == 1


@pytest.mark.soak
@pytest.mark.parametrize("name", ["optimizer_schedule", "optimizer_full"])
async def test_the_red_team_gains_nothing_and_better_optimisers_do(name: str) -> None:
    problem = built_in(name)
    frame = problem.seed_files["rule.py"]
    async with slot(problem) as sandbox:
        seed = await outcome_of(sandbox, problem, frame)
        better = await outcome_of(
            sandbox,
            problem,
            reference_programs(problem)["adamw_cosine" if name == "optimizer_schedule" else "adamw"]["rule.py"],
        )
        found = {who: await outcome_of(sandbox, problem, whole_program(frame, text)) for who, text in red_team(name).items()}
    assert seed.score is not None
    assert better.score is not None
    assert better.score > seed.score + 0.3
    assert [who for who, outcome in found.items() if (outcome.score or -9.0) > seed.score + 1e-9] == []
    # A busy machine may end it before its time is told.
    assert found.pop("costs_late").verdict in {Verdict.GATED, Verdict.TIMED_OUT}
    assert {outcome.verdict for outcome in found.values()} <= {Verdict.SCORED, Verdict.GATED, Verdict.WRONG, Verdict.CRASHED}
