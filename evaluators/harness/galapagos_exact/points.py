"""Points in general position: smallest triangles, distances, and directions on the sphere, in whole numbers."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, pairwise
from math import isqrt

from galapagos_exact.answers import GRID, exact_rows, on_grid, whole
from galapagos_exact.drawings import dots, framed, polygon
from galapagos_exact.judging import Proof
from galapagos_judge import Rejected

Point = tuple[int, int]
SPHERE_GRID = 2**48


def doubled_area(a: Point, b: Point, c: Point) -> int:
    """Twice the area of a triangle, negative if it runs clockwise."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def doubled_areas(points: list[Point]) -> list[int]:
    """Twice the areas of all triangles of three of the points, the smallest first."""
    return sorted(abs(doubled_area(a, b, c)) for a, b, c in combinations(points, 3))


def hull(points: list[Point]) -> list[Point]:
    """The corners of the convex hull, counterclockwise."""
    ordered = sorted(set(points))
    lower, upper = _chain(ordered), _chain(reversed(ordered))
    return lower[:-1] + upper[:-1]


def _chain(points: Iterable[Point]) -> list[Point]:
    chain: list[Point] = []
    for point in points:
        while len(chain) > 1 and doubled_area(chain[-2], chain[-1], point) <= 0:
            chain.pop()
        chain.append(point)
    return chain


def _in_unit_square(answer: object, count: int) -> list[Point]:
    """Points on the grid of 2^-60; coordinates outside of 0 to 1 become 0 or 1."""
    rows = exact_rows(answer, "points (x, y)", 2, count, count)
    return [(min(max(on_grid(x), 0), GRID), min(max(on_grid(y), 0), GRID)) for x, y in rows]


def _on_unit(points: list[Point]) -> list[list[str]]:
    return [[str(Fraction(x, GRID)), str(Fraction(y, GRID))] for x, y in points]


def _floats(construction: list[list[str]]) -> list[list[float]]:
    return [[float(Fraction(x)) for x in point] for point in construction]


def _of_triangles(points: list[Point], area: int, where: str) -> Proof:
    """`area` is twice that of which the smallest triangle is to be a large part."""
    areas = doubled_areas(points)
    value = Fraction(areas[0], area)
    tight = sum(100 * found <= 101 * areas[0] for found in areas)
    spread = math.sqrt(sum((x - y) ** 2 for x, y in points) / len(points)) / GRID
    return Proof(
        score=float(value),
        exact=str(value),
        construction=_on_unit(points),
        feedback=f"the smallest of all triangles has {float(value):.9f} of the area of {where}",
        metrics={"tight": tight},
        features={"spread": spread},
    )


@dataclass(frozen=True)
class HeilbronnTriangle:
    """`count` points of a triangle; the value is the least area of three of them over the triangle's.

    All triangles are alike up to an affine map, which keeps ratios of areas, so the triangle is x >= 0, y >= 0,
    x + y <= 1. Coordinates are rounded down to multiples of 2^-60, and points outside are moved to the border.
    """

    count: int
    method: str = "all triangles of points on a grid of 2^-60, their doubled areas in whole numbers"

    def prove(self, answer: object) -> Proof:
        """Find the smallest triangle."""
        points = [(x, min(y, GRID - x)) for x, y in _in_unit_square(answer, self.count)]
        return _of_triangles(points, GRID**2, "the triangle")

    def draw(self, proof: Proof) -> str:
        """The points in their triangle."""
        return framed(dots(_floats(proof.construction)), polygon([(0, 0), (1, 0), (0, 1)]))


@dataclass(frozen=True)
class HeilbronnConvex:
    """`count` points; the value is the least area of three of them over that of their convex hull.

    Coordinates outside of 0 to 1 become 0 or 1; they are rounded down to multiples of 2^-60.
    """

    count: int
    method: str = "all triangles and the convex hull of points on a grid of 2^-60, their doubled areas in whole numbers"

    def prove(self, answer: object) -> Proof:
        """Find the smallest triangle and the hull."""
        points = _in_unit_square(answer, self.count)
        corners = hull(points)
        area = sum(doubled_area(corners[0], b, c) for b, c in pairwise(corners))
        if area <= 0:
            raise Rejected("expected points that are not all on one line")
        return _of_triangles(points, area, "the hull")

    def draw(self, proof: Proof) -> str:
        """The points with their hull."""
        points = _floats(proof.construction)
        corners = hull([(int(x * 2**40), int(y * 2**40)) for x, y in points])
        return framed(dots(points), polygon([(x / 2**40, y / 2**40) for x, y in corners]))


