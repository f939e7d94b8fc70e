"""Claimed evaluations that wait for a slot, and the rule by which a slot chooses among them."""

import asyncio
from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from database.evaluations import ClaimedEvaluation

KEEP_S = 10.0
"""So long a slot stays with its problem while evaluations of others wait."""
HELP_AFTER_S = 0.25
"""So long a slot without work waits before it changes to a problem that other slots already serve."""


@dataclass(slots=True)
class Binding:
    """The problem revision that a slot is open for, None for a closed one, since when, and idle since when (loop time)."""

    revision: str | None
    since: float
    idle_since: float


class Waiting:
    """Evaluations by problem revision, oldest first."""

    def __init__(self) -> None:
        self._rows: dict[str, deque[ClaimedEvaluation]] = {}
        self._arrival = asyncio.Event()

    def __len__(self) -> int:
        return sum(map(len, self._rows.values()))

    def add(self, rows: Iterable[ClaimedEvaluation]) -> None:
        """Let these wait behind those that are already here, and wake the slots."""
        for row in rows:
            self._rows.setdefault(row.problem, deque()).append(row)
        self.wake()

    def drop(self, ids: Collection[int]) -> None:
        """Forget evaluations that others own by now."""
        for revision, rows in list(self._rows.items()):
            kept = deque(row for row in rows if row.lease.id not in ids)
            if kept:
                self._rows[revision] = kept
            else:
                del self._rows[revision]

    def wake(self) -> None:
        """Let every slot that waits for work look up."""
        self._arrival.set()

    def take(self, slot: Binding, now: float, served: Collection[str]) -> ClaimedEvaluation | None:
        """The next evaluation for a slot; None means that it should wait for `arrival`.

        A slot keeps its problem while there is work of it, but not beyond `KEEP_S` if others wait that no slot
        serves; without work it changes to those at once, and to problems in `served` only after a short wait,
        since opening a sandbox costs far more than one evaluation.
        """
        others = [revision for revision in self._rows if revision != slot.revision]
        unserved = [revision for revision in others if revision not in served]
        if slot.revision in self._rows and not (unserved and now - slot.since > KEEP_S):
            return self._pop(slot.revision)
        if unserved:
            return self._pop(unserved[0])
        if others and (slot.revision is None or now - slot.idle_since > HELP_AFTER_S):
            return self._pop(others[0])
        return None

    async def arrival(self) -> None:
        """Wait until something was added, or until it is time to look again."""
        self._arrival.clear()
        try:
            async with asyncio.timeout(HELP_AFTER_S if self._rows else None):
                await self._arrival.wait()
        except TimeoutError:
            return

    def _pop(self, revision: str) -> ClaimedEvaluation:
        rows = self._rows[revision]
        row = rows.popleft()
        if not rows:
            del self._rows[revision]
        return row
