"""The money of model calls under way in this process, written for many calls in one transaction.

All calls of a run book on one account row. If each had a transaction of its own they would wait for one another's flush
to disk; so whoever comes while a transaction is under way is served, together with all others, by the next one.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from database import completions
from database.completions import OverBudget
from database.engine import Connection, Database
from database.errors import DatabaseUnavailable
from database.proposals import ClaimedProposal, LeaseLost

Reservation = int | OverBudget | LeaseLost
_T = TypeVar("_T")


@dataclass(slots=True)
class _Entry(Generic[_T]):
    # Transactions that touch several runs lock their accounts in this order, so that they cannot wait in a circle.
    order: tuple[int, int]
    write: Callable[[Connection], Awaitable[_T]]
    written: list[_T]
    failed: DatabaseUnavailable | None = None


class Ledger:
    """Reserves and settles model calls; every method returns only when what it wrote is committed."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: list[_Entry[Any]] = []
        self._turn = asyncio.Lock()

    async def reserve(
        self, claimed: ClaimedProposal, *, model: str, template: str, prompt: str, micro_dollars: int
    ) -> Reservation:
        """Set money aside for a call: see `completions.reserve`.

        Raises:
            DatabaseUnavailable: nothing is set aside, or it is settled when the lease is lost.
        """

        async def write(connection: Connection) -> Reservation:
            return await completions.reserve(
                connection, claimed, model=model, template=template, prompt=prompt, micro_dollars=micro_dollars
            )

        return await self._written(_Entry((claimed.run, claimed.lease.id), write, []))

    async def settle(
        self,
        claimed: ClaimedProposal,
        completion: int,
        *,
        answer: str | None,
        failure: str | None,
        finish_reason: str | None,
        tokens: tuple[int, int],
        micro_dollars: int,
        latency_s: float,
    ) -> None:
        """Store what a call brought and book what it cost: see `completions.settle`.

        Raises:
            DatabaseUnavailable: do it again; settling twice books once.
        """

        async def write(connection: Connection) -> int | None:
            return await completions.settle(
                connection,
                completion,
                answer=answer,
                failure=failure,
                finish_reason=finish_reason,
                tokens_in=tokens[0],
                tokens_out=tokens[1],
                micro_dollars=micro_dollars,
                latency_s=latency_s,
            )

        await self._written(_Entry((claimed.run, claimed.lease.id), write, []))

    async def _written(self, entry: _Entry[_T]) -> _T:
        self._waiting.append(entry)
        try:
            async with self._turn:
                if not entry.written and entry.failed is None:
                    await self._write_all()
        finally:
            if entry in self._waiting:
                self._waiting.remove(entry)
        if entry.failed is not None:
            raise entry.failed
        return entry.written[0]

    async def _write_all(self) -> None:
        """One transaction for all that wait. If it fails through one of them, the others do it again without that one."""
        entries = sorted(self._waiting, key=lambda entry: entry.order)
        try:
            async with self._database.begin() as connection:
                results = [await entry.write(connection) for entry in entries]
        except DatabaseUnavailable as error:
            for entry in entries:
                entry.failed = error
        else:
            for entry, result in zip(entries, results, strict=True):
                entry.written.append(result)
        self._waiting = [entry for entry in self._waiting if not entry.written and entry.failed is None]
