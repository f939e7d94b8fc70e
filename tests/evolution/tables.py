"""What the database keeps of a simulated run, derived from its log alone."""

import json
from typing import Any

from evolution.archive import Elite
from evolution.events import Admitted, Cell, Event
from evolution.snapshot import restore, snapshot
from evolution.state import SearchState
from tests.evolution.simulation import AXES, Run


class Tables:
    """Kept like the controller does it: drained cells, the snapshot as JSON text, scored programs in order."""

    def __init__(self) -> None:
        self.elites: dict[tuple[int, Cell], Elite] = {}
        self.valid: list[tuple[int, int, float]] = []
        self.stored = ""
        self._seen = 0

    def save(self, run: Run) -> None:
        for key, elite in run.state.drain().items():
            if elite is None:
                del self.elites[key]
            else:
                self.elites[key] = elite
        self.valid += valid_of(run.log[self._seen :], run)
        self._seen = len(run.log)
        self.stored = json.dumps(snapshot(run.state))

    def load(self, run: Run) -> SearchState:
        stored: dict[str, Any] = json.loads(self.stored)
        rows = [(island, cell, elite) for (island, cell), elite in reversed(self.elites.items())]
        return restore(run.config, AXES, run.seed, stored, rows, self.valid)


def valid_of(events: list[Event], run: Run) -> list[tuple[int, int, float]]:
    islands = {event.number: event.island for event in run.proposed}
    return [
        (event.number, islands.get(event.number, 0), event.score)
        for event in events
        if isinstance(event, Admitted) and event.score is not None
    ]
