"""Reading what a candidate returned: nested lists or arrays of numbers, as exact numbers or not at all."""

import math
import re
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, cast

import numpy as np
from galapagos_judge import Rejected

MOST_DIGITS = 80
GRID = 2**60
"""Coordinates are multiples of 1 / GRID: below that a double near 1 has no digits."""
_TEXT = re.compile(rf"[+-]?\d{{1,{MOST_DIGITS}}}(\.\d{{1,{MOST_DIGITS}}}|/0*[1-9]\d{{0,{MOST_DIGITS}}})?")


def is_list(value: Any) -> bool:
    """Whether a value is a list or a tuple."""
    return isinstance(value, list | tuple)


def plain_list(answer: Any, what: str, most: int, least: int = 0) -> list[Any]:
    """A list, also where an array came; its elements are not looked at.

    Raises:
        Rejected: no list, or one with fewer or more elements.
    """
    values = _without_array(answer)
    if not is_list(values):
        raise Rejected(f"expected {what}, as a list; got {type(answer).__name__}")
    found: list[Any] = list(values)
    if not least <= len(found) <= most:
        bounds = f"{least}" if least == most else f"{least} to {most}"
        raise Rejected(f"expected {what}: {bounds} of them; got {len(found)}")
    return found


def integers(answer: object, what: str, most: int, least: int = 0, low: int = -(2**62), high: int = 2**62) -> list[int]:
    """A list of whole numbers within bounds; booleans, floats and text are none.

    Raises:
        Rejected: anything else.
    """
    values = plain_list(answer, what, most, least)
    for value in values:
        if type(value) is not int or not low <= value <= high:
            raise Rejected(f"expected {what}: whole numbers from {low} to {high}; got {shown(value)}")
    return values


def integer_rows(
    answer: object, what: str, width: int, most: int, least: int = 0, low: int = -(2**62), high: int = 2**62
) -> list[list[int]]:
    """A list of rows of `width` whole numbers within bounds.

    Raises:
        Rejected: anything else.
    """
    return [integers(row, what, width, width, low, high) for row in plain_list(answer, what, most, least)]


def exact_number(value: object, what: str) -> Fraction:
    """The number that a value is, exactly: an int, a finite float, or text like "-0.125" and "22/7", of few digits.

    Raises:
        Rejected: anything else.
    """
    if (type(value) is int and abs(value) < 10**MOST_DIGITS) or (type(value) is float and math.isfinite(value)):
        return Fraction(value)
    if type(value) is str and _TEXT.fullmatch(value):
        return Fraction(value)
    raise Rejected(f"expected {what}: finite numbers, or text like '0.125' and '22/7'; got {shown(value)}")


def exact_numbers(answer: object, what: str, most: int, least: int = 0) -> list[Fraction]:
    """A list of exact numbers.

    Raises:
        Rejected: anything else.
    """
    return [exact_number(value, what) for value in plain_list(answer, what, most, least)]


def exact_rows(answer: object, what: str, width: int, most: int, least: int = 0) -> list[list[Fraction]]:
    """A list of rows of `width` exact numbers.

    Raises:
        Rejected: anything else.
    """
    return [exact_numbers(row, what, width, width) for row in plain_list(answer, what, most, least)]


def on_grid(number: Fraction) -> int:
    """How many whole units of the grid a number has, rounded down."""
    return number.numerator * GRID // number.denominator


def whole(numbers: Sequence[Fraction]) -> tuple[list[int], int]:
    """Whole numbers and the one denominator that all have in common."""
    denominator = math.lcm(*(number.denominator for number in numbers))
    return [number.numerator * (denominator // number.denominator) for number in numbers], denominator


def _without_array(answer: Any) -> Any:
    return cast("Any", answer).tolist() if isinstance(answer, np.ndarray) else answer


def shown(value: object) -> str:
    """A value for an error text, cut short."""
    text = repr(value) if isinstance(value, int | float | str | bool | None) else type(value).__name__
    return text[:60]
