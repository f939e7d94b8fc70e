"""Confirms what was proved of step functions, sum by sum."""

from fractions import Fraction
from itertools import pairwise
from typing import Any

from galapagos_recheck import require


def autocorrelation(construction: Any, signed: bool, norm: str) -> str:
    """The value of a step function on an interval of length 1/2, as text.

    `norm` is "largest", "largest_size" or "flatness". With n steps of height f_i the value of f * f at the k-th point where
    steps begin is the sum of f_i f_(k - i), over 2 n.

    Raises:
        Disproved: a height is negative and may not be, or the integral is zero.
    """
    heights, _ = _whole(construction)
    require(signed or min(heights) >= 0, "a height is negative")
    values = _products(heights, heights)
    if norm == "flatness":
        # Twice the area of f * f below its steps, and the integral of its square by Simpson's rule, exact for parabolas.
        ends = [0, *values, 0]
        squares = sum((a * a + (a + b) ** 2 + b * b for a, b in pairwise(ends)), 0)
        return str(Fraction(squares, 6 * sum(values) * max(values)))
    require(sum(heights) != 0, "the integral is zero")
    largest = max(values) if norm == "largest" else max(map(abs, values))
    integral = Fraction(sum(heights), 2 * len(heights))
    return str(Fraction(largest, 2 * len(heights)) / integral**2)


def minimum_overlap(construction: Any) -> str:
    """The largest overlap of h with 1 - h, where h is the step function on [0, 2] divided by its integral, as text.

    Raises:
        Disproved: a height lies outside of 0 to 1, or the integral is below 1.
    """
    heights, top = _whole(construction)
    count, total = len(heights), sum(heights)
    require(all(0 <= height <= top for height in heights), "a height lies outside of 0 to 1")
    require(2 * total >= count * top, "the integral is below 1")
    # Heights are f; h = f c with c = n / (2 sum f). The overlap at a shift is 2/n times the sum of h_i - h_i h_j.
    factor = Fraction(count, 2 * total)
    largest = Fraction(0)
    for shift in range(1 - count, count):
        covered = product = 0
        for i in range(max(0, -shift), min(count, count - shift)):
            covered += heights[i]
            product += heights[i] * heights[i + shift]
        largest = max(largest, Fraction(2, count) * (factor * covered - factor**2 * product))
    return str(largest)


def _whole(construction: Any) -> tuple[list[int], int]:
    """Heights times the least number that makes all of them whole, and that number."""
    heights = [Fraction(height) for height in construction]
    common = max(height.denominator for height in heights)
    require(all(common % height.denominator == 0 for height in heights), "heights have no common power of two")
    return [int(height * common) for height in heights], common


def _products(first: list[int], second: list[int]) -> list[int]:
    found = [0] * (len(first) + len(second) - 1)
    for i, a in enumerate(first):
        if a:
            for j, b in enumerate(second):
                found[i + j] += a * b
    return found
