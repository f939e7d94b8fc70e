import itertools
import json
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evolution import bandit
from evolution.archive import Elite
from evolution.proposal import MODEL_OPERATORS, Operator
from evolution.run import StrategyName
from evolution.selection.by_name import STRATEGIES
from evolution.selection.inspirations import draw_inspirations
from evolution.selection.islands import draw_parent, elite_probabilities, parent_probability
from evolution.selection.strategy import Selected
from evolution.snapshot import restore, snapshot
from evolution.state import SearchState
from evolution.state_values import Arm
from tests.evolution.simulation import AXES, MODELS, Run, config_of


def state_after(evaluations: int, **changes: object) -> SearchState:
    run = Run(config_of(**changes))
    while run.state.evaluations < evaluations:
        run.step()
    return run.state


@pytest.mark.parametrize("progress", [0.0, 0.5, 1.0])
def test_the_chances_of_all_parents_sum_to_one(progress: float) -> None:
    state = state_after(150)
    for island in state.islands:
        chances = elite_probabilities(island.archive, progress)
        assert chances.sum() == pytest.approx(1.0)
        assert (chances > 0).all()
        elites = {elite.number: float(chance) for elite, chance in zip(island.archive.elites(), chances, strict=True)}
        assert set(elites) <= set(island.valid)
        total = sum(parent_probability(island, elites.get(number, 0.0), island.epsilon) for number in island.valid)
        assert total == pytest.approx(1.0)


def test_better_and_less_used_elites_are_preferred_and_cooling_sharpens() -> None:
    archive = state_after(1).islands[0].archive
    archive.fill(((0, index), Elite(index, float(index), 1, 1, 1), 0) for index in range(5))
    early, late = elite_probabilities(archive, 0.0), elite_probabilities(archive, 1.0)
    assert list(early) == sorted(early)
    assert late[0] < early[0]
    assert early == pytest.approx(np.array([1 / 5, 1 / 4, 1 / 3, 1 / 2, 1]) * 60 / 137)
    for _ in range(50):
        archive.count_child(4)
    # Fifty children against a mean of ten, of which WEAR allows ten times: two thirds of the weight are left.
    assert elite_probabilities(archive, 0.0)[4] == pytest.approx(early[4] * 2 / 3 / (1 - early[4] / 3))


def test_equal_scores_have_equal_chances() -> None:
    archive = state_after(1).islands[0].archive
    archive.fill(((0, index), Elite(index, -1e9, 1, 1, 1), 0) for index in range(4))
    assert elite_probabilities(archive, 1.0).tolist() == [0.25] * 4


def test_parents_are_drawn_as_often_as_their_propensity_says() -> None:
    state = state_after(60)
    island, rng = state.islands[0], np.random.default_rng(1)
    drawn = [draw_parent(island, 0.3, rng) for _ in range(20_000)]
    count = Counter(number for number, _, _ in drawn)
    chance = {number: likely for number, _, likely in drawn}
    for number, score, _ in drawn[:200]:
        assert score == island.scores[island.valid.index(number)]
    worst = max(abs(count[number] / 20_000 - likely) for number, likely in chance.items())
    assert worst < 0.015


@pytest.mark.parametrize("count", [0, 1, 2, 3, 8])
@pytest.mark.parametrize("islands", [1, 3])
def test_inspirations_are_others_and_drawn_as_often_as_their_propensity_says(count: int, islands: int) -> None:
    state = state_after(12, islands=islands, max_islands=islands)
    parent = state.islands[0].valid[-1]
    rng = np.random.default_rng(1)
    drawn = Counter[tuple[tuple[int, ...], float]](draw_inspirations(state, 0, parent, count, rng) for _ in range(8_000))
    assert len({chosen for chosen, _ in drawn}) == len(drawn)
    for (chosen, chance), seen in drawn.items():
        assert len(chosen) == len(set(chosen)) <= count
        assert parent not in chosen
        assert 0 < chance <= 1
        assert abs(seen / 8_000 - chance) < 0.03
    if len(drawn) < 400:
        assert sum(chance for _, chance in drawn) == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("strategy", list(StrategyName))
def test_a_strategy_is_a_function_of_state_and_number(strategy: StrategyName) -> None:
    state = state_after(80, strategy=strategy)
    elites = [(index, cell, found) for index, island in enumerate(state.islands)
              for cell, found in reversed(list(zip(island.archive.cells(), island.archive.elites(), strict=True)))]  # fmt: skip
    valid = valid_rows(state)
    twin = restore(state.config, AXES, state.seed, json.loads(json.dumps(snapshot(state))), elites, valid)
    for number in range(state.next_number, state.next_number + 50):
        chosen = STRATEGIES[strategy].select(state, number, 0.4)
        assert chosen == STRATEGIES[strategy].select(twin, number, 0.4)
        for chance in (chosen.island_p, chosen.parent_p, chosen.inspirations_p):
            assert 0 < chance <= 1


