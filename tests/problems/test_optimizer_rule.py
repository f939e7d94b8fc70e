from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
from galapagos_judge import Candidate
from galapagos_optimizers.behaviour import fingerprint
from galapagos_optimizers.changes import Rescaled
from galapagos_optimizers.suites import held_out_tasks, search_tasks
from galapagos_optimizers.tasks import OPEN, SEALED, Quadratic
from galapagos_optimizers.training import Level, Rule, schedule, vertex
from galapagos_optimizers.yardstick import CLIP, equivalent_steps, load_reference
from hypothesis import given, settings
from hypothesis import strategies as st

from evolution.evaluation import Outcome, Purpose, Verdict
from galapagos.references import whole_program
from tests.problems.judged import PROBLEMS, built_in, outcome_of, red_team, slot

NAME = "optimizer_rule"
FOLDER = PROBLEMS / NAME
FRAME = (FOLDER / "rule.py").read_text()
REFERENCE = load_reference(FOLDER)
SEARCHED = search_tasks(FOLDER)
ALL = [*SEARCHED, *held_out_tasks(FOLDER)]


def reference(name: str) -> str:
    return whole_program(FRAME, (FOLDER / "references" / f"{name}.py").read_text())


class InProcess:
    """Calls the functions of one of our own rules without a sandbox."""

    def __init__(self, text: str) -> None:
        self._names: dict[str, Any] = {}
        exec(compile(text, "rule.py", "exec"), self._names)  # noqa: S102 - our own file

    def call(self, name: str, *arguments: Any) -> Any:
        return self._names[name](*arguments)

    def call_many(self, name: str, calls: Sequence[tuple[Any, ...]]) -> list[Any]:
        return [self.call(name, *arguments) for arguments in calls]


@pytest.mark.parametrize("task", [task for task in ALL if task.name != "quad"], ids=lambda task: task.name)
def test_gradients_are_the_slopes_of_the_loss(task: Any) -> None:
    drawn = task.draw(np.random.default_rng(3), 1, 1, OPEN)
    # The same rows for training and judging, and no noise: then the loss is the one whose slope is taken.
    same = replace(drawn, noise=np.zeros_like(drawn.noise), unseen=drawn.batches[0, 0])
    scale = 1.0 if same.classify else float((same.targets[0, same.unseen] ** 2).mean())
    seeds = np.zeros(1, dtype=int)
    rng = np.random.default_rng(4)
    slopes = same.gradients(0, same.start, seeds)
    for slot_, slope in enumerate(slopes):
        direction = rng.standard_normal(slope.shape).astype(np.float32)
        direction += 3 * np.sign(slope)
        width = 1e-3
        ends = []
        for sign in (1, -1):
            params = [tensor.astype(np.float64) for tensor in same.start]
            params[slot_] = params[slot_] + sign * width * direction
            ends.append(same.losses(params, seeds)[0] * scale)
        measured = (ends[0] - ends[1]) / (2 * width)
        assert measured == pytest.approx(float((slope * direction).sum()), rel=0.05)


def test_the_gradient_of_the_quadratic_is_its_slope_but_for_the_noise() -> None:
    drawn = Quadratic().draw(np.random.default_rng(3), 2, 1, OPEN)
    quiet = replace(drawn, noise=np.zeros_like(drawn.noise))
    seeds = np.arange(2)
    slope = quiet.gradients(0, quiet.start, seeds)[0]
    ends = [quiet.losses([quiet.start[0] + sign * 1e-2 * slope], seeds) for sign in (1, -1)]
    np.testing.assert_allclose((ends[0] - ends[1]) / 2e-2, (slope**2).sum(axis=1), rtol=1e-2)
    assert np.abs(drawn.gradients(0, drawn.start, seeds)[0] - slope).max() > 0
    assert quiet.losses([drawn.centre], seeds) == pytest.approx(0.0)


def test_instances_hide_what_could_be_learned_by_heart() -> None:
    quad, _, mlp, _ = SEARCHED
    first, second = (quad.draw(np.random.default_rng(seed), 2, 5, OPEN) for seed in (1, 2))
    assert first.centre.shape != second.centre.shape or not np.allclose(first.centre, second.centre)
    assert not np.allclose(first.centre[0], first.centre[1])
    widths = {mlp.draw(np.random.default_rng(seed), 1, 5, OPEN).metas[0].shape[1] for seed in range(20)}
    assert len(widths) > 8
    assert 48 <= min(widths) < max(widths) <= 80
    drawn = mlp.draw(np.random.default_rng(1), 2, 5, OPEN)
    assert not np.allclose(drawn.features[0], drawn.features[1])
    assert not np.array_equal(drawn.targets[0], drawn.targets[1])
    assert drawn.metas[-1].kind == "head"


