"""Confirms sets of vectors pair by pair and triple by triple."""

from collections import Counter
from itertools import combinations, product
from math import isqrt
from typing import Any

from galapagos_recheck import require


def kissing(construction: Any, dimension: int) -> str:
    """The number of vectors, all pairs of which are at least 60 degrees apart, as text.

    For two vectors with squared lengths a and b and scalar product c the angle is 60 degrees or more if 2 c does not exceed
    the root of a b; as 2 c is a whole number, if it does not exceed that root rounded down.

    Raises:
        Disproved: two are nearer, or one has no direction.
    """
    lengths = [sum(x * x for x in vector) for vector in construction]
    for vector, length in zip(construction, lengths, strict=True):
        require(len(vector) == dimension and all(type(x) is int for x in vector), f"{vector} is no vector of whole numbers")
        require(length > 0, "a vector is zero")
    for i, j in combinations(range(len(construction)), 2):
        twice = 2 * sum(x * y for x, y in zip(construction[i], construction[j], strict=True))
        require(twice <= isqrt(lengths[i] * lengths[j]), f"vectors {i} and {j} are nearer than 60 degrees")
    return str(len(construction))


def no_isosceles(construction: Any, side: int) -> str:
    """The number of points of the grid, no three of which have two equal distances, as text.

    Raises:
        Disproved: a point lies outside of the grid, or three are isosceles.
    """
    points = {(x, y) for x, y in construction}
    require(len(points) == len(construction), "a point is there twice")
    require(all(0 <= x < side and 0 <= y < side for x, y in points), "a point lies outside of the grid")
    for u, v in points:
        distances = Counter((x - u) ** 2 + (y - v) ** 2 for x, y in points)
        require(max(distances.values()) == 1, f"two points are equally far from {(u, v)}")
    return str(len(points))


def cap_set(construction: Any, dimension: int) -> str:
    """The number of vectors of entries 0, 1, 2, no three of which are on a line, as text.

    On a line with two different vectors lies the one that in each place has their entry where they agree, and the third
    value where they do not.

    Raises:
        Disproved: three are on a line, one is there twice, or an entry is no 0, 1 or 2.
    """
    vectors = {tuple(vector) for vector in construction}
    require(len(vectors) == len(construction), "a vector is there twice")
    require(all(len(vector) == dimension and set(vector) <= {0, 1, 2} for vector in vectors), "an entry is no 0, 1 or 2")
    # Entries of a line's third point, for all pairs of halves of a vector.
    half = dimension // 2
    halves = [list(product(range(3), repeat=length)) for length in (half, dimension - half)]
    left, right = (
        {(a, b): tuple(x if x == y else 3 - x - y for x, y in zip(a, b, strict=True)) for a in those for b in those}
        for those in halves
    )
    parts = {(vector[:half], vector[half:]) for vector in vectors}
    for one, other in combinations(parts, 2):
        line = left[one[0], other[0]], right[one[1], other[1]]
        require(line not in parts, f"{one}, {other} and {line} are on a line")
    return str(len(vectors))
