"""Thirteen points. Only the block between the markers may change."""

import math

Point = tuple[float, float]

# EVOLVE-BLOCK-START
# Rings of points around the middle: how many, at what distance, from which angle.
RINGS = [(1, 0.02, 0.3), (4, 0.22, 0.2), (8, 0.48, 0.1)]


def construct() -> list[Point]:
    """The points of all rings."""
    found = []
    for count, distance, start in RINGS:
        for k in range(count):
            angle = start + math.tau * k / count
            x, y = 0.5 + distance * math.cos(angle), 0.5 + distance * math.sin(angle)
            found.append((x, y))
    return found


# EVOLVE-BLOCK-END
