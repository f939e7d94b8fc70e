"""What one pass has decided so far."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from controller.active_run import ActiveRun
from database.allowances import CountedLimit
from database.commands import Settled
from database.engine import Connection
from database.run_rows import RunRow
from evolution.events import Event
from evolution.run import StopReason

SomeEvent = TypeVar("SomeEvent", bound=Event)


@dataclass(slots=True)
class Pass:
    """What one pass has decided so far, to be written at its end.

    `gpu_used` are milliseconds for which GPUs were held for what it took in, `unpaid` the programs whose verification it
    asked for though there are too few left.
    """

    connection: Connection
    run: ActiveRun
    row: RunRow
    first_event: int
    log: list[Event] = field(default_factory=list[Event])
    closed: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    scored: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    verified: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    stopped: tuple[StopReason, str] | None = None
    commands: list[Settled] = field(default_factory=list[Settled])
    waiting: int = 0
    limits: Sequence[CountedLimit] = ()
    gpu_used: int = 0
    unpaid: list[int] = field(default_factory=list[int])

    def note(self, made: list[Event]) -> int:
        """Take events that are applied to the state already; returns the number of the first of them in the log."""
        number = self.first_event + len(self.log)
        self.log.extend(made)
        return number

    def of_kind(self, kind: type[SomeEvent]) -> list[tuple[int, SomeEvent]]:
        """The events of one kind with their numbers."""
        return [(self.first_event + place, event) for place, event in enumerate(self.log) if isinstance(event, kind)]
