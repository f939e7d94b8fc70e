"""The newest events of runs, read and written out once for all who follow them.

However many follow a run, they go in `GROUPS` groups. For each its log is read once every `TICK_S`, and each stretch of it
is turned into text once. The groups' turns are spread over the tick: no turn is so long that other requests wait for it.
A follower that is new, or was too slow, reads what it missed from the database by itself, and then goes with its group.
"""

import asyncio
import itertools
import logging
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec

from database import events
from database.engine import Database
from database.errors import UNREADABLE, DatabaseError, NotFound, in_words
from database.events import StoredEvent
from server.recent import Recent

log = logging.getLogger(__name__)

TICK_S = 0.25
"""A follower gets at most one message in this time, once it has caught up."""
GROUPS = 5
"""With 1,000 followers on two cores, one turn for all kept other requests waiting for a fifth of a second."""
MOST_EVENTS = 500
"""Events in one message."""
_KEPT = 64
_SCORES = frozenset({"score", "parent_score", "gain"})
_KEYS = frozenset({"program", "evaluation"})
_RETRY_S = 1.0


def as_json(stored: StoredEvent, sign: float) -> dict[str, Any]:
    """An event as people get it: its own number and time, and its fields; scores are raw, `sign` times the recorded ones.

    The program that it tells of is named by its number in the run, `program`; keys of tables are left out.
    """
    told: dict[str, Any] = {"number": stored.number, "at": stored.at.isoformat(), "kind": stored.kind}
    for name, value in stored.fields.items():
        if name == "number":
            told["program"] = value
        elif name in _SCORES and value is not None:
            told[name] = sign * value
        elif name not in _KEYS:
            told[name] = value
    return told


@dataclass(frozen=True, slots=True)
class Message:
    """Consecutive events of one run, `first` to `last`, as one message of an event stream."""

    first: int
    last: int
    text: bytes


def message(found: Sequence[StoredEvent], sign: float) -> Message:
    """One message with all of `found`, which are consecutive and at least one."""
    first, last = found[0].number, found[-1].number
    data = msgspec.json.encode([as_json(one, sign) for one in found])
    return Message(first, last, b"id: %d\nevent: events\ndata: %s\n\n" % (last, data))


@dataclass(slots=True)
class _Feed:
    """One run, and a group that follows it. `news` is set, and replaced, whenever `recent` gets another message."""

    run: int
    group: "dict[int, _Feed]"
    sign: float
    newest: int
    followers: int = 0
    recent: deque[Message] = field(default_factory=lambda: deque[Message](maxlen=_KEPT))
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def after(self, number: int) -> Message | None:
        """The kept message that begins right behind event `number`."""
        return next((one for one in self.recent if one.first == number + 1), None)

    def tell(self) -> None:
        """Wake all who wait."""
        self.news.set()
        self.news = asyncio.Event()


class EventFeed:
    """Follows the logs of runs for one serving process."""

    def __init__(self, database: Database, recent: Recent) -> None:
        self._database = database
        self._recent = recent
        self._feeds: list[dict[int, _Feed]] = [{} for _ in range(GROUPS)]
        self._next = itertools.cycle(self._feeds)
        self._wanted = asyncio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Within the block logs are followed."""
        tasks = [asyncio.create_task(self._follow(group, place * TICK_S / GROUPS)) for place, group in enumerate(self._feeds)]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def messages(self, run: int, after: int | None, lasts_s: float) -> AsyncGenerator[bytes]:
        """The log of a run from behind event `after` (None: from now on), for `lasts_s` seconds, as messages of a stream.

        Raises:
            NotFound: no such run.
            DatabaseError: the log cannot be read; begin anew behind the last event that came.
        """
        loop = asyncio.get_running_loop()
        ends = loop.time() + lasts_s
        feed = await self._joined(run)
        after = feed.newest if after is None else after
        # One timer for all of it, and not one for each message; it may come a little early.
        timer = loop.call_at(ends + 0.1, feed.tell)
        try:
            while loop.time() < ends:
                news = feed.news
                found = feed.after(after)
                if found is None and feed.newest > after:
                    found = await self._read(feed, after, feed.newest)
                if found is None:
                    await news.wait()
                    continue
                after = found.last
                yield found.text
        finally:
            timer.cancel()
            self._left(feed)

    async def _joined(self, run: int) -> _Feed:
        group = next(self._next)
        if run not in group:
            facts = await self._recent.facts(run)
            async with self._database.begin() as connection:
                newest = await events.newest(connection, [run])
            if facts is None:
                raise NotFound(f"there is no run {run}")
            group.setdefault(run, _Feed(run, group, facts.sign, newest[run]))
        feed = group[run]
        feed.followers += 1
        self._wanted.set()
        return feed

    def _left(self, feed: _Feed) -> None:
        feed.followers -= 1
        if feed.followers == 0 and feed.group.get(feed.run) is feed:
            del feed.group[feed.run]

    async def _read(self, feed: _Feed, after: int, until: int) -> Message | None:
        """The events from behind `after` up to `until`, or the first of them.

        Nothing beyond: so whoever reads by itself ends where one of the messages for all begins.
        """
        async with self._database.begin() as connection:
            found = await events.read_stored(connection, feed.run, after, min(MOST_EVENTS, until - after))
        return message(found, feed.sign) if found else None

    async def _follow(self, group: dict[int, _Feed], later_s: float) -> None:
        """Serve one group, `later_s` after the first one, for ever."""
        loop = asyncio.get_running_loop()
        while True:
            if not group:
                self._wanted.clear()
                await self._wanted.wait()
                await asyncio.sleep(later_s)
            began = loop.time()
            try:
                await self._look(group)
            except (DatabaseError, *UNREADABLE) as error:
                # Whatever it is: who follows must not wait for somebody who gave up.
                log.warning("events are not followed for %s s: %s", _RETRY_S, in_words(error))
                await asyncio.sleep(_RETRY_S)
            await asyncio.sleep(max(0.0, began + TICK_S - loop.time()))

    async def _look(self, group: dict[int, _Feed]) -> None:
        """Read what is new in all runs that a group follows."""
        if not group:
            return
        async with self._database.begin() as connection:
            newest = await events.newest(connection, list(group))
        for run, number in newest.items():
            feed = group.get(run)
            if feed is None or number <= feed.newest:
                continue
            found = await self._read(feed, feed.newest, number)
            if found is not None:
                feed.recent.append(found)
                feed.newest = found.last
                feed.tell()
