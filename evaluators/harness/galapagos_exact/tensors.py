"""Schemes for multiplying matrices with few products, over the whole numbers, the rationals or the Gaussian rationals.

A scheme for n x m by m x p matrices is a list of terms (u, v, w) with n m, m p and n p coefficients, rows first: the
product of two matrices A and B is the sum over terms of (u . A) (v . B) w. So it is a sum of rank-one tensors; its
number of terms bounds the rank of the tensor of matrix multiplication from above (V. Strassen, Numer. Math. 13, 1969).
"""

import math
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Any

import numpy as np
from galapagos_exact.answers import exact_number, is_list, plain_list, shown, whole
from galapagos_exact.drawings import framed, grid
from galapagos_exact.judging import Proof
from galapagos_judge import Rejected
from numpy.typing import NDArray

LARGEST = 10**6
"""The largest size of a coefficient's numerator or denominator."""
COMMON = 10**100
"""The largest common denominator of all terms: what has none smaller would take minutes to add."""

Integers = NDArray[Any]
Complex = tuple[Integers, Integers]
Coefficients = list[tuple[Fraction, Fraction]]
Term = tuple[Coefficients, Coefficients, Coefficients]


class Ring(StrEnum):
    """Where coefficients may come from."""

    INTEGERS = "integers"
    RATIONALS = "rationals"
    GAUSSIAN = "gaussian"


