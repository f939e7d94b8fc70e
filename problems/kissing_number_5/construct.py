"""Directions of spheres that touch one sphere in 5 dimensions. Only the block between the markers may change."""

from collections.abc import Iterator
from itertools import combinations, product

DIMENSION = 5
MOST = 200
Vector = tuple[int, ...]

# EVOLVE-BLOCK-START
# Shapes of vectors in the order in which they are tried: how many entries are not zero, and how large these are.
SHAPES = [(1, 1)]


def vectors(count: int, size: int) -> Iterator[Vector]:
    """All vectors with so many entries of this size and either sign; the others are zero."""
    for places in combinations(range(DIMENSION), count):
        for signs in product((size, -size), repeat=count):
            vector = [0] * DIMENSION
            for place, value in zip(places, signs, strict=True):
                vector[place] = value
            yield tuple(vector)


def fits(vector: Vector, chosen: list[Vector]) -> bool:
    """Whether a vector is at least 60 degrees from all that were chosen."""
    length = sum(x * x for x in vector)
    for other in chosen:
        dot = sum(x * y for x, y in zip(vector, other, strict=True))
        if dot > 0 and 4 * dot * dot > length * sum(y * y for y in other):
            return False
    return True


def construct() -> list[Vector]:
    """Take the vectors of each shape one after the other, if they fit."""
    chosen = []
    for count, size in SHAPES:
        for vector in vectors(count, size):
            if len(chosen) < MOST and fits(vector, chosen):
                chosen.append(vector)
    return chosen


# EVOLVE-BLOCK-END
