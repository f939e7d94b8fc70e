"""MAP-Elites: one elite per cell of a grid with fixed bounds."""

import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from evolution.events import Cell
from evolution.problem import FeatureAxis, Scale
from evolution.randomness import stream


class MissingFeatureError(ValueError):
    """The judge scored a program without returning the feature of an axis. The judge's fault, not the program's."""


class Placement(StrEnum):
    """Where an evaluated program went. A replaced tie counts as `IMPROVED`: the cell has another elite."""

    NEW = "new"
    IMPROVED = "improved"
    NOT_BETTER = "not_better"
    NO_SCORE = "no_score"


@dataclass(frozen=True, slots=True)
class Elite:
    """The best program of a cell. `length` is in characters; `at` is the number of the event that put it there."""

    number: int
    score: float
    length: int
    literals: int
    at: int


def features_of(axes: tuple[FeatureAxis, ...], judged: Mapping[str, float], length: int, literals: int) -> tuple[float, ...]:
    """A program's coordinates in axis order, from what the judge returned and the two features that all have.

    Raises:
        MissingFeatureError: an axis names a feature that the judge did not return as a finite number.
    """
    known = {"length": float(length), "literals": float(literals), **judged}
    found = [known.get(axis.feature) for axis in axes]
    for axis, value in zip(axes, found, strict=True):
        if value is None or not math.isfinite(value):
            raise MissingFeatureError(
                f"axis {axis.feature!r} needs a finite number in the features that the judge returns; got {value!r} and the "
                f"names {sorted(judged)}; return it from the judge, or take the axis out of problem.toml"
            )
    return tuple(float(value) for value in found if value is not None)


def cell_of(axes: tuple[FeatureAxis, ...], features: tuple[float, ...]) -> Cell:
    """The cell of a point, one index from 0 per axis; what lies outside the bounds is clipped into the edge cells."""
    return tuple(_index(axis, value) for axis, value in zip(axes, features, strict=True))


def _index(axis: FeatureAxis, value: float) -> int:
    low, high, value = axis.low, axis.high, min(max(value, axis.low), axis.high)
    if axis.scale is Scale.LOG:
        low, high, value = math.log(low), math.log(high), math.log(value)
    return min(int((value - low) / (high - low) * axis.cells), axis.cells - 1)


def place(seed: int, number: int, score: float, length: int, elite: Elite | None) -> Placement:
    """Whether program `number` takes a cell held by `elite` (None: empty).

    An equal score replaces a longer elite, and one of the same length with probability 1/2: neutral drift crosses
    plateaus. Never a shorter one: what changes nothing would pile up, and edits of it change nothing either.
    """
    if elite is None:
        return Placement.NEW
    if score != elite.score:
        return Placement.IMPROVED if score > elite.score else Placement.NOT_BETTER
    drifts = length == elite.length and stream(seed, "tie", number).random() < 0.5
    return Placement.IMPROVED if length < elite.length or drifts else Placement.NOT_BETTER


class Archive:
    """The elites of one island by cell, and how many children of each were asked for.

    Iteration and the arrays are in the order of the cells, never in that of arrival, so that an archive that was
    loaded chooses like one that was folded. `scores` (float64) and `children` (int64) have one entry per elite. An elite that
    must not be chosen has the score -inf there, so that no other is compared with it.
    """

    def __init__(self) -> None:
        self._elites: dict[Cell, Elite] = {}
        self._cells: list[Cell] = []
        self._where: dict[int, Cell] = {}
        self.scores: NDArray[np.float64] = np.empty(0)
        self.children: NDArray[np.int64] = np.empty(0, dtype=np.int64)

    def __len__(self) -> int:
        return len(self._cells)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Archive):
            return NotImplemented
        return self._elites == other._elites and self.children.tolist() == other.children.tolist()

    __hash__ = None  # pyright: ignore[reportAssignmentType]  # equal by content, and the content changes

    def __contains__(self, number: int) -> bool:
        return number in self._where

    def get(self, cell: Cell) -> Elite | None:
        """The elite of a cell, None if the cell is empty."""
        return self._elites.get(cell)

    def find(self, number: int) -> Elite | None:
        """The elite that is program `number`, None if it holds no cell."""
        cell = self._where.get(number)
        return None if cell is None else self._elites[cell]

    def cell_of(self, number: int) -> Cell:
        """The cell that program `number` holds. KeyError if it holds none."""
        return self._where[number]

    def index_of(self, number: int) -> int:
        """The place of program `number` in `scores` and `children`. KeyError if it holds no cell."""
        return bisect_left(self._cells, self._where[number])

    def at(self, index: int) -> Elite:
        """The elite at a place of `scores`."""
        return self._elites[self._cells[index]]

    def cells(self) -> list[Cell]:
        """The filled cells, sorted."""
        return list(self._cells)

    def elites(self) -> list[Elite]:
        """The elites in the order of their cells."""
        return [self._elites[cell] for cell in self._cells]

    def best(self) -> Elite | None:
        """The elite with the highest score of those that may be chosen; of equals the one in the lowest cell."""
        index = int(self.scores.argmax()) if self._cells else 0
        return self.at(index) if self._cells and self.may_be_chosen(index) else None

    def may_be_chosen(self, index: int) -> bool:
        """Whether the elite at a place of `scores` may be a parent or an inspiration."""
        return bool(self.scores[index] > -np.inf)

    def barred(self) -> list[int]:
        """The places of the elites that must not be chosen, sorted."""
        return np.flatnonzero(self.scores == -np.inf).tolist()

    def bar(self, number: int) -> None:
        """Keep program `number` from being chosen; nothing if it holds no cell."""
        if number in self._where:
            self.scores[self.index_of(number)] = -np.inf

    def unbar(self, number: int) -> None:
        """Let program `number` be chosen again; nothing if it holds no cell."""
        if number in self._where:
            self.scores[self.index_of(number)] = self._elites[self._where[number]].score

    def put(self, cell: Cell, elite: Elite, children: int = 0) -> None:
        """Make `elite` the holder of `cell`; `children` of it were asked for already."""
        index = bisect_left(self._cells, cell)
        replaced = self._elites.get(cell)
        if replaced is None:
            self._cells.insert(index, cell)
            self.scores = np.insert(self.scores, index, elite.score)
            self.children = np.insert(self.children, index, children)
        else:
            del self._where[replaced.number]
            self.scores[index] = elite.score
            self.children[index] = children
        self._elites[cell] = elite
        self._where[elite.number] = cell

    def fill(self, rows: Iterable[tuple[Cell, Elite, int]]) -> None:
        """Put many elites into an empty archive at once: (cell, elite, children)."""
        ordered = sorted(rows, key=lambda row: row[0])
        self._cells = [cell for cell, _, _ in ordered]
        self._elites = {cell: elite for cell, elite, _ in ordered}
        self._where = {elite.number: cell for cell, elite, _ in ordered}
        self.scores = np.array([elite.score for _, elite, _ in ordered], dtype=np.float64)
        self.children = np.array([children for _, _, children in ordered], dtype=np.int64)

    def count_child(self, number: int) -> None:
        """Note that a child of program `number` was asked for; nothing if it holds no cell."""
        if number in self._where:
            self.children[self.index_of(number)] += 1

    def parents(self) -> list[tuple[int, int]]:
        """The elites of which children were asked for, and how many: (number, children)."""
        counted = zip(self._cells, self.children.tolist(), strict=True)
        return [(self._elites[cell].number, children) for cell, children in counted if children]