def test_training_never_sees_the_rows_it_is_judged_on() -> None:
    for task in ALL[1:]:
        sealed = set(task.draw(np.random.default_rng(5), 2, 40, SEALED).unseen.tolist())
        assert len(sealed) > 100
        for seed in range(4):
            drawn = task.draw(np.random.default_rng(seed), 2, 40, OPEN)
            trained, unseen = set(drawn.batches.ravel().tolist()), set(drawn.unseen.tolist())
            assert len(unseen) > 150
            assert not trained & unseen
            assert not sealed & (trained | unseen)


def test_a_rescaled_task_is_the_same_task_in_other_units() -> None:
    mlp = SEARCHED[2]
    plain, large = (task.draw(np.random.default_rng(6), 2, 3, OPEN) for task in (mlp, Rescaled(mlp, 1e3)))
    seeds = np.array([1, 0])
    params = [tensor[seeds] for tensor in large.start]
    own = [tensor[seeds] for tensor in plain.start]
    np.testing.assert_allclose(params[0], 1e3 * own[0], rtol=1e-6)
    np.testing.assert_allclose(large.losses(params, seeds), plain.losses(own, seeds), rtol=1e-4)
    for mine, other in zip(large.gradients(1, params, seeds), plain.gradients(1, own, seeds), strict=True):
        np.testing.assert_allclose(1e3 * mine, other, rtol=1e-2, atol=1e-5)


def test_other_horizons_are_measured_against_adamw_at_the_same_horizon() -> None:
    curve = REFERENCE.curves["mlp"]
    for taken in (-1.0, 0.0, 1.0):
        assert curve.steps(np.array([0.0]), taken)[0] == pytest.approx(0.0, abs=1e-3)
        assert curve.steps(np.array([np.inf]), taken)[0] == -CLIP
    half = np.interp(-1.0, curve.log2_steps, curve.log_losses) - np.interp(0.0, curve.log2_steps, curve.log_losses)
    assert curve.steps(np.array([-half]), -1.0)[0] == pytest.approx(1.0, abs=1e-2)


@given(st.lists(st.floats(-20, 20), min_size=2, max_size=20))
@settings(max_examples=100, deadline=None)
def test_a_lower_loss_is_worth_more_steps_within_the_clip(differences: list[float]) -> None:
    for curve in REFERENCE.curves.values():
        steps = curve.steps(np.sort(np.array(differences)))
        assert (np.diff(steps) <= 1e-12).all()
        assert np.abs(steps).max() <= CLIP
        assert curve.steps(np.array([0.0]))[0] == pytest.approx(0.0, abs=1e-3)
        assert curve.steps(np.array([np.inf]))[0] == -CLIP


def test_the_schedule_warms_up_and_ends_near_zero() -> None:
    factors = [schedule(number, 100) for number in range(1, 101)]
    assert factors[0] == pytest.approx(0.2, abs=0.01)
    assert max(factors) == pytest.approx(1.0, abs=0.01)
    assert 0 < factors[-1] < 0.001


def test_the_vertex_stays_between_its_neighbours() -> None:
    assert vertex(np.array([1.0, 0.0, 1.0])) == 0.0
    assert vertex(np.array([0.5, 0.0, 1.0])) == pytest.approx(-1 / 6)
    assert vertex(np.array([0.0, 1.0, 2.0])) == -1.0
    assert vertex(np.array([np.inf, 0.0, 1.0])) == 0.0
    assert vertex(np.array([2.0, 2.0, 2.0])) == -1.0


def test_the_tuned_adamw_scores_itself_near_zero() -> None:
    beta1, beta2, epsilon, decay = REFERENCE.settings
    body = reference("adamw")
    for old, new in (
        ("0.9**t", f"{beta1}**t"),
        ("0.99**t", f"{beta2}**t"),
        ("1e-8", str(epsilon)),
        ("0.01 * p", f"{decay} * p"),
    ):
        assert old in body
        body = body.replace(old, new)
    body = body.replace("0.9 * m + 0.1 * g", f"{beta1} * m + (1 - {beta1}) * g")
    body = body.replace("0.99 * v + 0.01 * g * g", f"{beta2} * v + (1 - {beta2}) * g * g")
    rule = Rule(cast("Candidate", InProcess(body)))
    steps, rates = equivalent_steps(rule, SEARCHED, REFERENCE, np.random.default_rng(8), 6, OPEN)
    assert np.abs(steps.mean(axis=1)).max() < 0.5
    assert abs(steps.mean()) < 0.2
    curves = [REFERENCE.curves[task.name].rate(0.0) for task in SEARCHED]
    assert np.abs(np.log10(rates / np.array(curves))).max() < 0.6


