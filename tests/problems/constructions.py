"""Published constructions, made from their descriptions: what stands as recomputed in a problem's list of known values."""

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

Term = tuple[list[int], list[int], list[int]]
Scheme = list[Term]

STRASSEN: Scheme = [
    ([1, 0, 0, 1], [1, 0, 0, 1], [1, 0, 0, 1]),
    ([0, 0, 1, 1], [1, 0, 0, 0], [0, 0, 1, -1]),
    ([1, 0, 0, 0], [0, 1, 0, -1], [0, 1, 0, 1]),
    ([0, 0, 0, 1], [-1, 0, 1, 0], [1, 0, 1, 0]),
    ([1, 1, 0, 0], [0, 0, 0, 1], [-1, 1, 0, 0]),
    ([-1, 0, 1, 0], [1, 1, 0, 0], [0, 0, 0, 1]),
    ([0, 1, 0, -1], [0, 0, 1, 1], [1, 0, 0, 0]),
]

# Laderman's products of linear forms: signed places in A, in B, and the entries of the result that take the product.
LADERMAN = """
11+12+13-21-22-32-33 | 22 | 12
11-21 | -12+22 | 21 22
22 | -11+12+21-22-23-31+33 | 21
-11+21+22 | 11-12+22 | 12 21 22
21+22 | -11+12 | 12 22
11 | 11 | 11 12 13 21 22 31 33
-11+31+32 | 11-13+23 | 13 31 33
-11+31 | 13-23 | 31 33
31+32 | -11+13 | 13 33
11+12+13-22-23-31-32 | 23 | 13
32 | -11+13+21-22-23-31+32 | 31
-13+32+33 | 22+31-32 | 12 31 32
13-33 | 22-32 | 31 32
13 | 31 | 11 12 13 21 23 31 32
32+33 | -31+32 | 12 32
-13+22+23 | 23+31-33 | 13 21 23
13-23 | 23-33 | 21 23
22+23 | -31+33 | 13 23
12 | 21 | 11
23 | 32 | 22
21 | 13 | 23
31 | 12 | 32
33 | 33 | 33
"""


def definition(n: int, m: int, p: int) -> Scheme:
    """n m p products of entries."""
    return [
        (_unit(i * m + j, n * m), _unit(j * p + k, m * p), _unit(i * p + k, n * p))
        for i, j, k in itertools.product(range(n), range(m), range(p))
    ]


def laderman() -> Scheme:
    """23 products for 3 x 3 matrices."""
    lines = [line.split(" | ") for line in LADERMAN.strip().splitlines()]
    return [(_signed(u), _signed(v), _signed("+".join(w.split()))) for u, v, w in lines]


def nested(outer: Scheme, outer_shape: tuple[int, int, int], inner: Scheme, inner_shape: tuple[int, int, int]) -> Scheme:
    """A scheme on blocks, with another scheme for the products of blocks."""
    (n, m, p), (q, r, s) = outer_shape, inner_shape
    return [
        (_blocks(a, (n, m), u, (q, r)), _blocks(b, (m, p), v, (r, s)), _blocks(c, (n, p), w, (q, s)))
        for a, b, c in outer
        for u, v, w in inner
    ]


def beside(left: Scheme, right: Scheme, n: int, m: int, widths: tuple[int, int]) -> Scheme:
    """Two schemes for the same A, with the columns of one B after those of the other."""
    p, q = widths
    wide = p + q
    placed: Scheme = []
    for scheme, width, start in ((left, p, 0), (right, q, p)):
        for u, v, w in scheme:
            placed.append((u, _columns(v, m, width, wide, start), _columns(w, n, width, wide, start)))
    return placed


def roots_of_d(dimension: int) -> list[list[int]]:
    """All vectors with two entries of 1 or -1 and no others."""
    found: list[list[int]] = []
    for i, j in itertools.combinations(range(dimension), 2):
        for a, b in itertools.product((1, -1), repeat=2):
            found.append([a if k == i else b if k == j else 0 for k in range(dimension)])
    return found


