"""Circles in the unit square without overlap, in whole numbers."""

from dataclasses import dataclass
from fractions import Fraction
from math import isqrt

import numpy as np
from galapagos_exact import drawings
from galapagos_exact.answers import GRID, exact_rows, on_grid
from galapagos_exact.judging import Proof

Circle = tuple[int, int, int]


@dataclass(frozen=True)
class CirclesInSquare:
    """Up to `count` circles (x, y, radius) in the unit square; the value is the sum of their radii.

    Numbers are rounded down to multiples of 2^-60. Circles with their centre outside of the open square, or without a
    positive radius, are dropped; radii that reach over the border are cut; then all radii shrink by one factor, the
    largest that ends every overlap.
    """

    count: int
    method: str = "centres and radii as multiples of 2^-60; distances rounded down; the sum of radii after the common shrink"

    def prove(self, answer: object) -> Proof:
        """Make the circles feasible and add their radii."""
        rows = exact_rows(answer, "circles (x, y, radius)", 3, self.count)
        kept = _without_overlap(_inside([(on_grid(x), on_grid(y), on_grid(r)) for x, y, r in rows]))
        total = Fraction(sum(radius for _, _, radius in kept), GRID)
        radii = np.array([radius / GRID for _, _, radius in kept])
        spread = float(radii.std() / radii.mean()) if kept else 0.0
        smallest, largest = (float(radii.min()), float(radii.max())) if kept else (0.0, 0.0)
        return Proof(
            score=float(total),
            exact=str(total),
            construction=[[str(Fraction(number, GRID)) for number in circle] for circle in kept],
            feedback=f"{len(kept)} of {self.count} circles placed, radii from {smallest:.4f} to {largest:.4f}",
            metrics={"placed": len(kept), "smallest": smallest, "largest": largest},
            features={"spread": spread},
        )

    def draw(self, proof: Proof) -> str:
        """The circles."""
        placed = [[float(Fraction(number)) for number in circle] for circle in proof.construction]
        return drawings.framed(drawings.circles(placed))


def _inside(circles: list[Circle]) -> list[Circle]:
    cut = [(x, y, min(radius, x, y, GRID - x, GRID - y)) for x, y, radius in circles]
    return [circle for circle in cut if circle[2] > 0]


def _without_overlap(circles: list[Circle]) -> list[Circle]:
    """Shrink all radii by the largest factor that ends every overlap, and round them down."""
    factor = Fraction(1)
    for i, (x, y, radius) in enumerate(circles):
        for u, v, other in circles[:i]:
            squared = (x - u) ** 2 + (y - v) ** 2
            if squared < (radius + other) ** 2:
                factor = min(factor, Fraction(isqrt(squared), radius + other))
    shrunk = [(x, y, radius * factor.numerator // factor.denominator) for x, y, radius in circles]
    return [circle for circle in shrunk if circle[2] > 0]
