"""The coefficients of a polynomial of degree 69, all 1 or -1. Only the block between the markers may change."""

import math

LENGTH = 70

# EVOLVE-BLOCK-START


def wave(k: int) -> float:
    """A number whose sign becomes the coefficient of the k-th power."""
    a = 0.01
    b = 0.3
    return math.cos(a * k * k + b * k)


def construct() -> list[int]:
    """The signs of the wave."""
    signs = []
    for k in range(LENGTH):
        value = wave(k)
        signs.append(1 if value >= 0 else -1)
    return signs


# EVOLVE-BLOCK-END
