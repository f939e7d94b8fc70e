"""A packing of 26 circles in the unit square."""

import math

CIRCLES = 26


def wall(x: float, y: float) -> float:
    """The distance from a point to the border of the square."""
    return min(x, y, 1 - x, 1 - y)


# EVOLVE-BLOCK-START
def ring(count: int, radius: float, phase: float) -> list[tuple[float, float]]:
    """Points at equal angles on a circle around the middle of the square."""
    points = []
    for k in range(count):
        angle = phase + math.tau * k / count
        x = 0.5 + radius * math.cos(angle)
        y = 0.5 + radius * math.sin(angle)
        points.append((x, y))
    return points


def pack() -> tuple[list[tuple[float, float]], list[float]]:
    """Two rings around a centre; then each circle in turn takes the largest radius that fits."""
    points = [(0.5, 0.5)]
    points += ring(8, 0.25, 0.1)
    points += ring(17, 0.42, 0.2)
    points = points[:CIRCLES]
    radii = [0.01 for point in points]
    for i, (x, y) in enumerate(points):
        room = wall(x, y)
        for j, (u, v) in enumerate(points):
            if j != i:
                room = min(room, math.hypot(x - u, y - v) - radii[j])
        radii[i] = room
    return points, radii
# EVOLVE-BLOCK-END
