"""What a serving process need not ask the database again for every request."""

import time
from collections import OrderedDict
from hashlib import sha256

from database import people, runs
from database.engine import Database
from database.people import Caller
from database.runs import Facts

FRESH_S = 1.0
"""A token that is revoked, and a role that is taken away, may work for so long still."""
_MOST = 10_000


class Recent:
    """Callers by their tokens, for `FRESH_S`; and what never changes of runs, for as long as there is room."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # By hash: a token is nowhere in memory longer than its request.
        self._callers: OrderedDict[bytes, tuple[float, Caller]] = OrderedDict()
        self._facts: OrderedDict[int, Facts] = OrderedDict()

    async def caller(self, token: str) -> Caller | None:
        """Who stands behind a token; None if nobody does."""
        key, now = sha256(token.encode(errors="replace")).digest(), time.monotonic()
        known = self._callers.get(key)
        if known is not None and now - known[0] < FRESH_S:
            return known[1]
        async with self._database.begin() as connection:
            found = await people.identify(connection, token)
        if found is None:
            self._callers.pop(key, None)
        else:
            self._callers[key] = (now, found)
            _shorten(self._callers)
        return found

    async def facts(self, run: int) -> Facts | None:
        """What never changes of a run; None if there is no such run."""
        if run not in self._facts:
            async with self._database.begin() as connection:
                found = await runs.facts(connection, run)
            if found is None:
                return None
            self._facts[run] = found
            _shorten(self._facts)
        return self._facts[run]


def _shorten(remembered: OrderedDict[bytes, tuple[float, Caller]] | OrderedDict[int, Facts]) -> None:
    while len(remembered) > _MOST:
        remembered.popitem(last=False)
