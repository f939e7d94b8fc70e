"""A packing of 26 circles in the unit square. Only the block between the markers may change."""

import math

CIRCLES = 26
Circle = tuple[float, float, float]


def around(distance: float, angle: float) -> tuple[float, float]:
    """The point at a distance from the middle of the square, in the direction of an angle."""
    return 0.5 + distance * math.cos(angle), 0.5 + distance * math.sin(angle)


def room(x: float, y: float, circles: list[Circle]) -> float:
    """The largest radius that fits at a point, between the border and the circles."""
    largest = min(x, y, 1 - x, 1 - y)
    for u, v, radius in circles:
        largest = min(largest, math.hypot(x - u, y - v) - radius)
    return largest


def place(x: float, y: float, radius: float, circles: list[Circle]) -> None:
    """Add a circle, if there is one to add and not all are placed."""
    if radius > 0 and len(circles) < CIRCLES:
        circles.append((x, y, radius))


# EVOLVE-BLOCK-START
# Rings of points around the middle: how many, at what distance, from which angle.
RINGS = [(1, 0.0, 0.0), (8, 0.25, 0.1), (17, 0.42, 0.2)]


def points() -> list[tuple[float, float]]:
    """Where circles may go, in the order in which they are tried."""
    found = []
    for count, distance, start in RINGS:
        for k in range(count):
            angle = start + math.tau * k / count
            x, y = around(distance, angle)
            found.append((x, y))
    return found


def pack() -> list[Circle]:
    """Place circles one after the other, none larger than a limit; then let each in turn grow as far as it can."""
    circles = []
    for x, y in points():
        radius = min(0.05, room(x, y, circles))
        place(x, y, radius, circles)
    for circle in list(circles):
        circles.remove(circle)
        x, y, radius = circle
        radius = room(x, y, circles)
        place(x, y, radius, circles)
    return circles


# EVOLVE-BLOCK-END
