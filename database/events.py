"""The log of a run, written by its controller only, numbered from 1 without gaps."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from database.engine import Connection
from evolution.events import Event


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """An event with its number and the start of the transaction that wrote it."""

    number: int
    at: datetime
    event: Event


async def append(connection: Connection, run: int, after: int, events: Sequence[Event]) -> int:
    """Write `events` behind event `after`, the newest one of the run; returns the number of the last one written.

    Call it under `runs.lock_for_pass`.

    Raises:
        EventGap: `after` is not the newest event.
    """
    raise NotImplementedError


async def read(connection: Connection, run: int, after: int = 0, limit: int = 10_000) -> list[LoggedEvent]:
    """Events with numbers above `after`, in order, at most `limit`: call again with the last number until none comes."""
    raise NotImplementedError
