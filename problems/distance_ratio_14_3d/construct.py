"""Fourteen points of space. Only the block between the markers may change."""

import math

Point = tuple[float, float, float]

# EVOLVE-BLOCK-START
# Rings around the axis: how many points, at what height, at what distance, from which angle.
RINGS = [(1, 1.0, 0.0, 0.0), (4, 0.5, 0.8, 0.0), (4, 0.0, 1.0, 0.4), (4, -0.5, 0.8, 0.0), (1, -1.0, 0.0, 0.0)]


def construct() -> list[Point]:
    """The points of all rings."""
    found = []
    for count, height, distance, start in RINGS:
        for k in range(count):
            angle = start + math.tau * k / count
            found.append((distance * math.cos(angle), distance * math.sin(angle), height))
    return found


# EVOLVE-BLOCK-END
