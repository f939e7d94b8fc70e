"""Confirms sets of whole numbers by listing their sums and differences."""

from fractions import Fraction
from itertools import count
from typing import Any

from galapagos_recheck import require


def difference_basis(construction: Any, least: int) -> str:
    """|B|^2 / v as text, where the differences of B are all of 1 .. v and v is at least `least`.

    Raises:
        Disproved: v is less.
    """
    basis = _numbers(construction)
    differences = {a - b for a in basis for b in basis}
    v = next(number for number in count(1) if number not in differences) - 1
    require(v >= least, f"the differences are all of 1 to {v} only")
    return str(Fraction(len(basis) ** 2, v))


def sums_against_differences(construction: Any) -> str:
    """The formula log(|A + A| / |A|) / log(|A - A| / |A|) with its counts."""
    numbers = _numbers(construction)
    sums, differences = {a + b for a in numbers for b in numbers}, {a - b for a in numbers for b in numbers}
    return f"log({len(sums)}/{len(numbers)}) / log({len(differences)}/{len(numbers)})"


def differences_against_sums(construction: Any) -> str:
    """The formula 1 + log(|U - U| / |U + U|) / log(2 max U + 1) with its counts.

    Raises:
        Disproved: the smallest number is not 0.
    """
    numbers = _numbers(construction)
    require(min(numbers) == 0, "the smallest number is not 0")
    sums, differences = {a + b for a in numbers for b in numbers}, {a - b for a in numbers for b in numbers}
    return f"1 + log({len(differences)}/{len(sums)}) / log({2 * max(numbers) + 1})"


def _numbers(construction: Any) -> set[int]:
    require(all(type(number) is int for number in construction), "a number is not whole")
    numbers = set[int](construction)
    require(len(numbers) == len(construction), "a number is there twice")
    return numbers
