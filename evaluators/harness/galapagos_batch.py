"""Batched calls in the candidate's process: arguments lie ready in shared memory, and a request names a range of them."""

import mmap
import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from galapagos_slots import EMPTY_STRIDE, SHARE, WRITTEN, Layout, arguments_of
from galapagos_wire import Wire

Bind = Callable[[str, Sequence[Any]], Callable[[], object]]


class Batch:
    """Answers the two requests of `galapagos_slots`; `bind` makes a call of a function of the program ready."""

    def __init__(self, wire: Wire, bind: Bind) -> None:
        self._wire = wire
        self._bind = bind
        self._expected = False
        self._descriptors: list[int] = []
        self._prepare: Callable[[], None] = _nothing
        self._calls: list[Callable[[], object]] = []
        self._returns = True

    def bind(self, request: str, arguments: Sequence[Any]) -> Callable[[], object]:
        """What does as the request says when it is called."""
        return partial(self._share, *arguments) if request == SHARE else partial(self._run, *arguments)

    def take_memory(self) -> None:
        """Take the descriptors that follow the answer to a request to share."""
        if self._expected:
            self._expected = False
            self._descriptors = self._wire.take_over(2)

    def _share(self, function: str, layout: Layout) -> None:
        self._expected = True
        self._prepare = partial(self._lay_ready, function, layout)

    def _lay_ready(self, function: str, layout: Layout) -> None:
        self._prepare = _nothing
        flags = mmap.MAP_SHARED | mmap.MAP_POPULATE
        areas: list[mmap.mmap] = []
        for descriptor, protection in zip(self._descriptors, (mmap.PROT_READ, mmap.PROT_READ | mmap.PROT_WRITE), strict=True):
            areas.append(mmap.mmap(descriptor, os.fstat(descriptor).st_size, flags=flags, prot=protection))
            os.close(descriptor)
        self._returns = layout["strides"][WRITTEN] == EMPTY_STRIDE
        self._calls = [self._bind(function, arguments_of(layout, slot, areas)) for slot in range(layout["slots"])]

    def _run(self, first: int, count: int) -> list[object] | None:
        self._prepare()
        calls = self._calls
        results = [calls[(first + index) % len(calls)]() for index in range(count)]
        return results if self._returns else None


def _nothing() -> None:
    return None
