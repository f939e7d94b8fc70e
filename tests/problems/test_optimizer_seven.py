"""The suite of seven tasks: what its three larger ones compute, and that nothing trained before helps in them."""

from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
from galapagos_judge import Candidate
from galapagos_optimizers.attention import BlockInstances, Language, LanguageInstances, Patches, cross_entropies
from galapagos_optimizers.convolution import Convolution, ConvolutionInstances
from galapagos_optimizers.disguise import Disguised, DisguisedInstances
from galapagos_optimizers.suites import seven_tasks
from galapagos_optimizers.tasks import OPEN, SEALED, Instances
from galapagos_optimizers.training import STEPS, Rule, Trial, train
from galapagos_optimizers.yardstick import equivalent_steps, load_reference

from evolution.evaluation import Purpose, Verdict
from galapagos.references import reference_programs, whole_program
from tests.problems.judged import PROBLEMS, built_in, outcome_of, red_team, slot

NAME = "optimizer_seven"
FOLDER = PROBLEMS / NAME
FRAME = (FOLDER / "rule.py").read_text()
REFERENCE = load_reference(FOLDER)
ALL = seven_tasks(FOLDER)
LARGER = {task.name: task for task in ALL if isinstance(task, Disguised)}
EACH = pytest.mark.parametrize("name", ["cnn", "vit", "lm"])


class InProcess:
    """Calls the functions of one of our own rules without a sandbox."""

    def __init__(self, text: str) -> None:
        self._names: dict[str, Any] = {}
        exec(compile(text, "rule.py", "exec"), self._names)  # noqa: S102 - our own file

    def call(self, name: str, *arguments: Any) -> Any:
        return self._names[name](*arguments)


def rule(text: str) -> Rule:
    return Rule(cast("Candidate", InProcess(whole_program(FRAME, text))))


def drawn_of(name: str, seed: int, part: str = OPEN) -> DisguisedInstances:
    return LARGER[name].draw(np.random.default_rng(seed), 2, 3, part)


def batch_losses(drawn: DisguisedInstances, params: list[np.ndarray], seeds: np.ndarray) -> np.ndarray:
    """The loss of the first batch, noise included, from its definition."""
    inner = drawn.inner
    if isinstance(inner, LanguageInstances):
        true = [mask.true(tensor, seeds) for mask, tensor in zip(drawn.masks, params, strict=True)]
        texts = inner.texts[:, 0][seeds]
        inputs, targets = (np.eye(inner.block.inputs)[part] for part in (texts[..., :-1], texts[..., 1:]))
        answer = inner.block.forward(true, inputs).answer.reshape(targets.shape)
        length = inner.block.length
        # The first word has no two before it.
        of_place = [cross_entropies(answer[:, :, place], targets[:, :, place]) for place in range(1, length)]
        return np.sum(of_place, axis=0) / length
    assert isinstance(inner, BlockInstances | ConvolutionInstances)
    rows = inner.picks[0]
    each = np.arange(len(rows))[:, None]
    # The batch stands where the unseen rows were, so that the loss on these is that of the batch.
    same = replace(
        inner,
        inputs=inner.inputs[each, rows] + inner.noise[0],
        targets=inner.targets[each, rows],
        unseen=np.arange(rows.shape[1]),
    )
    return replace(drawn, inner=same).losses(params, seeds)


@EACH
def test_gradients_are_the_slopes_of_the_loss(name: str) -> None:
    drawn = drawn_of(name, 3)
    seeds = np.array([1, 0, 1])
    params = [tensor[seeds] for tensor in drawn.start]
    slopes = drawn.gradients(0, params, seeds)
    assert [tensor.shape[1:] for tensor in drawn.start] == [meta.shape for meta in drawn.metas]
    for place, slope in enumerate(slopes):
        assert slope.dtype == np.float32
        direction = np.random.default_rng(place).standard_normal(slope.shape) + 2 * np.sign(slope)
        ends: list[np.ndarray] = []
        for sign in (1, -1):
            moved = [tensor.astype(np.float64) for tensor in params]
            moved[place] += sign * 3e-4 * direction
            ends.append(batch_losses(drawn, moved, seeds))
        expected = (slope * direction).reshape(len(seeds), -1).sum(axis=1)
        np.testing.assert_allclose((ends[0] - ends[1]) / 6e-4, expected, rtol=0.05, atol=1e-3)


@EACH
def test_replicas_of_one_seed_meet_one_instance_and_others_another(name: str) -> None:
    drawn = drawn_of(name, 4)
    seeds = np.array([0, 1, 0])
    params = [np.stack([tensor[0]] * 3) for tensor in drawn.start]
    first, other, again = (drawn.losses(params, seeds)[place] for place in range(3))
    assert first == pytest.approx(again, rel=1e-6)
    assert first != pytest.approx(other, rel=1e-3)


@EACH
def test_a_disguise_is_lifted_and_put_on_without_a_loss_and_moves_no_bias(name: str) -> None:
    drawn = drawn_of(name, 5)
    seeds = np.array([1, 0])
    for mask, meta in zip(drawn.masks, drawn.metas, strict=True):
        tensor = np.random.default_rng(6).standard_normal((2, *meta.shape)).astype(np.float32)
        np.testing.assert_array_equal(mask.true(mask.shown(tensor, seeds), seeds), tensor)
        assert not np.array_equal(mask.shown(tensor, seeds), tensor)
        assert not np.array_equal(mask.places[0], mask.places[1])
        if len(meta.shape) > 1:
            biases = np.abs(mask.shown(tensor, seeds)[:, -1])
            np.testing.assert_array_equal(np.sort(biases), np.sort(np.abs(tensor[:, -1])))
            # Orthogonal steps, as Muon's, are those of the task: rows and columns only change places and signs.
            np.testing.assert_allclose(
                np.linalg.svd(mask.shown(tensor, seeds)[:, :-1], compute_uv=False),
                np.linalg.svd(tensor[:, :-1], compute_uv=False),
                rtol=1e-4,
                atol=1e-5,
            )