def unit_vectors(dimension: int) -> list[list[int]]:
    """Unit vectors and their negatives."""
    return [[sign * x for x in _unit(i, dimension)] for i in range(dimension) for sign in (1, -1)]


def wichmann(r: int, s: int) -> list[int]:
    """B. Wichmann's ruler: 1^r, r+1, (2r+1)^r, (4r+3)^s, (2r+2)^(r+1), 1^r as steps."""
    steps = [*[1] * r, r + 1, *[2 * r + 1] * r, *[4 * r + 3] * s, *[2 * r + 2] * (r + 1), *[1] * r]
    return [0, *itertools.accumulate(steps)]


def paraboloids() -> list[list[int]]:
    """The product of two sets (x, y, x^2 + y^2) modulo 3 with the square of 0 and 1: a cap set in dimension 8.

    x^2 + y^2 is zero modulo 3 for x = y = 0 alone, so no line lies in a paraboloid; a product of cap sets is one.
    """
    paraboloid = [[x, y, (x * x + y * y) % 3] for x, y in itertools.product(range(3), repeat=2)]
    square = [list(point) for point in itertools.product((0, 1), repeat=2)]
    return [a + b + c for a, b, c in itertools.product(paraboloid, paraboloid, square)]


def squares_grid(columns: int, rows: int) -> list[list[str]]:
    """Circles of one size in columns and rows of the unit square."""
    radius = f"1/{2 * columns}"
    return [[f"{2 * i + 1}/{2 * columns}", f"{2 * j + 1}/{2 * columns}", radius] for j in range(rows) for i in range(columns)]


def cube(size: int) -> list[list[int]]:
    """Corners of a cube."""
    return [list(corner) for corner in itertools.product((0, size), repeat=3)]


def fibonacci_sphere(count: int) -> list[list[float]]:
    """A spiral with golden turns and equal steps in height."""
    turn = math.pi * (3 - math.sqrt(5))
    heights = [1 - (2 * k + 1) / count for k in range(count)]
    return [
        [math.sqrt(1 - z * z) * math.cos(turn * k), math.sqrt(1 - z * z) * math.sin(turn * k), z] for k, z in enumerate(heights)
    ]


def best_of_random_signs(draws: int, length: int) -> list[int]:
    """The flattest of some polynomials with random signs, by its size at 8192 points."""
    rng = np.random.default_rng(0)
    drawn: list[list[int]] = [rng.choice([-1, 1], length).tolist() for _ in range(draws)]
    return min(drawn, key=lambda signs: float(np.abs(np.fft.rfft(signs, 8192)).max()))


def quadratic_residues(prime: int) -> list[list[int]]:
    """1 on the diagonal and where the difference of row and column is a square modulo the prime, -1 elsewhere."""
    squares = {x * x % prime for x in range(prime)}
    return [[1 if (i - j) % prime in squares else -1 for j in range(prime)] for i in range(prime)]


LINE = ["1/3", "0.5"]

