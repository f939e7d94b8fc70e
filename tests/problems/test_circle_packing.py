import ast
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evolution.evaluation import Purpose, Verdict
from tests.problems.judged import built_in, module_of, outcome_of, red_team, slot

JUDGE: Any = module_of("circle_packing_26", "judge")
GRID = [((2 * i + 1) / 10, (2 * j + 1) / 10) for i in range(5) for j in range(5)]
CENTRES = np.array([*GRID, (0.2, 0.2)])
RADII = np.array([0.1] * 25 + [0.1 * (np.sqrt(2) - 1)])
TRIVIAL = 2.5 + 0.1 * (np.sqrt(2) - 1)

finite = st.floats(allow_nan=False, allow_infinity=False)
inside = st.floats(0, 1)
circles = st.lists(st.tuples(finite | inside, finite | inside, finite | inside), max_size=26)


def exactly_feasible(packing: list[tuple[int, int, int]]) -> bool:
    """The definition once more, in fractions and with none of the judge's code."""
    unit = [tuple(Fraction(value, 2**JUDGE.GRID_BITS) for value in circle) for circle in packing]
    in_square = all(r > 0 and r <= x <= 1 - r and r <= y <= 1 - r for x, y, r in unit)
    apart = all((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2 >= (a[2] + b[2]) ** 2 for i, a in enumerate(unit) for b in unit[:i])
    return in_square and apart


def packed(centres: np.ndarray, radii: np.ndarray) -> tuple[list[tuple[int, int, int]], float]:
    packing = JUDGE.certain_packing(centres, radii)
    return packing, float(sum(Fraction(r, 2**JUDGE.GRID_BITS) for _, _, r in packing))


@given(circles)
@settings(max_examples=300, deadline=None)
def test_whatever_comes_an_accepted_packing_is_exactly_feasible(drawn: list[tuple[float, float, float]]) -> None:
    table = np.array(drawn, dtype=np.float64).reshape(-1, 3)
    packing, _ = packed(table[:, :2], table[:, 2])
    assert exactly_feasible(packing)


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 1e-17, 1e-16, 1e-15, 1e-12, 1e-6, 1e-2]))
@settings(max_examples=150, deadline=None)
def test_a_tight_packing_disturbed_loses_no_more_than_it_must(seed: int, width: float) -> None:
    rng = np.random.default_rng(seed)
    centres = CENTRES + width * rng.standard_normal(CENTRES.shape)
    radii = RADII * (1 + width * rng.standard_normal(RADII.shape))
    packing, total = packed(centres, radii)
    assert exactly_feasible(packing)
    assert len(packing) == 26
    # 26 circles of the square cannot hold more than the given radii, shrunk by the worst of all disturbances.
    assert total <= radii.sum() * (1 + 1e-15)
    assert total >= TRIVIAL * (1 - 100 * width) - 1e-14


def test_the_tolerance_is_zero() -> None:
    for excess in (1e-15, 1e-12, 1e-9):
        packing, total = packed(CENTRES, RADII * (1 + excess))
        assert exactly_feasible(packing)
        assert total <= TRIVIAL + 1e-15
        assert total == pytest.approx(TRIVIAL, abs=3 * excess + 1e-14)


def test_a_packing_on_the_grid_keeps_every_bit() -> None:
    centres = np.array([(0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75)])
    packing, total = packed(centres, np.full(4, 0.25))
    assert total == 1.0
    assert JUDGE.is_feasible(packing)
    x, y, radius = packing[0]
    assert not JUDGE.is_feasible([(x, y, radius + 1), *packing[1:]])
    assert not JUDGE.is_feasible([(x + 1, y, radius), *packing[1:]])
    assert not JUDGE.is_feasible([(x, y, 0)])


def test_the_seed_is_small() -> None:
    text = built_in("circle_packing_26").seed_files["pack.py"]
    evolvable = text.split("EVOLVE-BLOCK-START")[1].split("# EVOLVE-BLOCK-END")[0]
    constants = (node.value for node in ast.walk(ast.parse(evolvable)) if isinstance(node, ast.Constant))
    assert 5 <= sum(isinstance(value, int | float) for value in constants) <= 12


async def test_the_seed_scores_as_documented_and_is_drawn() -> None:
    problem = built_in("circle_packing_26")
    async with slot(problem) as sandbox:
        outcome = await outcome_of(sandbox, problem, problem.seed_files["pack.py"])
        verified = await outcome_of(sandbox, problem, problem.seed_files["pack.py"], Purpose.VERIFY)
    assert outcome.score == pytest.approx(1.900774, abs=1e-6)
    assert outcome.score < 2.05
    assert verified.score == outcome.score
    assert 0 <= outcome.features["spread"] <= 0.8


async def test_no_member_of_the_red_team_beats_the_seed() -> None:
    problem = built_in("circle_packing_26")
    winners: dict[str, object] = {}
    async with slot(problem) as sandbox:
        seed = await outcome_of(sandbox, problem, problem.seed_files["pack.py"])
        assert seed.score is not None
        for name, text in red_team("circle_packing_26").items():
            outcome = await outcome_of(sandbox, problem, text)
            if outcome.verdict is Verdict.SCORED and (outcome.score is None or outcome.score > seed.score):
                winners[name] = outcome
    assert winners == {}
