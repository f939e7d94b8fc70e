"""The search state as rows: a small JSON snapshot beside the tables of elites and valid programs."""

from collections.abc import Iterable, Mapping
from typing import Any

from evolution.archive import Elite
from evolution.events import Cell
from evolution.problem import FeatureAxis
from evolution.run import RunConfig
from evolution.state import SearchState


def snapshot(state: SearchState) -> dict[str, Any]:
    """All of the state that JSON must keep: everything but the elites and the valid programs."""
    raise NotImplementedError


def restore(
    config: RunConfig,
    axes: tuple[FeatureAxis, ...],
    seed: int,
    stored: Mapping[str, Any],
    elites: Iterable[tuple[int, Cell, Elite]],
    valid: Iterable[tuple[int, int, float]],
) -> SearchState:
    """The state that `snapshot` was taken of.

    `elites` are (island, cell, elite) in any order; `valid` the run's scored programs as (number, island, score)
    in order of admission (`program.valid_number`).
    """
    raise NotImplementedError
