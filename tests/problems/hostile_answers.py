"""The red team of the mathematical problems: answers that no judge may take, and answers that must gain nothing.

A candidate's answer is data, so the red team is data too. What works on the candidate's own process (leaving, patching
numpy, reading files) is the sandbox's business and tested there.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np


def _deep(levels: int) -> list[Any]:
    nest: list[Any] = []
    for _ in range(levels):
        nest = [nest]
    return nest


# No problem takes these.
NO_ANSWERS: dict[str, Any] = {
    "none": None,
    "a claim": {"score": 1e9},
    "text": "604",
    "a number": 604,
    "not a number": [math.nan] * 40,
    "infinite": [[math.inf, -math.inf, math.inf]] * 40,
    "infinite text": [["inf", "nan"]] * 40,
    "text with an exponent": ["1e999999999"] * 40,
    "booleans": [[True, False]] * 40,
    "nested": _deep(20),
    "ragged": [[1], [1, 2], [1, 2, 3]],
    "objects": [{}, {}],
    "bytes": b"1234",
    "complex": np.array([1j, 2j]),
    "a million": list(range(10**6 + 2)),
    "a long number": [10**400] * 40,
    "a long fraction": ["1/" + "7" * 4000] * 40,
    "divided by zero": ["1/0"] * 40,
    "no numbers": np.array([[]]),
}


# Answers that are refused (None), or worth exactly so much and no more: answer made from an honest one -> its score.
GAINS_NOTHING: dict[str, dict[str, tuple[Callable[[], Any], float | None]]] = {
    "tensor_rank_3x3x3": {
        "nothing": (list, 27.0),
        "zero terms": (lambda: [[[0] * 9] * 3] * 20, 27.0),
        "coefficients that nearly fit": (lambda: [[["100001/100000"] + [0] * 8, [1] + [0] * 8, [1] + [0] * 8]], 28.0),
        "coefficients beyond the bound": (lambda: [[["1/1000001"] + [0] * 8, [1] + [0] * 8, [1] + [0] * 8]], None),
        "more terms than may be given": (lambda: [[[1] * 9] * 3] * 163, None),
        "pairs over the rationals": (lambda: [[[[1, 1]] * 9] * 3], None),
        "denominators without end": (lambda: [[[f"1/{900000 + 27 * i + j}" for j in range(9)]] * 3 for i in range(27)], None),
    },
    "tensor_rank_4x4x4_integers": {"halves": (lambda: [[[0.5] * 16, [2] * 16, [1] * 16]], None)},
    "kissing_number_5": {
        "one direction": (lambda: [[1, 0, 0, 0, 0]] * 200, 1.0),
        "one direction in many lengths": (lambda: [[k, 0, 0, 0, 0] for k in range(1, 200)], 1.0),
        "no direction": (lambda: [[0] * 5] * 200, 0.0),
        "just below sixty degrees": (lambda: [[10**9, 0, 0, 0, 0], [10**9 + 1, 1732050807, 0, 0, 0]], 1.0),
        "sixty degrees to fifteen digits": (lambda: [[10**15, 0, 0, 0, 0], [10**15, 1732050807568877, 0, 0, 0]], 1.0),
        "just above sixty degrees": (lambda: [[10**9, 0, 0, 0, 0], [10**9, 1732050808, 0, 0, 0]], 2.0),
        "too large": (lambda: [[2**61, 0, 0, 0, 0]], None),
        "floats": (lambda: [[1.0, 0.0, 0.0, 0.0, 0.0]], None),
        "more than may be given": (lambda: [[1, k, 0, 0, 0] for k in range(201)], None),
    },
    "kissing_number_11": {"one direction": (lambda: [[1] * 11] * 1000, 1.0)},
    "difference_basis": {
        "good by accident": (lambda: [0, 1, 4, 6], None),
        "nothing": (list, None),
        "equal numbers": (lambda: [*range(41), *range(80, 1641, 40), *[0] * 500], 6561 / 1640),
        "too short": (lambda: [*range(41), *range(80, 961, 40)], None),
        "too large": (lambda: [0, 10**6 + 1], None),
        "below zero": (lambda: [-1, *range(1001)], None),
    },
    "sums_and_differences_1": {
        "one number": (lambda: [7] * 100, None),
        "a symmetric set, moved and repeated": (lambda: [5, 6, 7] * 50, 1.0),
        "more than may be given": (lambda: list(range(513)), None),
        "too large": (lambda: [0, 10**6 + 1], None),
    },
    "sums_and_differences_3": {
        "one number": (lambda: [0] * 100, None),
        "not from zero": (lambda: [1, 2, 4], None),
        "below zero": (lambda: [-3, 0, 1], None),
        "all of a stretch": (lambda: list(range(1000)), 1.0),
    },
    "no_isosceles_64": {
        "nothing": (list, None),
        "one point": (lambda: [[1, 1]] * 4096, 1.0),
        "a flat triangle": (lambda: [[0, 0], [2, 2], [4, 4]], 2.0),
        "a square": (lambda: [[0, 0], [0, 1], [1, 0], [1, 1]], 2.0),
        "outside": (lambda: [[64, 0]], None),
        "three coordinates": (lambda: [[0, 0, 1]], None),
    },
    "cap_set_8": {
        "nothing": (list, 0.0),
        "one vector": (lambda: [[1] * 8] * 6561, 1.0),
        "a line": (lambda: [[k] * 8 for k in range(3)], 2.0),
        "another digit": (lambda: [[3] * 8], None),
        "nine entries": (lambda: [[1] * 9], None),
    },
    "circle_packing_32": {
        "nothing": (list, 0.0),
        "one over the other": (lambda: [[0.5, 0.5, 0.5]] * 32, 0.0),
        "a circle twice": (lambda: [[0.25, 0.5, 0.25], [0.75, 0.5, 0.25], [0.75, 0.5, 0.25]], 0.0),
        "larger than the square": (lambda: [[0.5, 0.5, 1e300]], 0.5),
        "outside": (lambda: [[2, 2, 1], [-1, 0.5, 3], [1, 1, 1]], 0.0),
        "negative": (lambda: [[0.5, 0.5, -1]] * 5, 0.0),
        "below the grid": (lambda: [[0.5, 0.5, 5e-324]], 0.0),
        "an overlap within rounding": (lambda: [[0.25, 0.5, 0.25], [0.75 - 2**-53, 0.5, 0.25]], 0.5 - 2.0**-53),
        "more than may be given": (lambda: [[0.5, 0.5, 0.1]] * 33, None),
        "a fourth value": (lambda: [[0.5, 0.5, 0.1, 5.0]], None),
    },
    "heilbronn_triangle_11": {
        "all at one point": (lambda: [[0.3, 0.3]] * 11, 0.0),
        "too few": (lambda: [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]], None),
        "far outside": (lambda: [[10.0**k, 10.0 ** (20 - k)] for k in range(11)], 0.0),
    },
    "heilbronn_convex_13": {
        "all at one point": (lambda: [[0.3, 0.3]] * 13, None),
        "on a line": (lambda: [[k / 13, k / 13] for k in range(13)], None),
        "far outside": (lambda: [[k * 1e9, -k * k * 1e9] for k in range(13)], None),
    },
    "distance_ratio_16": {
        "a point twice": (lambda: [[k, 0] for k in [*range(15), 0]], None),
        "below the grid": (lambda: [[k * 1e-19, k * k * 1e-19] for k in range(16)], None),
        "too large": (lambda: [[k * 1e9, k * k * 1e9] for k in range(16)], None),
        "too few": (lambda: [[0, 0], [0, 1], [1, 0]], None),
    },
    "tammes_50": {
        "zero": (lambda: [[0, 0, 0]] * 50, None),
        "one direction": (lambda: [[1e-300, 0, 0]] * 50, 0.0),
        "one direction in many lengths": (lambda: [[0, 0, 10.0**k] for k in range(-25, 25)], 0.0),
        "two poles": (lambda: [[0, 0, 1], [0, 0, -1]] * 25, 0.0),
        "too few": (lambda: [[0, 0, 1], [0, 0, -1]], None),
    },
    "autocorrelation_1": {
        "zero": (lambda: [0.0] * 100, None),
        "negative": (lambda: [-1.0] * 100, None),
        "a constant beside zeros": (lambda: [1.0, 0.0], 4.0),
        "signs that would help": (lambda: [1.0, -1.0, 1.0], 3.0),
        "nothing": (list, None),
        "more than may be given": (lambda: [1.0] * 1001, None),
        "too small for the grid": (lambda: [1.0, 1e-13], 4.0),
    },
    "autocorrelation_2": {"zero": (lambda: [0.0], None), "one peak among zeros": (lambda: [0.0] * 50 + [5e300], 2 / 3)},
    "autocorrelation_3a": {
        "sum zero": (lambda: [1.0, -1.0], None),
        "sum zero on the grid": (lambda: [1.0, -1.0 + 1e-13], None),
    },
    "autocorrelation_3b": {"sum zero": (lambda: [1.0, -1.0] * 20, None)},
    "erdos_overlap": {
        "zero": (lambda: [0.0] * 100, 0.5),
        "ones": (lambda: [1.0] * 100, 0.5),
        "too large": (lambda: [1e9, 1e9, -1e9, -1e9], 1.0),
        "an integral that is nearly right": (lambda: [0.5 - 1e-9] * 100, 0.5),
        "nothing": (list, None),
    },
    "flat_polynomial_69": {
        "zeros": (lambda: [0] * 70, None),
        "one zero": (lambda: [1] * 69 + [0], None),
        "too few": (lambda: [1] * 69, None),
        "halves": (lambda: [0.5] * 70, None),
    },
    "determinant_29": {
        "zeros": (lambda: [[0] * 29] * 29, None),
        "twos": (lambda: [[2 if i == j else 1 for j in range(29)] for i in range(29)], None),
        "another order": (lambda: [[1] * 30] * 30, None),
    },
}

# Constructions that no second verifier may confirm, made from good ones, by the first words of the problem's name.
DAMAGED: dict[str, Callable[[list[Any]], Any]] = {
    "tensor_rank": lambda terms: [[[2 * x for x in terms[0][0]], *terms[0][1:]], *terms[1:]],
    "kissing_number": lambda vectors: [*vectors, vectors[0]],
    "difference": lambda numbers: [*numbers, numbers[-1]],
    "sums_and_differences": lambda numbers: [*numbers, numbers[-1]],
    "no_isosceles": lambda points: [*points, [63, 63]],
    "cap_set": lambda vectors: [*vectors, [-(x + y) % 3 for x, y in zip(*vectors[:2], strict=True)]],
    "circle_packing": lambda circles: [[*circles[0][:2], "1/12"], *circles[1:]],
    "heilbronn_triangle": lambda points: [["2/3", "2/5"], *points[1:]],
    "heilbronn_convex": lambda points: points[1:],
    "distance_ratio": lambda points: [points[1], *points[1:]],
    "tammes": lambda vectors: [["1", "1", "1"], *vectors[1:]],
    "autocorrelation": lambda heights: [sum(heights[1:]) * -1, *heights[1:]],
    "erdos_overlap": lambda heights: [1.5, *heights[1:]],
    "flat_polynomial": lambda signs: [0, *signs[1:]],
    "determinant": lambda rows: [[0, *rows[0][1:]], *rows[1:]],
}