@dataclass(frozen=True)
class DistanceRatio:
    """`count` points of `dimension` coordinates; the value is (largest distance / smallest distance)^2, the less the better.

    Coordinates are rounded down to multiples of 2^-60 and must be at most 1000 in size.
    """

    count: int
    dimension: int
    method: str = "squared distances of all pairs of points on a grid of 2^-60, in whole numbers"

    def prove(self, answer: object) -> Proof:
        """Find the nearest and the farthest pair."""
        rows = exact_rows(answer, f"points of {self.dimension} coordinates", self.dimension, self.count, self.count)
        if max(abs(x) for row in rows for x in row) > 1000:
            raise Rejected("expected coordinates of at most 1000 in size")
        points = [[on_grid(x) for x in row] for row in rows]
        squared = sorted(sum((x - y) ** 2 for x, y in zip(a, b, strict=True)) for a, b in combinations(points, 2))
        if squared[0] == 0:
            raise Rejected("expected points that are all different on a grid of 2^-60")
        value = Fraction(squared[-1], squared[0])
        shortest, longest = math.sqrt(squared[0]) / GRID, math.sqrt(squared[-1]) / GRID
        return Proof(
            score=float(value),
            exact=str(value),
            construction=[[str(Fraction(x, GRID)) for x in point] for point in points],
            feedback=f"distances from {shortest:.9f} to {longest:.9f}",
            metrics={"shortest": shortest, "longest": longest},
            features={"near": float(sum(10**6 * d < (10**6 + 1) * squared[0] for d in squared))},
        )

    def draw(self, proof: Proof) -> str:
        """The first two coordinates of the points."""
        points = [point[:2] for point in _floats(proof.construction)]
        low = min(x for point in points for x in point)
        size = max(x for point in points for x in point) - low or 1.0
        return framed(dots([[(x - low) / size for x in point] for point in points], 8.0))


@dataclass(frozen=True)
class Tammes:
    """`count` points of the unit sphere; the value is their least distance.

    Each vector becomes a point with rational coordinates on the sphere itself, by stereographic projection of its direction
    rounded to a grid of 2^-48; a vector whose length is rational keeps its direction. No vector may be zero.
    """

    count: int
    method: str = "points on the sphere with rational coordinates, scalar products as fractions"

    def prove(self, answer: object) -> Proof:
        """Find the nearest pair."""
        rows = exact_rows(answer, "vectors (x, y, z)", 3, self.count, self.count)
        points = [_on_sphere(*row) for row in rows]
        largest = max(_cosine(a, b) for a, b in combinations(points, 2))
        squared = 2 - 2 * largest
        value = math.sqrt(squared)
        return Proof(
            score=value,
            exact=f"sqrt({squared})",
            construction=[[str(x) for x in point[0]] for point in points],
            feedback=f"the least distance is {value:.9f}",
            metrics={},
            features={"height": sum(abs(point[0][2] / point[1]) for point in points) / len(points)},
        )

    def draw(self, proof: Proof) -> str:
        """The sphere from above; points of the lower half are small."""
        lengths = [(point, math.sqrt(sum(float(x) ** 2 for x in point))) for point in proof.construction]
        unit = [[float(x) / length for x in point] for point, length in lengths]
        marks = [dots([(0.5 + x / 2, 0.5 + y / 2)], 8.0 if z >= 0 else 3.0)[0] for x, y, z in unit]
        return framed(marks, '<circle cx="250" cy="250" r="250" fill="#fff" stroke="#333" stroke-width="2"/>')


OnSphere = tuple[tuple[int, int, int], int]
"""A vector of whole numbers, and its length, which is one too."""


def _on_sphere(x: Fraction, y: Fraction, z: Fraction) -> OnSphere:
    (a, b, c), _ = whole([x, y, z])
    largest = max(abs(a), abs(b), abs(c))
    if largest == 0:
        raise Rejected("expected vectors that have a direction; got (0, 0, 0)")
    squared = a * a + b * b + c * c
    length = isqrt(squared)
    if length * length == squared:
        return _reduced(a, b, c, length)
    # Projected from the pole that is farther away.
    sign = 1 if c >= 0 else -1
    plane = length + abs(c)
    u, v = (SPHERE_GRID * a) // plane, (SPHERE_GRID * b) // plane
    one, rest = SPHERE_GRID**2, u * u + v * v
    return _reduced(2 * u * SPHERE_GRID, 2 * v * SPHERE_GRID, sign * (one - rest), one + rest)


def _reduced(a: int, b: int, c: int, length: int) -> OnSphere:
    divisor = math.gcd(a, b, c, length)
    return (a // divisor, b // divisor, c // divisor), length // divisor


def _cosine(a: OnSphere, b: OnSphere) -> Fraction:
    return Fraction(sum(x * y for x, y in zip(a[0], b[0], strict=True)), a[1] * b[1])
