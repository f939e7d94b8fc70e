"""Eleven points of the triangle x >= 0, y >= 0, x + y <= 1. Only the block between the markers may change."""

Point = tuple[float, float]

# EVOLVE-BLOCK-START
POINTS = [
    (0.05, 0.1),
    (0.2, 0.7),
    (0.1, 0.4),
    (0.3, 0.05),
    (0.35, 0.5),
    (0.25, 0.25),
    (0.5, 0.15),
    (0.55, 0.4),
    (0.75, 0.2),
    (0.9, 0.02),
    (0.02, 0.9),
]


def construct() -> list[Point]:
    """The points."""
    found = []
    for x, y in POINTS:
        found.append((x, y))
    return found


# EVOLVE-BLOCK-END