@dataclass(frozen=True)
class MatrixMultiplication:
    """Schemes for n x m by m x p matrices; the value is the number of products, the fewer the better.

    What a scheme leaves over is made up for by products of single entries, cheaply counted: in each slice of what is left,
    along the dimension where this costs least, one for each row or each column that is not zero. So every list of
    terms has a value, and the empty list that of the definition, n m p.
    """

    n: int
    m: int
    p: int
    ring: Ring
    method: str = (
        "all coefficients as whole numbers over one denominator; the tensor of matrix multiplication less the sum of the "
        "terms, in whole numbers; what is left is completed by products that are written into the construction"
    )

    @property
    def lengths(self) -> tuple[int, int, int]:
        """The number of coefficients in u, v and w."""
        return self.n * self.m, self.m * self.p, self.n * self.p

    def prove(self, answer: object) -> Proof:
        """Complete the scheme and count its products."""
        # Room for as many as a completed scheme of n m p terms can have, however wrong they are.
        most = 6 * self.n * self.m * self.p
        given = [self._term(term) for term in plain_list(answer, "terms [u, v, w]", most)]
        kept = [term for term in given if all(any(a or b for a, b in factor) for factor in term)]
        completing = self._completion(*self._left_over(kept))
        rank = len(kept) + len(completing)
        size = sum(sum(1 for a, b in factor if a or b) for term in kept for factor in term)
        terms = [*kept, *completing]
        return Proof(
            score=float(rank),
            exact=str(rank),
            construction=[[[self._written(number) for number in factor] for factor in term] for term in terms],
            feedback=f"{len(kept)} terms, and {len(completing)} products of entries for what they leave over: {rank} in all",
            metrics={"terms": len(kept), "completing": len(completing)},
            features={"entries": size / len(kept) if kept else 0.0},
        )

    def draw(self, proof: Proof) -> str:
        """One row for each term: its coefficients (real and imaginary parts added)."""
        rows = [
            [sum(map(_size, value if is_list(value) else [value])) for value in (*u, *v, *w)] for u, v, w in proof.construction
        ]
        return framed(grid(rows))

    def _term(self, term: object) -> Term:
        u, v, w = plain_list(term, "a term [u, v, w]", 3, 3)
        lengths = self.lengths
        return self._factor(u, "u", lengths[0]), self._factor(v, "v", lengths[1]), self._factor(w, "w", lengths[2])

    def _factor(self, factor: object, name: str, length: int) -> Coefficients:
        return [self._coefficient(value, name) for value in plain_list(factor, f"coefficients {name}", length, length)]

    def _coefficient(self, value: Any, name: str) -> tuple[Fraction, Fraction]:
        what = f"coefficients {name}"
        if self.ring is Ring.GAUSSIAN and is_list(value):
            real, imaginary = plain_list(value, f"coefficients {name}, or pairs [real, imaginary]", 2, 2)
            number = exact_number(real, what), exact_number(imaginary, what)
        else:
            number = exact_number(value, what), Fraction(0)
        for part in number:
            if max(abs(part.numerator), part.denominator) > LARGEST:
                raise Rejected(f"expected {what} with numerators and denominators up to {LARGEST}; got {shown(value)}")
            if self.ring is Ring.INTEGERS and part.denominator != 1:
                raise Rejected(f"expected {what} that are whole numbers; got {shown(value)}")
        return number

    def _written(self, number: tuple[Fraction, Fraction]) -> object:
        real, imaginary = (part.numerator if part.denominator == 1 else str(part) for part in number)
        return [real, imaginary] if number[1] else real

    def _left_over(self, terms: list[Term]) -> tuple[Complex, int]:
        """The tensor (n m, m p, n p) less the sum of the terms, as whole numbers over one denominator."""
        scaled = [[_whole_pair(factor) for factor in term] for term in terms]
        denominators = [first[1] * second[1] * third[1] for first, second, third in scaled]
        common = 1
        for denominator in denominators:
            common = math.lcm(common, denominator)
            if common > COMMON:
                raise Rejected("expected coefficients whose common denominator is at most 10^100; use fewer denominators")
        left = common * self._tensor(), 0 * self._tensor()
        if scaled:
            u, v, w = (_stacked([factors[i][0] for factors in scaled]) for i in range(3))
            weights = np.array([common // denominator for denominator in denominators], dtype=object)[:, None]
            u = u[0] * weights, u[1] * weights
            total = _sum_of_products(u, v, w)
            left = left[0] - total[0], left[1] - total[1]
        return left, common

    def _tensor(self) -> Integers:
        tensor = np.zeros(self.lengths, dtype=object)
        for i in range(self.n):
            for j in range(self.m):
                for k in range(self.p):
                    tensor[i * self.m + j, j * self.p + k, i * self.p + k] = 1
        return tensor

    def _completion(self, left: Complex, common: int) -> list[Term]:
        """Terms for what is left over: along each dimension slice by slice, the dimension that needs fewest."""
        nonzero = (left[0] != 0) | (left[1] != 0)
        if not nonzero.any():
            return []
        needed: list[int] = []
        for axis in range(3):
            slices = np.moveaxis(nonzero, axis, 0)
            needed.append(int(np.minimum(slices.any(axis=2).sum(axis=1), slices.any(axis=1).sum(axis=1)).sum()))
        axis = int(np.argmin(needed))
        return [term for number in range(self.lengths[axis]) for term in self._of_slice(left, common, axis, number)]

    def _of_slice(self, left: Complex, common: int, axis: int, number: int) -> list[Term]:
        real, imaginary = (part.take(number, axis=axis) for part in left)
        nonzero = (real != 0) | (imaginary != 0)
        by_row = nonzero.any(axis=1).sum() <= nonzero.any(axis=0).sum()
        if not by_row:
            real, imaginary, nonzero = real.T, imaginary.T, nonzero.T
        lengths = self.lengths
        first, second = [other for other in range(3) if other != axis]
        unit, line = (first, second) if by_row else (second, first)
        found: list[Term] = []
        for place in np.flatnonzero(nonzero.any(axis=1)).tolist():
            factors: dict[int, Coefficients] = {axis: _unit(number, lengths[axis]), unit: _unit(place, lengths[unit])}
            factors[line] = [
                (Fraction(int(a), common), Fraction(int(b), common)) for a, b in zip(real[place], imaginary[place], strict=True)
            ]
            found.append((factors[0], factors[1], factors[2]))
        return found


def _size(number: int | str) -> float:
    return float(Fraction(number))


def _unit(place: int, length: int) -> Coefficients:
    return [(Fraction(int(i == place)), Fraction(0)) for i in range(length)]


def _whole_pair(factor: Coefficients) -> tuple[tuple[list[int], list[int]], int]:
    """Real and imaginary parts as whole numbers, and their common denominator."""
    numbers, denominator = whole([part for pair in factor for part in pair])
    return (numbers[::2], numbers[1::2]), denominator


def _stacked(factors: list[tuple[list[int], list[int]]]) -> Complex:
    return np.array([real for real, _ in factors], dtype=object), np.array(
        [imaginary for _, imaginary in factors], dtype=object
    )


def _product(a: Complex, b: Complex) -> Complex:
    return a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0]


def _sum_of_products(u: Complex, v: Complex, w: Complex) -> Complex:
    """Sum over terms of u x v x w, in 64 bits where that cannot overflow and in Python's whole numbers elsewhere."""
    sizes = [sum(int(np.abs(part).max()) for part in factor) for factor in (u, v, w)]
    if len(u[0]) * sizes[0] * sizes[1] * sizes[2] < 2**62:
        u, v, w = ((real.astype(np.int64), imaginary.astype(np.int64)) for real, imaginary in (u, v, w))
    pairs = _product((u[0][:, :, None], u[1][:, :, None]), (v[0][:, None, :], v[1][:, None, :]))
    shape = (u[0].shape[1], v[0].shape[1], w[0].shape[1])
    flat = [part.reshape(len(part), -1).T for part in pairs]
    real = _dot(flat[0], w[0]) - _dot(flat[1], w[1])
    imaginary = _dot(flat[0], w[1]) + _dot(flat[1], w[0])
    return real.reshape(shape), imaginary.reshape(shape)


def _dot(a: Integers, b: Integers) -> Integers:
    if not a.any() or not b.any():
        return np.zeros((a.shape[0], b.shape[1]), dtype=a.dtype)
    return a @ b
