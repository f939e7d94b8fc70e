"""Confirms circles and points in fractions, from their definitions."""

from fractions import Fraction
from itertools import combinations
from typing import Any

from galapagos_recheck import require

Point = list[Fraction]


def circles_in_square(construction: Any, count: int) -> str:
    """The sum of the radii of circles in the unit square without overlap, as text.

    Raises:
        Disproved: there are too many, one reaches out, or two overlap.
    """
    circles = _fractions(construction)
    require(len(circles) <= count, f"there are more than {count} circles")
    for x, y, radius in circles:
        require(radius > 0 and radius <= x <= 1 - radius and radius <= y <= 1 - radius, "a circle is not in the square")
    for (x, y, radius), (u, v, other) in combinations(circles, 2):
        require((x - u) ** 2 + (y - v) ** 2 >= (radius + other) ** 2, "two circles overlap")
    return str(sum((radius for _, _, radius in circles), Fraction(0)))


def heilbronn_triangle(construction: Any, count: int) -> str:
    """The least area of three points of the triangle x >= 0, y >= 0, x + y <= 1 over its own, as text.

    Raises:
        Disproved: there is another number of points, or one lies outside.
    """
    points = _fractions(construction)
    require(len(points) == count, f"there are not {count} points")
    require(all(x >= 0 and y >= 0 and x + y <= 1 for x, y in points), "a point lies outside of the triangle")
    return str(2 * _least_area(points))


def heilbronn_convex(construction: Any, count: int) -> str:
    """The least area of three points over that of the convex hull of all, as text.

    The hull's area is that under its upper border less that under its lower one, and a border is found by walking to the point
    with the steepest, or the flattest, way there.

    Raises:
        Disproved: there is another number of points, or they are all on one line.
    """
    points = _fractions(construction)
    require(len(points) == count, f"there are not {count} points")
    area = _under(points, 1) - _under(points, -1)
    require(area > 0, "all points are on one line")
    return str(_least_area(points) / area)


def distance_ratio(construction: Any, count: int, dimension: int) -> str:
    """The square of the largest distance over the smallest, as text.

    Raises:
        Disproved: there is another number of points or coordinates, or two points are the same.
    """
    points = _fractions(construction)
    require(len(points) == count and all(len(point) == dimension for point in points), "the points are not as expected")
    squared = [sum((x - y) ** 2 for x, y in zip(a, b, strict=True)) for a, b in combinations(points, 2)]
    require(min(squared) > 0, "two points are the same")
    return str(Fraction(max(squared)) / min(squared))


def tammes(construction: Any, count: int) -> str:
    """The least distance of points on the unit sphere, as the root of a fraction.

    Raises:
        Disproved: there is another number of points, or one is not a rational multiple of a rational unit vector.
    """
    points: list[Point] = []
    for vector in _fractions(construction):
        squared = sum((x * x for x in vector), Fraction(0))
        length = _root(squared)
        points.append([x / length for x in vector])
    require(len(points) == count, f"there are not {count} points")
    squares = [sum(((x - y) ** 2 for x, y in zip(a, b, strict=True)), Fraction(0)) for a, b in combinations(points, 2)]
    return f"sqrt({min(squares)})"


def _fractions(construction: Any) -> list[Point]:
    return [[Fraction(number) for number in row] for row in construction]


def _least_area(points: list[Point]) -> Fraction:
    """By the coordinates of corners in turn, as one measures a field."""
    return min(
        abs(a[0] * b[1] - b[0] * a[1] + b[0] * c[1] - c[0] * b[1] + c[0] * a[1] - a[0] * c[1]) / 2
        for a, b, c in combinations(points, 3)
    )


def _under(points: list[Point], side: int) -> Fraction:
    """The signed area between the x axis and the upper (1) or lower (-1) border of the convex hull."""
    highest: dict[Fraction, Fraction] = {}
    for x, y in points:
        highest[x] = side * max(side * y, side * highest.get(x, y))
    place, last = min(highest), max(highest)
    area = Fraction(0)
    while place < last:
        start = highest[place]
        following = max(
            (x for x in highest if x > place), key=lambda x, x0=place, y0=start: (side * (highest[x] - y0) / (x - x0), x)
        )
        area += (following - place) * (start + highest[following]) / 2
        place = following
    return area


def _root(squared: Fraction) -> Fraction:
    """The root of the square of a fraction, by Newton's way down in whole numbers."""
    roots: list[int] = []
    for number in (squared.numerator, squared.denominator):
        root = 1 << (number.bit_length() + 1) // 2
        while (better := (root + number // root) // 2) < root:
            root = better
        require(root > 0 and root * root == number, "a vector's length is not rational, or is zero")
        roots.append(root)
    return Fraction(roots[0], roots[1])
