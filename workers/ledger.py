"""The money of model calls under way in this process, written for many calls in one transaction.

All calls of a run book on one account row. If each had a transaction of its own they would wait for one another's flush
to disk; so whoever comes while a transaction is under way is served, together with all others, by the next one.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from database import completions
from database.completions import Decision, NewCall, Reservation, Settlement
from database.endpoints import Wait
from database.engine import Database
from database.errors import DatabaseUnavailable

LONGEST_S = 15.0
"""So often who waits for an endpoint asks anew, so that a lease that was lost meanwhile does not go unnoticed."""
_Entry = TypeVar("_Entry")
_Result = TypeVar("_Result")


@dataclass(slots=True, eq=False)
class _Waiting(Generic[_Entry, _Result]):
    entry: _Entry
    results: list[_Result] = field(default_factory=list[_Result])
    failed: DatabaseUnavailable | None = None

    @property
    def done(self) -> bool:
        return bool(self.results) or self.failed is not None

    @property
    def result(self) -> _Result:
        if self.failed is not None:
            raise self.failed
        return self.results[0]


class Ledger:
    """Reserves and settles model calls; both return only when what was written is committed."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._reserving: list[_Waiting[NewCall, Reservation]] = []
        self._settling: list[_Waiting[Settlement, int | None]] = []
        self._turn = asyncio.Lock()
        self._settled = asyncio.Event()
        self.held_up: Counter[str] = Counter()
        """Calls that wait until their endpoint may be called, by model."""

    async def reserve(self, call: NewCall) -> Decision:
        """Set money aside for a call, as soon as its endpoint may be called: see `completions.book`.

        Raises:
            DatabaseUnavailable: nothing is set aside, or it is settled when the lease is lost.
        """
        while True:
            # Before the question: what is settled while it is asked is not to be missed.
            settled = self._settled
            reserved = await self._reserved(call)
            if not isinstance(reserved, Wait):
                return reserved
            self.held_up[call.model] += 1
            try:
                await _elapsed(reserved, settled)
            finally:
                self.held_up[call.model] -= 1

    async def _reserved(self, call: NewCall) -> Reservation:
        waiting: _Waiting[NewCall, Reservation] = _Waiting(call)
        self._reserving.append(waiting)
        try:
            await self._served(waiting)
        finally:
            self._forget_done(waiting)
        return waiting.result

    async def settle(self, settlement: Settlement) -> None:
        """Store what a call brought and book what it cost: see `completions.book`.

        Raises:
            DatabaseUnavailable: do it again; settling twice books once.
        """
        waiting: _Waiting[Settlement, int | None] = _Waiting(settlement)
        self._settling.append(waiting)
        try:
            await self._served(waiting)
        finally:
            self._forget_done(waiting)
        if waiting.failed is not None:
            raise waiting.failed

    async def _served(self, waiting: "_Waiting[NewCall, Reservation] | _Waiting[Settlement, int | None]") -> None:
        async with self._turn:
            if not waiting.done:
                await self._write_all()

    def _forget_done(self, gone: object) -> None:
        self._reserving = [one for one in self._reserving if one is not gone and not one.done]
        self._settling = [one for one in self._settling if one is not gone and not one.done]

    async def _write_all(self) -> None:
        """One transaction for all that wait. Money that is freed can be reserved by the same one."""
        reserving, settling = list(self._reserving), list(self._settling)
        try:
            async with self._database.begin() as connection:
                settled, reserved = await completions.book(connection, _entries(settling), _entries(reserving))
        except DatabaseUnavailable as error:
            for one in (*reserving, *settling):
                one.failed = error
            return
        for waiting, result in zip(settling, settled, strict=True):
            waiting.results.append(result)
        for waiting, reservation in zip(reserving, reserved, strict=True):
            waiting.results.append(reservation)
        if settling:
            self._settled.set()
            self._settled = asyncio.Event()


async def _elapsed(wait: Wait, settled: asyncio.Event) -> None:
    """Return when it is worth asking again; `settled` is set when calls of this process end."""
    seconds = min(wait.seconds, LONGEST_S)
    if not wait.full:
        await asyncio.sleep(seconds)
        return
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(settled.wait(), seconds)


def _entries(waiting: Sequence[_Waiting[_Entry, _Result]]) -> list[_Entry]:
    return [one.entry for one in waiting]
