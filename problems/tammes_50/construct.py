"""Fifty points on the sphere. Only the block between the markers may change."""

import math

POINTS = 50
Vector = tuple[float, float, float]

# EVOLVE-BLOCK-START
# The turn from one point to the next, and how far the first lies from the pole.
TURN = 2.4
EDGE = 0.5


def construct() -> list[Vector]:
    """A spiral from pole to pole with equal steps in height."""
    found = []
    for k in range(POINTS):
        z = 1 - 2 * (k + EDGE) / (POINTS - 1 + 2 * EDGE)
        angle = TURN * k
        distance = math.sqrt(max(0.0, 1 - z * z))
        x, y = distance * math.cos(angle), distance * math.sin(angle)
        found.append((x, y, z))
    return found


# EVOLVE-BLOCK-END
