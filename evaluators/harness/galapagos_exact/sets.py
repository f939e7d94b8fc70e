"""Sets of whole numbers: difference bases, and sums against differences."""

import math
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from galapagos_exact.answers import integers
from galapagos_exact.drawings import bars, framed
from galapagos_exact.judging import Proof
from galapagos_judge import Rejected


def different(answer: object, most: int, least: int, low: int, high: int) -> list[int]:
    """The different numbers of an answer, sorted; there must be `least` of them.

    Raises:
        Rejected: there are fewer, or something else came than whole numbers within bounds.
    """
    numbers = sorted(set(integers(answer, "numbers", most, least, low, high)))
    if len(numbers) < least:
        raise Rejected(f"expected at least {least} different numbers; got {len(numbers)}")
    return numbers


def reach(numbers: list[int]) -> int:
    """The largest v such that each of 1 .. v is a difference of two of the numbers (non-negative)."""
    marks = sum(1 << number for number in set(numbers))
    differences = 0
    for number in set(numbers):
        differences |= marks >> number
    missing = ~(differences >> 1)
    return (missing & -missing).bit_length() - 1


@dataclass(frozen=True)
class DifferenceBasis:
    """A set B of whole numbers whose differences are all of 1 .. v; the value is |B|^2 / v, the less the better.

    v must be at least `least`: the small sets that have a good value by accident, as {0, 1, 4, 6}, lead nowhere.
    """

    least: int
    most: int
    largest: int
    method: str = "v by shifts of one long number of bits, then the fraction |B|^2 / v"

    def prove(self, answer: object) -> Proof:
        """Find v and the value."""
        numbers = different(answer, self.most, 1, 0, self.largest)
        v = reach(numbers)
        if v < self.least:
            raise Rejected(f"expected all of 1 to {self.least} among the differences; got 1 to {v}, and no {v + 1}")
        value = Fraction(len(numbers) ** 2, v)
        return Proof(
            score=float(value),
            exact=str(value),
            construction=numbers,
            feedback=f"{len(numbers)} numbers whose differences are all of 1 to {v}; the first that is missing is {v + 1}",
            metrics={"size": len(numbers), "reach": v},
            features={"size": float(len(numbers))},
        )

    def draw(self, proof: Proof) -> str:
        """The gaps between neighbours."""
        return _gaps(proof)


@dataclass(frozen=True)
class SumsAgainstDifferences:
    """A set A of up to `most` whole numbers; the value is log(|A + A| / |A|) / log(|A - A| / |A|).

    A + A holds all sums of two elements, equal ones too, and A - A all differences.
    """

    most: int
    largest: int
    method: str = "sums and differences as bits of long numbers, counted; logarithms only of the counts"

    def prove(self, answer: object) -> Proof:
        """Count sums and differences."""
        numbers = different(answer, self.most, 2, -self.largest, self.largest)
        sums, differences = counted(numbers)
        size = len(numbers)
        value = math.log(sums / size) / math.log(differences / size)
        return Proof(
            score=value,
            exact=f"log({sums}/{size}) / log({differences}/{size})",
            construction=numbers,
            feedback=f"{size} numbers with {sums} sums and {differences} differences",
            metrics={"sums": sums, "differences": differences},
            features={"size": float(size)},
        )

    def draw(self, proof: Proof) -> str:
        """The gaps between neighbours."""
        return _gaps(proof)


@dataclass(frozen=True)
class DifferencesAgainstSums:
    """A set U of whole numbers from 0; the value is 1 + log(|U - U| / |U + U|) / log(2 max U + 1).

    It is a lower bound for the exponent in the sums and differences problem (K. Gyarmati, F. Hennecart, I. Ruzsa, 2007).
    """

    most: int
    largest: int
    method: str = "sums and differences as bits of long numbers, counted; logarithms only of the counts and the maximum"

    def prove(self, answer: object) -> Proof:
        """Count sums and differences."""
        numbers = different(answer, self.most, 2, 0, self.largest)
        if numbers[0] != 0:
            raise Rejected(f"expected a set that holds 0; the smallest number is {numbers[0]}")
        sums, differences = counted(numbers)
        length = 2 * numbers[-1] + 1
        value = 1 + math.log(differences / sums) / math.log(length)
        return Proof(
            score=value,
            exact=f"1 + log({differences}/{sums}) / log({length})",
            construction=numbers,
            feedback=f"{len(numbers)} numbers up to {numbers[-1]} with {differences} differences and {sums} sums",
            metrics={"sums": sums, "differences": differences, "maximum": numbers[-1]},
            features={"size": float(len(numbers))},
        )

    def draw(self, proof: Proof) -> str:
        """The gaps between neighbours."""
        return _gaps(proof)


def counted(numbers: list[int]) -> tuple[int, int]:
    """How many sums, and how many differences (negative ones and 0 too), a sorted set of whole numbers has."""
    first = numbers[0]
    shifted = [number - first for number in numbers]
    marks = sum(1 << number for number in shifted)
    sums = differences = 0
    for number in shifted:
        sums |= marks << number
        differences |= marks >> number
    return sums.bit_count(), 2 * differences.bit_count() - 1


def _gaps(proof: Proof) -> str:
    return framed(bars([float(b - a) for a, b in pairwise(proof.construction)]))
