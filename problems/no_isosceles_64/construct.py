"""The points of a grid in the order in which they are to be taken. Only the block between the markers may change."""

SIDE = 64
Point = tuple[int, int]

# EVOLVE-BLOCK-START


def rank(x: int, y: int) -> float:
    """Points of lower rank are taken first."""
    a = x
    b = y
    return 64 * a + b


def construct() -> list[Point]:
    """All points, sorted by rank; those of equal rank from left to right."""
    points = [(x, y) for x in range(SIDE) for y in range(SIDE)]
    return sorted(points, key=lambda point: rank(*point))


# EVOLVE-BLOCK-END
