"""Batched calls in the candidate's process: arguments lie ready in shared memory, and a request names a range of them."""

import mmap
import os
import socket
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from galapagos_slots import EMPTY_STRIDE, SHARE, WRITTEN, Layout, arguments_of

Bind = Callable[[str, Sequence[Any]], Callable[[], object]]


class Batch:
    """Answers the two requests of `galapagos_slots`; `bind` makes a call of a function of the program ready."""

    def __init__(self, stream: socket.socket, bind: Bind) -> None:
        self._stream = stream
        self._bind = bind
        self._calls: list[Callable[[], object]] = []
        self._returns = True

    def answer(self, request: str, arguments: Sequence[Any]) -> Callable[[], object]:
        """What does as the request says when it is called."""
        return partial(self._share, *arguments) if request == SHARE else partial(self._run, *arguments)

    def _share(self, function: str, layout: Layout) -> None:
        _, descriptors, _, _ = socket.recv_fds(self._stream, 1, 2)
        protections = (mmap.PROT_READ, mmap.PROT_READ | mmap.PROT_WRITE)
        flags = mmap.MAP_SHARED | mmap.MAP_POPULATE
        areas: list[mmap.mmap] = []
        for descriptor, protection in zip(descriptors, protections, strict=True):
            areas.append(mmap.mmap(descriptor, os.fstat(descriptor).st_size, flags=flags, prot=protection))
            os.close(descriptor)
        sets = [arguments_of(layout, slot, areas) for slot in range(layout["slots"])]
        self._returns = not layout["strides"][WRITTEN] > EMPTY_STRIDE
        self._calls = [self._bind(function, arguments) for arguments in sets]

    def _run(self, first: int, count: int) -> list[object] | None:
        calls = self._calls
        results = [calls[(first + index) % len(calls)]() for index in range(count)]
        return results if self._returns else None
