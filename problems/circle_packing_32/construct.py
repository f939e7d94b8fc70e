"""A packing of 32 circles in the unit square. Only the block between the markers may change."""

import math

CIRCLES = 32
Circle = tuple[float, float, float]


def room(x: float, y: float, circles: list[Circle]) -> float:
    """The largest radius that fits at a point, between the border and the circles."""
    return min([x, y, 1 - x, 1 - y, *(math.hypot(x - u, y - v) - radius for u, v, radius in circles)])


# EVOLVE-BLOCK-START
# Rows of points from below: how many, at what height, how far from the left, and how far apart.
ROWS = [
    (6, 0.09, 0.08, 0.16),
    (5, 0.25, 0.16, 0.17),
    (5, 0.41, 0.08, 0.2),
    (5, 0.57, 0.16, 0.17),
    (5, 0.73, 0.08, 0.2),
    (6, 0.9, 0.08, 0.16),
]


def points() -> list[tuple[float, float]]:
    """Where circles may go, in the order in which they are tried."""
    found = []
    for count, height, start, gap in ROWS:
        for k in range(count):
            x = start + gap * k
            found.append((x, height))
    return found[:CIRCLES]


def construct() -> list[Circle]:
    """Small circles first; then let each in turn grow as far as it can."""
    circles = []
    for x, y in points():
        radius = min(0.04, room(x, y, circles))
        circles.append((x, y, radius))
    for circle in list(circles):
        circles.remove(circle)
        x, y, radius = circle
        radius = room(x, y, circles)
        circles.append((x, y, radius))
    return circles


# EVOLVE-BLOCK-END
