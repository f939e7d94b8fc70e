"""The end of a candidate, and two places for its box: while one dies in the one, the next starts in the other."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from evaluators.box import PATIENCE_S, Box, BoxLost, Ended, Fork
from evaluators.sandbox import SandboxUnavailable

log = logging.getLogger(__name__)

SOON_S = 0.01
"""So long the end of a killed candidate is waited for; most end sooner, those with much memory or many processes later."""
LONG_S = 0.1
"""A killed candidate that takes longer to end is worth the memory of a spare box, which takes about as long to start."""
_PLACES = 2


async def kill(*forks: Fork) -> list[Ended]:
    """End these processes and wait until nothing of them is left.

    Raises:
        BoxLost, TimeoutError: a box did not confirm it.
    """
    async with asyncio.timeout(PATIENCE_S):
        for fork in forks:
            await fork.stop()
        return [await fork.ended for fork in forks]


async def end_soon(candidate: Fork, judge: Fork) -> Ended | None:
    """End both, the judge for good. None if the candidate, which was killed, is not gone yet.

    Raises:
        BoxLost, TimeoutError: a box did not confirm it.
    """
    async with asyncio.timeout(PATIENCE_S):
        for fork in (candidate, judge):
            await fork.stop()
        await judge.ended
    await asyncio.wait({candidate.ended}, timeout=SOON_S)
    return candidate.ended.result() if candidate.ended.done() else None


class CandidateBoxes:
    """The boxes in which a slot's candidates run, one candidate at a time.

    `make` describes the box of place 0 or 1, not yet started; `clean` removes from outside what its last candidate wrote.
    The second box is started when a candidate first takes long to end, so runs without such candidates never pay for it.
    """

    def __init__(self, make: Callable[[int], Box], clean: Callable[[int], Awaitable[None]]) -> None:
        self._make = make
        self._clean = clean
        self._boxes: list[Box | None] = [None] * _PLACES
        self._work: list[asyncio.Task[None] | None] = [None] * _PLACES
        self._current = 0

    async def ready(self) -> Box:
        """A warm box in which nobody is.

        Raises:
            SandboxUnavailable: none could be started.
        """
        while True:
            places = sorted(range(_PLACES), key=lambda place: place != self._current)
            for place in places:
                box = self._boxes[place]
                if self._work[place] is None and box is not None and box.alive:
                    self._current = place
                    return box
            if all(work is None for work in self._work):
                await self._open(self._current)
                continue
            await asyncio.wait([work for work in self._work if work is not None], return_when=asyncio.FIRST_COMPLETED)

    async def leave(self) -> None:
        """The candidate of the current box is to be gone: clean up after it, aside if it is not gone yet.

        Raises:
            OSError: what it wrote could not be removed.
        """
        place, box = self._current, self._boxes[self._current]
        if box is None or not box.occupied:
            await self._clean(place)
            return
        cleared = self._aside(place, self._clear(place, box))
        other = 1 - place
        spare = self._boxes[other]
        if self._work[other] is None and (spare is None or not spare.alive):
            self._aside(other, self._open_spare(other, cleared))

    def _aside(self, place: int, work: Awaitable[None]) -> asyncio.Future[None]:
        task = asyncio.ensure_future(work)
        self._work[place] = task

        def done(ended: asyncio.Task[None]) -> None:
            if self._work[place] is ended:
                self._work[place] = None

        task.add_done_callback(done)
        return task

    async def _clear(self, place: int, box: Box) -> None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                await box.emptied()
            await self._clean(place)
        except (BoxLost, TimeoutError, OSError) as error:
            log.warning("a box could not be emptied of a candidate, so it is made anew: %s", error or "it did not end")
            await box.close()

    async def _open_spare(self, place: int, cleared: asyncio.Future[None]) -> None:
        await asyncio.wait({cleared}, timeout=LONG_S)
        if cleared.done():
            return
        try:
            await self._open(place)
        except (SandboxUnavailable, OSError) as error:
            log.warning("a slot goes on without a spare box: %s", error)

    async def _open(self, place: int) -> None:
        old = self._boxes[place]
        if old is not None:
            await old.close()
        self._boxes[place] = box = self._make(place)
        await box.start()

    async def close(self) -> None:
        """End both boxes and whatever was going on in them."""
        tasks = [task for task in self._work if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(box.close() for box in self._boxes if box is not None))
        self._boxes = [None] * _PLACES
        self._current = 0