@EACH
def test_draws_differ_in_widths_labels_and_what_is_seen(name: str) -> None:
    assert {type(LARGER[name].task)} <= {Convolution, Patches, Language}
    assert len({drawn_of(name, seed).metas[1].shape for seed in range(6)}) > 2
    inner: Any = drawn_of(name, 1).inner
    if name == "lm":
        assert not np.array_equal(inner.table[0], inner.table[1])
    else:
        assert not np.array_equal(inner.targets[0], inner.targets[1])
        assert not np.array_equal(inner.inputs[0], inner.inputs[1])
        sealed: Any = drawn_of(name, 2, SEALED).inner
        assert not set(sealed.unseen.tolist()) & {*inner.unseen.tolist(), *inner.picks.ravel().tolist()}
        assert not set(inner.unseen.tolist()) & set(inner.picks.ravel().tolist())


def test_a_language_follows_its_table_and_who_knows_nothing_loses_its_entropy() -> None:
    inner = cast("LanguageInstances", LARGER["lm"].draw(np.random.default_rng(4), 2, 5, OPEN).inner)
    np.testing.assert_allclose(inner.table.sum(axis=-1), 1, rtol=1e-5)
    seeds = np.arange(2)
    nothing = [np.zeros_like(tensor) for tensor in inner.start]
    entropy = -(inner.table * np.log(inner.table + 1e-30)).sum(axis=-1)
    texts = inner.judged
    expected = np.log(12) - entropy[seeds[:, None, None], texts[..., :-2], texts[..., 1:-1]].mean(axis=(1, 2))
    np.testing.assert_allclose(inner.losses(nothing, seeds), expected, rtol=1e-4)
    counted = np.zeros((12, 12, 12))
    seen = inner.texts[0].reshape(-1, 13)
    for place in range(2, 13):
        np.add.at(counted, (seen[:, place - 2], seen[:, place - 1], seen[:, place]), 1)
    often = counted.sum(axis=-1) > 20
    shares = counted[often] / counted[often].sum(axis=-1, keepdims=True)
    assert np.abs(shares - inner.table[0][often]).mean() < 0.05


def trained(text: str, instances: Instances) -> float:
    """Mean log loss after a usual run, at a good rate."""
    trial = Trial(instances, np.arange(2), np.full(2, 0.06))
    train(rule(text), [trial], STEPS)
    return float(trial.log_losses().mean())


def test_trained_filters_help_in_a_network_that_shows_itself_and_not_in_a_disguised_one() -> None:
    hidden = LARGER["cnn"]
    seed = next(seed for seed in range(1000, 1100) if drawn_of("cnn", seed).metas[1].shape == (73, 16))
    cheat = red_team(NAME)["trained_filters"]
    honest = cheat.replace("TRAINED.get", "{}.get")
    assert honest != cheat
    open_gain, gain = (
        trained(honest, drawn) - trained(cheat, drawn)
        for drawn in (task.draw(np.random.default_rng(seed), 2, STEPS, OPEN) for task in (hidden.task, hidden))
    )
    assert open_gain > 0.5
    assert gain < 0.1


@pytest.mark.soak
def test_a_tuned_adamw_scores_itself_near_zero_on_each_task() -> None:
    beta1, beta2, epsilon, decay = REFERENCE.settings
    text = f"""
LR = 0.02

def init(p, meta):
    return [np.zeros_like(p), np.zeros_like(p)]

def update(p, g, state, lr, t, meta):
    m, v = state
    m = {beta1} * m + (1 - {beta1}) * g
    v = {beta2} * v + (1 - {beta2}) * g * g
    return p - lr * ((m / (1 - {beta1}**t)) / (np.sqrt(v / (1 - {beta2}**t)) + {epsilon}) + {decay} * p), [m, v]
"""
    steps, _ = equivalent_steps(rule(text), ALL, REFERENCE, np.random.default_rng(8), 6, OPEN)
    assert np.abs(steps.mean(axis=1)).max() < 0.5
    assert abs(steps.mean()) < 0.15


@pytest.mark.soak
@pytest.mark.parametrize("secret", [bytes([number]) * 32 for number in range(3)])
async def test_the_red_team_gains_nothing_and_references_stand_in_their_order(secret: bytes) -> None:
    problem = built_in(NAME)
    team = red_team(NAME)
    own = {"trained_filters": whole_program(FRAME, team["trained_filters"].replace("TRAINED.get", "{}.get"))}
    async with slot(problem) as sandbox:
        honest = {
            name: await outcome_of(sandbox, problem, files["rule.py"], Purpose.VERIFY, secret)
            for name, files in reference_programs(problem).items()
            if name in {"the seed", "momentum", "adamw", "lion", "muon"}
        }
        for name, text in team.items():
            found = await outcome_of(sandbox, problem, whole_program(FRAME, text), Purpose.VERIFY, secret)
            known = (
                honest["the seed"] if name not in own else await outcome_of(sandbox, problem, own[name], Purpose.VERIFY, secret)
            )
            assert (found.score or -9.0) < (known.score or 0.0) + 0.05, name
    scores = {name: outcome.score or -9.0 for name, outcome in honest.items()}
    assert {outcome.verdict for outcome in honest.values()} == {Verdict.SCORED}
    assert scores["muon"] > scores["adamw"] > scores["momentum"] > scores["the seed"]
    assert scores["adamw"] > scores["lion"]
