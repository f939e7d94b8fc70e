"""Whatever a judge of a mathematical problem takes, the second verifier confirms to the last digit."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.problems.judged import module_of
from tests.problems.test_mathematics import NAMES, Given

Random = np.random.Generator


def tight_circles(rng: Random, count: int) -> list[list[float]]:
    """A grid of circles that touch, disturbed by less than rounding or by much more."""
    width = 10.0 ** rng.integers(-18, 0)
    side = [(i + 0.5) / 6 for i in range(6)]
    rows = [[x, y, 1 / 12] for x in side for y in side][:count]
    return (np.array(rows) + width * rng.standard_normal((count, 3))).tolist()


def terms(rng: Random, n: int, m: int, p: int, complex_: bool = False) -> list[Any]:
    def factor(length: int) -> list[Any]:
        numbers = (rng.integers(-2, 3, length) * (rng.random(length) < 3 / length)).tolist()
        return [[x, 1] if complex_ and x == 2 else f"{x}/3" if x == -2 and not complex_ else x for x in numbers]

    return [[factor(n * m), factor(m * p), factor(n * p)] for _ in range(rng.integers(0, 8))]


def integer_terms(rng: Random) -> list[Any]:
    return [[rng.permutation([1, -2, *[0] * 14]).tolist() for _ in range(3)] for _ in range(rng.integers(0, 8))]


def heights(rng: Random) -> list[float]:
    return (rng.standard_normal(rng.integers(1, 40)) * 10.0 ** rng.integers(-30, 30)).tolist()


ANSWERS: dict[str, Callable[[Random], Any]] = {
    "tensor_rank_2x2x2": lambda rng: terms(rng, 2, 2, 2),
    "tensor_rank_3x3x3": lambda rng: terms(rng, 3, 3, 3),
    "tensor_rank_2x4x5": lambda rng: terms(rng, 2, 4, 5),
    "tensor_rank_4x4x4": lambda rng: terms(rng, 4, 4, 4),
    "tensor_rank_4x4x4_integers": integer_terms,
    "tensor_rank_3x4x7_gaussian": lambda rng: terms(rng, 3, 4, 7, complex_=True),
    "kissing_number_5": lambda rng: rng.integers(-2, 3, (200, 5)).tolist(),
    "kissing_number_11": lambda rng: (rng.integers(-1, 2, (150, 11)) * int(rng.integers(1, 2**59))).tolist(),
    "difference_basis": lambda rng: [*range(40), *range(40, 2000, 20), *rng.integers(0, 10**5, 20).tolist()],
    "sums_and_differences_1": lambda rng: rng.integers(-50, 50, 20).tolist(),
    "sums_and_differences_3": lambda rng: [0, *rng.integers(0, 100, 20).tolist()],
    "no_isosceles_64": lambda rng: rng.integers(0, 64, (300, 2)).tolist(),
    "cap_set_8": lambda rng: rng.integers(0, 3, (150, 8)).tolist(),
    "circle_packing_32": lambda rng: tight_circles(rng, 32),
    "circle_packing_36": lambda rng: tight_circles(rng, 36),
    "heilbronn_triangle_11": lambda rng: (0.5 * rng.standard_normal((11, 2))).tolist(),
    "heilbronn_convex_13": lambda rng: np.round(rng.standard_normal((13, 2)), int(rng.integers(0, 9))).tolist(),
    "distance_ratio_16": lambda rng: rng.standard_normal((16, 2)).tolist(),
    "distance_ratio_14_3d": lambda rng: rng.standard_normal((14, 3)).tolist(),
    "tammes_50": lambda rng: (rng.standard_normal((50, 3)) * 10.0 ** rng.integers(-200, 200)).tolist(),
    "autocorrelation_1": heights,
    "autocorrelation_2": heights,
    "autocorrelation_3a": heights,
    "autocorrelation_3b": heights,
    "erdos_overlap": lambda rng: (0.5 + 10.0 ** rng.integers(-3, 2) * rng.standard_normal(rng.integers(1, 40))).tolist(),
    "flat_polynomial_69": lambda rng: rng.choice([-1, 1], 70).tolist(),
    "determinant_29": lambda rng: rng.choice([-1, 1], (29, 29)).tolist(),
}


@pytest.mark.parametrize("problem", NAMES)
def test_what_the_judge_takes_the_second_verifier_confirms(problem: str) -> None:
    judge, verifier = module_of(problem, "judge"), module_of(problem, "verifier")
    rng = np.random.default_rng(11)
    taken = 0
    for _ in range(3):
        try:
            proof = json.loads(judge.artifact(Given(ANSWERS[problem](rng)), None))
        except Exception as refusal:
            if type(refusal).__name__ != "Rejected":
                raise
            continue
        taken += 1
        assert verifier.verify(proof["construction"]) == proof["exact"]
        again = json.loads(judge.artifact(Given(proof["construction"]), None))
        assert again == proof
    assert taken >= 2
