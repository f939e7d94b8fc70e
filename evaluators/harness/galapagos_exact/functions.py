"""Step functions on equal intervals and what their autocorrelations have to do with it, in whole numbers."""

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from itertools import accumulate, pairwise

from galapagos_exact.answers import exact_numbers
from galapagos_exact.drawings import bars, framed
from galapagos_exact.judging import Proof
from galapagos_judge import Rejected

TOP = 2**40
"""The largest height of a step function as a whole number; heights are multiples of the largest one over this."""


def convolution(first: list[int], second: list[int]) -> list[int]:
    """All sums of products f_i g_j with i + j = k, for k from 0, of whole numbers that are not negative.

    Both lists are written into one long number each, with room between, and the numbers multiplied (L. Kronecker).
    """
    shorter = min(len(first), len(second))
    width = (max(first).bit_length() + max(second).bit_length() + shorter.bit_length()) // 8 + 1
    a, b = (
        int.from_bytes(b"".join(number.to_bytes(width, "little") for number in numbers), "little")
        for numbers in (first, second)
    )
    digits = (a * b).to_bytes(width * (len(first) + len(second)), "little")
    return [int.from_bytes(digits[width * k : width * (k + 1)], "little") for k in range(len(first) + len(second) - 1)]


def autocorrelation(heights: list[int]) -> list[int]:
    """The convolution of whole numbers of any sign with themselves."""
    lift = max(0, -min(heights))
    if lift == 0:
        return convolution(heights, heights)
    lifted = convolution([height + lift for height in heights], [height + lift for height in heights])
    count = len(heights)
    sums = list(accumulate(heights, initial=0))
    found: list[int] = []
    for k, total in enumerate(lifted):
        start, end = max(0, k - count + 1), min(k, count - 1) + 1
        found.append(total - 2 * lift * (sums[end] - sums[start]) - lift * lift * (end - start))
    return found


def _scaled(answer: object, most: int, *, signed: bool) -> list[int]:
    """Heights as whole numbers, the largest in size being TOP; negative ones become zero unless they may be there."""
    heights = exact_numbers(answer, "heights", most, 1)
    if not signed:
        heights = [max(height, Fraction(0)) for height in heights]
    largest = max(abs(height) for height in heights)
    if largest == 0:
        raise Rejected("expected heights that are not all zero")
    return [(height / largest * TOP).__floor__() for height in heights]


def _proof(value: Fraction, heights: list[int], what: str) -> Proof:
    count = len(heights)
    busy = sum(abs(height) * 100 > TOP for height in heights) / count
    return Proof(
        score=float(value),
        exact=str(value),
        construction=[height / TOP for height in heights],
        feedback=f"{count} steps; {what} is {float(value):.9f}",
        metrics={"steps": count},
        features={"steps": float(count), "busy": busy},
    )


class Norm(StrEnum):
    """Which size of f * f is to be small, or how large it is to be."""

    LARGEST = "largest"
    LARGEST_SIZE = "largest_size"
    FLATNESS = "flatness"


@dataclass(frozen=True)
class Autocorrelation:
    """A step function f of up to `most` steps on an interval of length 1/2.

    LARGEST: max f * f over (integral of f)^2, the less the better. LARGEST_SIZE: the same with |f * f|. FLATNESS: the squared
    2-norm of f * f over the product of its 1-norm and its largest value, the more the better. Negative heights
    count as zero unless `signed`. f * f is linear between the points where steps begin, so its values there suffice.
    """

    norm: Norm
    signed: bool
    most: int = 1000
    method: str = (
        "heights as whole numbers up to 2^40; the autocorrelation in whole numbers by one long multiplication, then a fraction"
    )

    def prove(self, answer: object) -> Proof:
        """Compute f * f and its norm."""
        heights = _scaled(answer, self.most, signed=self.signed)
        values = autocorrelation(heights)
        if self.norm is Norm.FLATNESS:
            return _proof(_flatness(values), heights, "the flatness")
        total = sum(heights)
        if total == 0:
            raise Rejected("expected heights whose sum is not zero")
        largest = max(values) if self.norm is Norm.LARGEST else max(map(abs, values))
        return _proof(Fraction(2 * len(heights) * largest, total**2), heights, "the largest value of f * f")

    def draw(self, proof: Proof) -> str:
        """The function."""
        return framed(bars(proof.construction))


def _flatness(values: list[int]) -> Fraction:
    """Between two points where it is a and b, the integral of the square of f * f is (a a + a b + b b) / 3."""
    ends = [0, *values, 0]
    squares = sum(a * a + a * b + b * b for a, b in pairwise(ends))
    return Fraction(squares, 3 * sum(values) * max(values))


@dataclass(frozen=True)
class MinimumOverlap:
    """A step function h of up to `most` steps on [0, 2] with values in [0, 1] and integral 1 (P. Erdos).

    The value is the largest overlap of h with 1 - h under all shifts, the less the better. Heights outside of 0 to 1 become 0
    or 1; where their integral is below 1 they are taken from 1, which changes no overlap; then they are divided by it.
    """

    most: int = 1000
    method: str = (
        "heights as whole numbers up to 2^40, scaled to the integral as fractions; all overlaps in whole numbers by one long "
        "multiplication"
    )

    def prove(self, answer: object) -> Proof:
        """Scale, and find the largest overlap."""
        heights = [
            (min(max(x, Fraction(0)), Fraction(1)) * TOP).__floor__() for x in exact_numbers(answer, "heights", self.most, 1)
        ]
        count = len(heights)
        # Overlaps of h with 1 - h are those of 1 - h with h, backwards: h may be turned into 1 - h.
        if 2 * sum(heights) < count * TOP:
            heights = [TOP - height for height in heights]
        total = sum(heights)
        products = convolution(heights, heights[::-1])
        sums = list(accumulate(heights, initial=0))
        largest = Fraction(0)
        for k, product in enumerate(products):
            covered = sums[min(k, count - 1) + 1] - sums[max(0, k - count + 1)]
            largest = max(largest, Fraction(2 * total * covered - count * product, 2 * total**2))
        return _proof(largest, heights, "the largest overlap")

    def draw(self, proof: Proof) -> str:
        """The function."""
        scale = len(proof.construction) / (2 * sum(proof.construction))
        return framed(bars([scale * height for height in proof.construction]))
