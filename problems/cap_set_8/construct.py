"""The vectors of entries 0, 1, 2 in the order in which they are to be taken. Only the block between the markers may change."""

from itertools import product

DIMENSION = 8
Vector = tuple[int, ...]

# EVOLVE-BLOCK-START


def rank(vector: Vector) -> float:
    """Vectors of lower rank are taken first."""
    total = 0.0
    for place, x in enumerate(vector):
        total += x * 3 ** (DIMENSION - place)
    return total


def construct() -> list[Vector]:
    """All vectors, sorted by rank."""
    return sorted(product(range(3), repeat=DIMENSION), key=rank)


# EVOLVE-BLOCK-END
