"""Signs in a row and in a square: flat polynomials and large determinants."""

import math
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
from galapagos_exact.answers import integer_rows, integers
from galapagos_exact.drawings import bars, framed, grid
from galapagos_exact.judging import Proof
from galapagos_judge import Rejected
from numpy.typing import NDArray

PLACES = 10**6
"""The largest size of a polynomial is told rounded up to a multiple of 1 / PLACES."""


def _signs(numbers: list[int], what: str) -> list[int]:
    if any(abs(number) != 1 for number in numbers):
        raise Rejected(f"expected {what}: all of them 1 or -1; got a 0")
    return numbers


@dataclass(frozen=True)
class FlatPolynomial:
    """A polynomial of `degree` with coefficients 1 and -1.

    The value is its largest size on the unit circle over the root of degree + 2, rounded up to six places, the less
    the better. (A board that many compare themselves with divides by that root; the mean square on the circle is degree + 1.)
    """

    degree: int
    method: str = (
        "a fast Fourier transform of length N bounds the largest size from below, and from above by 1 / cos(pi degree / N) "
        "(S. Bernstein); N is doubled until both round up to the same six places"
    )

    def prove(self, answer: object) -> Proof:
        """Bound the largest size."""
        length = self.degree + 1
        signs = _signs(integers(answer, "coefficients", length, length, -1, 1), "coefficients")
        unit = math.sqrt(self.degree + 2)
        for bits in range(18, 24):
            low = float(np.abs(np.fft.rfft(signs, 1 << bits)).max()) / unit
            # Errors of the transform are below 1e-13 here.
            above = (low + 1e-12) / math.cos(math.pi * self.degree / (1 << bits))
            bound = math.ceil(PLACES * above)
            if math.ceil(PLACES * (low - 1e-12)) == bound:
                break
        else:
            raise Rejected("expected a polynomial whose largest size can be rounded up to six places; change one coefficient")
        changes = sum(a != b for a, b in pairwise(signs))
        return Proof(
            score=bound / PLACES,
            exact=str(Fraction(bound, PLACES)),
            construction=signs,
            feedback=f"the largest size on the unit circle is {low * unit:.6f}, that is {bound / PLACES:.6f}",
            metrics={"changes": changes},
            features={"changes": float(changes), "balance": abs(sum(signs)) / length},
        )

    def draw(self, proof: Proof) -> str:
        """The size of the polynomial around the upper half of the unit circle."""
        sizes: list[float] = np.abs(np.fft.rfft(proof.construction, 1000)).tolist()
        return framed(bars(sizes))


@dataclass(frozen=True)
class LargeDeterminant:
    """A square matrix of `order` rows with entries 1 and -1; the value is the size of its determinant over `unit`."""

    order: int
    unit: int
    method: str = "the determinant in whole numbers, by elimination without fractions (E. Bareiss)"

    def prove(self, answer: object) -> Proof:
        """Compute the determinant."""
        rows = integer_rows(answer, "rows of 1 and -1", self.order, self.order, self.order, -1, 1)
        for row in rows:
            _signs(row, "entries")
        value = Fraction(abs(determinant(rows)), self.unit)
        matrix: NDArray[Any] = np.array(rows)
        products = matrix @ matrix.T - self.order * np.eye(self.order, dtype=int)
        slack = float(np.abs(products).sum() / (self.order * (self.order - 1)))
        return Proof(
            score=float(value),
            exact=str(value),
            construction=rows,
            feedback=f"the determinant is {float(value):.6g} units; products of two rows have a mean size of {slack:.3f}",
            metrics={"mean_product": slack},
            features={"mean_product": slack},
        )

    def draw(self, proof: Proof) -> str:
        """The matrix."""
        return framed(grid(proof.construction))


def determinant(rows: list[list[int]]) -> int:
    """The determinant of a square matrix of whole numbers."""
    matrix = [row[:] for row in rows]
    sign, previous = 1, 1
    for k in range(len(matrix) - 1):
        place = next((i for i in range(k, len(matrix)) if matrix[i][k]), None)
        if place is None:
            return 0
        if place != k:
            matrix[k], matrix[place] = matrix[place], matrix[k]
            sign = -sign
        pivot = matrix[k]
        for row in matrix[k + 1 :]:
            factor = row[k]
            row[k + 1 :] = [(pivot[k] * a - factor * b) // previous for a, b in zip(row[k + 1 :], pivot[k + 1 :], strict=True)]
        previous = pivot[k]
    return sign * matrix[-1][-1]
