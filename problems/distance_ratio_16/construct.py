"""Sixteen points of the plane. Only the block between the markers may change."""

import math

Point = tuple[float, float]

# EVOLVE-BLOCK-START
# Rings of points around the middle: how many, at what distance, from which angle.
RINGS = [(1, 0.0, 0.0), (5, 0.5, 0.2), (10, 1.0, 0.1)]


def construct() -> list[Point]:
    """The points of all rings."""
    found = []
    for count, distance, start in RINGS:
        for k in range(count):
            angle = start + math.tau * k / count
            found.append((distance * math.cos(angle), distance * math.sin(angle)))
    return found


# EVOLVE-BLOCK-END
