"""A plain multistart: random constructions, each improved by small random changes, judged as programs are.

The baseline of `benchmarks.results`: what somebody writes in a minute. It asks the judge as often as a run does.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Answer = list[Any]
_WIDEST, _NARROWEST = 0.3, 1e-5
_TRIES = 400
"""Changes in a row that bring nothing, after which another start is drawn."""


@dataclass(frozen=True)
class Space:
    """Where constructions of one problem lie: how one is drawn, and how one of its elements is changed."""

    draw: Callable[[np.random.Generator], Answer]
    change: Callable[[np.random.Generator, Any], Any]


def _moved(rng: np.random.Generator, element: Any) -> Any:
    width = math.exp(rng.uniform(math.log(_NARROWEST), math.log(_WIDEST)))
    return (np.asarray(element) + width * rng.standard_normal(np.shape(element))).tolist()


def _uniform(count: int, dimension: int) -> Space:
    return Space(lambda rng: rng.random((count, dimension)).tolist(), _moved)


def _circles(count: int) -> Space:
    def draw(rng: np.random.Generator) -> Answer:
        return np.column_stack([rng.random((count, 2)), np.full(count, 0.1)]).tolist()

    return Space(draw, _moved)


SPACES = {
    "circle_packing_26": _circles(26),
    "circle_packing_32": _circles(32),
    "distance_ratio_16": _uniform(16, 2),
    "erdos_overlap": Space(lambda rng: rng.random(60).tolist(), _moved),
    "flat_polynomial_69": Space(lambda rng: rng.choice([-1, 1], 70).tolist(), lambda _rng, sign: -sign),
    "heilbronn_convex_13": _uniform(13, 2),
    "tammes_50": Space(lambda rng: rng.standard_normal((50, 3)).tolist(), _moved),
}


def multistart(space: Space, score: Callable[[Answer], float | None], evaluations: int, seed: int) -> float:
    """The best score (higher is better) of so many constructions; `score` gives None for what is refused."""
    rng = np.random.default_rng(seed)
    best = -math.inf
    answer: Answer = []
    current, failures = -math.inf, _TRIES
    for _ in range(evaluations):
        if failures >= _TRIES:
            answer, current, failures = space.draw(rng), -math.inf, 0
            tried = answer
        else:
            place = int(rng.integers(len(answer)))
            tried = [*answer[:place], space.change(rng, answer[place]), *answer[place + 1 :]]
        found = score(tried)
        if found is not None and found >= current:
            failures = 0 if found > current else failures + 1
            answer, current = tried, found
        else:
            failures += 1
        best = max(best, current)
    return best