PUBLISHED: dict[str, dict[str, Callable[[], Any]]] = {
    "tensor_rank_2x2x2": {"the definition": lambda: definition(2, 2, 2), "Strassen, best known": lambda: STRASSEN},
    "tensor_rank_3x3x3": {"the definition": lambda: definition(3, 3, 3), "Laderman": laderman},
    "tensor_rank_2x4x5": {
        "the definition": lambda: definition(2, 4, 5),
        "Strassen on blocks": lambda: beside(
            nested(definition(1, 2, 2), (1, 2, 2), STRASSEN, (2, 2, 2)), definition(2, 4, 1), 2, 4, (4, 1)
        ),
    },
    "tensor_rank_4x4x4": {
        "the definition": lambda: definition(4, 4, 4),
        "Strassen twice": lambda: nested(STRASSEN, (2, 2, 2), STRASSEN, (2, 2, 2)),
    },
    "tensor_rank_4x4x4_integers": {
        "the definition": lambda: definition(4, 4, 4),
        "Strassen twice, best known": lambda: nested(STRASSEN, (2, 2, 2), STRASSEN, (2, 2, 2)),
    },
    "tensor_rank_3x4x7_gaussian": {"the definition": lambda: definition(3, 4, 7)},
    "kissing_number_5": {"the unit vectors": lambda: unit_vectors(5), "roots of D5, best known": lambda: roots_of_d(5)},
    "kissing_number_11": {"the unit vectors": lambda: unit_vectors(11), "roots of D11": lambda: roots_of_d(11)},
    "difference_basis": {
        "two progressions": lambda: [*range(41), *range(80, 1641, 40)],
        "Wichmann ruler": lambda: wichmann(9, 19),
    },
    "sums_and_differences_1": {
        "any symmetric set": lambda: [0, 1, 2],
        "Conway": lambda: [0, 2, 3, 4, 7, 11, 12, 14],
    },
    "sums_and_differences_3": {"three numbers": lambda: [0, 1, 3]},
    "no_isosceles_64": {"greedy": lambda: [list(point) for point in itertools.product(range(64), repeat=2)]},
    "cap_set_8": {
        "zeros and ones": lambda: [list(vector) for vector in itertools.product((0, 1), repeat=8)],
        "paraboloids": paraboloids,
    },
    "circle_packing_32": {"part of the 6 x 6 grid": lambda: squares_grid(6, 6)[:32]},
    "circle_packing_36": {"the 6 x 6 grid": lambda: squares_grid(6, 6)},
    "heilbronn_triangle_11": {"points on a line": lambda: [LINE] * 11},
    "heilbronn_convex_13": {"points on a line": lambda: [[0, 0], [1, 0], [0, 1], *[LINE] * 10]},
    "distance_ratio_16": {"the 4 x 4 grid": lambda: [list(point) for point in itertools.product(range(4), repeat=2)]},
    "distance_ratio_14_3d": {
        "from the 3 x 3 x 3 grid": lambda: [*cube(2), *([k, 1, 1] for k in range(3)), [1, 0, 1], [1, 2, 1], [0, 0, 1]],
        "corners and faces of a cube": lambda: [
            *cube(2),
            *([k if axis == place else 1 for axis in range(3)] for place in range(3) for k in (0, 2)),
        ],
    },
    "tammes_50": {"Fibonacci spiral": lambda: fibonacci_sphere(50)},
    "autocorrelation_1": {"a constant": lambda: [1]},
    "autocorrelation_2": {"a constant": lambda: [0.1] * 7},
    "autocorrelation_3a": {"a constant": lambda: [-1] * 1000},
    "autocorrelation_3b": {"a constant": lambda: ["1/3"] * 12},
    "erdos_overlap": {"a constant": lambda: [0.5] * 100},
    "flat_polynomial_69": {"best of 100 at random": lambda: best_of_random_signs(100, 70)},
    "determinant_29": {
        "equal rows": lambda: [[1] * 29] * 29,
        "quadratic residues": lambda: quadratic_residues(29),
    },
}


def _unit(place: int, length: int) -> list[int]:
    return [int(i == place) for i in range(length)]


def _signed(text: str) -> list[int]:
    coefficients = [0] * 9
    for part in text.replace("-", "+-").split("+"):
        if part:
            row, column = int(part[-2]) - 1, int(part[-1]) - 1
            coefficients[3 * row + column] = -1 if part.startswith("-") else 1
    return coefficients


def _blocks(outer: list[int], outer_shape: tuple[int, int], inner: list[int], inner_shape: tuple[int, int]) -> list[int]:
    (n, m), (q, r) = outer_shape, inner_shape
    return [outer[(i // q) * m + j // r] * inner[(i % q) * r + j % r] for i, j in itertools.product(range(n * q), range(m * r))]


def _columns(factor: list[int], rows: int, width: int, wide: int, start: int) -> list[int]:
    placed = [0] * (rows * wide)
    for i, j in itertools.product(range(rows), range(width)):
        placed[i * wide + start + j] = factor[i * width + j]
    return placed