def valid_rows(state: SearchState) -> list[tuple[int, int, float]]:
    """Of a state with one founding per island: the seed, then by number of admission within each island."""
    assert all(island.founder == 0 for island in state.islands)
    rows = [(0, 0, state.islands[0].scores[0])]
    for index, island in enumerate(state.islands):
        rows += [(number, index, score) for number, score in zip(island.valid[1:], island.scores[1:], strict=True)]
    return rows


def draws(state: SearchState, number: int = 400) -> list[Selected]:
    strategy = STRATEGIES[state.config.strategy]
    return [strategy.select(state, state.next_number + index, 0.5) for index in range(number)]


def test_the_nulls_choose_the_best_and_the_seed() -> None:
    state = state_after(80, strategy=StrategyName.SEQ_BEST_OF_N)
    assert state.best is not None
    assert {(one.parent, one.parent_score, one.inspirations) for one in draws(state)} == {
        (state.best.number, state.best.score, ())
    }
    state = state_after(80, strategy=StrategyName.IID_BEST_OF_N)
    assert {(one.parent, one.parent_score, one.inspirations) for one in draws(state)} == {(0, 0.0, ())}


def test_greedy_prefers_the_best_and_states_exact_chances() -> None:
    state = state_after(80, strategy=StrategyName.GREEDY, epsilon=0.2)
    assert state.best is not None
    chosen = draws(state, 3000)
    chance = {one.parent: one.parent_p for one in chosen}
    others = len(state.islands[0].valid) - 1
    assert chance[state.best.number] == pytest.approx(0.8 + 0.2 / (others + 1))
    assert {likely for number, likely in chance.items() if number != state.best.number} == {0.2 / (others + 1)}
    assert sum(one.parent == state.best.number for one in chosen) / 3000 == pytest.approx(0.8, abs=0.04)


def test_islands_have_the_same_chance() -> None:
    state = state_after(40, islands=4)
    seen = Counter(one.island for one in draws(state, 2000))
    assert all(abs(count / 2000 - 0.25) < 0.04 for count in seen.values())
    assert len(seen) == 4


arms = st.lists(
    st.builds(Arm, st.floats(0, 50), st.floats(0, 500), st.integers(0, 30)), min_size=1, max_size=5
)  # fmt: skip


@settings(max_examples=40)
@given(arms, st.integers(0, 1000))
def test_the_chances_of_arms_sum_to_one_and_none_is_lost(found: list[Arm], seed: int) -> None:
    chances = bandit.arm_probabilities(found, [1.0] * len(found), np.random.default_rng(seed))
    assert sum(chances) == pytest.approx(1.0)
    assert min(chances) > 0
    index, chance = bandit.draw_arm(found, [1.0] * len(found), np.random.default_rng(seed))
    assert chance == chances[index]


def test_an_arm_is_drawn_more_for_success_and_less_for_failure_pending_pulls_and_a_low_weight() -> None:
    rng = np.random.default_rng(0)

    def first(one: Arm, scale: float = 1.0) -> float:
        return float(np.mean([bandit.arm_probabilities([one, Arm(5, 20)], [scale, 1.0], rng)[0] for _ in range(50)]))

    even = first(Arm(5, 20))
    assert even == pytest.approx(0.5, abs=0.05)
    assert first(Arm(12, 20)) > even + 0.2
    assert first(Arm(5, 60)) < even - 0.2
    assert first(Arm(5, 20, 40)) < even - 0.2
    assert first(Arm(5, 20), 0.3) < even - 0.2


def test_operators_follow_from_the_configuration() -> None:
    offered = {
        (mutate, bool(models)): set(state_after(0, mutate=mutate, models=models).operators)
        for mutate, models in itertools.product((True, False), ((), MODELS))
    }
    of_models = set(MODEL_OPERATORS) - {Operator.REPAIR}
    assert offered == {(True, False): {Operator.MUTATE}, (False, False): set(), (False, True): of_models,
                       (True, True): {Operator.MUTATE, *of_models}}  # fmt: skip


def test_crossover_needs_a_second_parent_and_one_option_is_certain() -> None:
    state = state_after(1, models=MODELS, mutate=True)
    chosen = [bandit.choose_operator(state, number, crossover=False) for number in range(300)]
    assert {operator for operator, _ in chosen} == {Operator.DIFF, Operator.REWRITE, Operator.MUTATE}
    assert Operator.CROSSOVER in {bandit.choose_operator(state, number, crossover=True)[0] for number in range(300)}
    assert bandit.choose_operator(state_after(1), 5, crossover=True) == (Operator.MUTATE, 1.0)
    assert bandit.choose_model(state_after(1, models=MODELS[:1]), 5) == ("small", 1.0)
    assert {bandit.choose_model(state, number)[0] for number in range(100)} == {"small", "large"}
