"""Draws from one named random stream. Only uniform and normal draws are taken, so that a draw costs under a microsecond."""

from collections.abc import Sequence
from typing import TypeVar

from numpy.random import Generator

T = TypeVar("T")


class Dice:
    """The choices of one proposal, in the order in which they are asked for."""

    __slots__ = ("_generator",)

    def __init__(self, generator: Generator) -> None:
        self._generator = generator

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        """A number in [low, high)."""
        return low + (high - low) * float(self._generator.random())

    def normal(self) -> float:
        """A standard normal number."""
        return float(self._generator.standard_normal())

    def chance(self, probability: float) -> bool:
        """True with the given probability."""
        return float(self._generator.random()) < probability

    def below(self, bound: int) -> int:
        """A whole number in [0, bound)."""
        return min(int(float(self._generator.random()) * bound), bound - 1)

    def pick(self, items: Sequence[T]) -> T:
        """One item, each alike. The sequence must not be empty."""
        return items[self.below(len(items))]

    def weighted(self, items: Sequence[T], weights: Sequence[float]) -> T:
        """One item with probability proportional to its weight. At least one weight must be positive."""
        point = self.uniform(0.0, sum(weights))
        for item, weight in zip(items, weights, strict=True):
            point -= weight
            if point < 0:
                return item
        return next(item for item, weight in zip(reversed(items), reversed(weights), strict=True) if weight > 0)

    def several(self, probability: float, most: int) -> int:
        """1 + a geometric number: one more with the given probability, again and again, at most `most` in all."""
        count = 1
        while count < most and self.chance(probability):
            count += 1
        return count
