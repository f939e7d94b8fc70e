"""The archive's table and the snapshot of the search state: what a resumed run reads instead of its whole log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from database.engine import Connection


@dataclass(frozen=True, slots=True)
class Elite:
    """The program that holds one cell of one island's archive, and the event that put it there."""

    island: int
    cell: tuple[int, ...]
    number: int
    score: float
    length: int
    literals: int
    at_event: int


@dataclass(frozen=True, slots=True)
class Record:
    """One step of the best-so-far curve: the new best program and what had been spent when it was admitted."""

    number: int
    score: float
    evaluations: int
    seconds: float
    micro_dollars: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The search state as of one event: `state` is what `save` was given, `elites` the archive."""

    as_of_event: int
    state: dict[str, Any]
    elites: tuple[Elite, ...]


async def save(connection: Connection, run: int, as_of_event: int, state: Mapping[str, Any], elites: Sequence[Elite]) -> None:
    """Write the search state (JSON) and the cells that changed since the last save."""
    raise NotImplementedError


async def load(connection: Connection, run: int) -> Snapshot | None:
    """Read the snapshot; None before the first save."""
    raise NotImplementedError


async def clear(connection: Connection, run: int, islands: Sequence[int]) -> None:
    """Empty the archives of these islands (of a reset, before the founder is saved)."""
    raise NotImplementedError


async def add_records(connection: Connection, run: int, records: Sequence[Record]) -> None:
    """Add steps to the best-so-far curve."""
    raise NotImplementedError


async def add_scored(connection: Connection, run: int, places: Sequence[tuple[int, int]]) -> None:
    """Give scored programs their places among all scored ones of the run: (place, number), places from 0 gapless."""
    raise NotImplementedError


async def scored(connection: Connection, run: int, places: Sequence[int]) -> dict[int, int]:
    """Numbers of the scored programs at these places: a uniform draw over all of them costs one index look-up."""
    raise NotImplementedError