async def test_momentum_scores_above_plain_descent() -> None:
    problem = built_in(NAME)
    async with slot(problem) as sandbox:
        seed = await outcome_of(sandbox, problem, FRAME)
        momentum = await outcome_of(sandbox, problem, reference("momentum"))
    assert seed.score is not None
    assert momentum.score is not None
    assert -2.0 < seed.score < -0.5
    assert momentum.score > seed.score + 0.3
    assert seed.features == {"inertia": 0.0, "response": pytest.approx(1.0, abs=1e-3)}
    assert 0.8 < momentum.features["inertia"] < 1.0


def fingerprint_of(body: str) -> str:
    rate = float(body.split("LR = ")[1].split(maxsplit=1)[0])
    return fingerprint(cast("Candidate", InProcess(body)), Level.RULE, np.random.default_rng(5), rate, [np.ones(3)])


def test_fingerprints_are_equal_for_what_computes_the_same_and_for_nothing_else() -> None:
    body = reference("adamw")
    rewritten = body.replace("    m = 0.9 * m + 0.1 * g\n", "    old = m\n    m = 0.1 * g + 0.9 * old\n    unused = m * t\n")
    assert rewritten != body
    assert fingerprint_of(rewritten) == fingerprint_of(body)
    others = [
        body.replace("1e-8", "1e-7"),
        body.replace("0.99 *", "0.991 *"),
        body.replace("LR = 0.01", "LR = 0.02"),
        body.replace("return p,", "return p * (1 - 1e-6 * (t > 99)),"),
        body.replace("return p,", 'return p * (1 - 1e-6 * (meta["kind"] == "vector")),'),
        body.replace("return p,", 'return p * (1 - 1e-6 * (meta["kind"] == "head")),'),
        body.replace("return p,", "return p * (1 - 1e-6 * (lr > 0.05)),"),
        body.replace("m, v = state", "m, v = state\n    g = np.clip(g, -20, 20)"),
    ]
    assert len({fingerprint_of(text) for text in (body, *others)}) == len(others) + 1


def gains(cheat: Outcome, honest: Outcome) -> bool:
    """Whether any stage that gives a score gave the cheat more."""
    assert honest.verdict is Verdict.SCORED
    return cheat.verdict is Verdict.SCORED and any(
        (mine.score or 0.0) > (other.score or 0.0) + 1e-9
        for mine, other in zip(cheat.stages[1:], honest.stages[1:], strict=False)
    )


async def test_no_member_of_the_red_team_beats_the_seed() -> None:
    problem = built_in(NAME)
    async with slot(problem) as sandbox:
        seed = await outcome_of(sandbox, problem, FRAME)
        outcomes = {
            name: await outcome_of(sandbox, problem, whole_program(FRAME, text)) for name, text in red_team(NAME).items()
        }
    assert [name for name, outcome in outcomes.items() if gains(outcome, seed)] == []
    assert outcomes["no_gain_from_cpu"].verdict is Verdict.GATED
    # A busy machine may end it before its time is told.
    assert outcomes["costs_late"].verdict in {Verdict.GATED, Verdict.TIMED_OUT}
    assert outcomes["no_rate"].verdict is Verdict.WRONG
    assert outcomes["reads_data"].verdict is not Verdict.SCORED


@pytest.mark.soak
async def test_memory_of_shapes_and_weights_gains_nothing_on_sealed_rows_and_held_out_tasks() -> None:
    problem = built_in(NAME)
    kept = tuple(stage for stage in problem.definition.stages if stage.name != "changes")
    shorter = problem.model_copy(update={"definition": problem.definition.model_copy(update={"stages": kept})})
    async with slot(problem) as sandbox:
        seed = await outcome_of(sandbox, problem, FRAME, Purpose.VERIFY)
        for name in ("embedded_weights", "remembers", "shape_constants"):
            text = whole_program(FRAME, red_team(NAME)[name])
            assert not gains(await outcome_of(sandbox, shorter, text, Purpose.VERIFY), seed), name
    assert [stage.stage for stage in seed.stages] == ["screen", "suite", "held_out", "changes"]
    found = seed.stages[-1].metrics
    assert found.keys() == {"rate.lower", "rate.higher", "steps.50", "steps.200", "scale.up", "scale.down", "diverged"}
    # Plain descent knows no scale: a thousand times as large, and a rate a million times as large, is the same run.
    assert found["scale.up"] == pytest.approx(found["scale.down"], abs=0.8)
    assert found["diverged"] == 0
