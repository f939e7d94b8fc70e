"""The memory file through which the large arrays of one evaluation cross, in both directions.

The launcher makes one for each evaluation and hands it to judge and candidate; neither can make another. So a candidate
can hold no more memory by it than its size, whatever it keeps, and all of it goes when both processes are gone. Its
size is sealed: nobody who has mapped it can have it cut off below his feet. Its contents are copied before anything is
checked, so that what was checked is what is used, whoever writes on.
"""

import errno
import fcntl
import mmap
import os
import stat
from collections.abc import Sequence
from typing import Any

import numpy as np

Buffer = bytes | bytearray | memoryview
SIZE = 64 << 20
_SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
_STEP = 1 << 16


class NotSealed(RuntimeError):
    """What should be the memory file is not one of this size and with these seals: the machine's fault."""


def sealed_memory(name: str, size: int) -> int:
    """A descriptor of fresh memory of `size` bytes, all zero, that nobody can make larger or smaller."""
    descriptor = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(descriptor, size)
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _SEALS)
    return descriptor


def held_mib(descriptor: int) -> float:
    """MiB of memory that a memory file holds."""
    return os.fstat(descriptor).st_blocks * 512 / (1 << 20)


class MemoryFile:
    """One end's view of the memory file; nothing is looked at or mapped before the first large array."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._mapped: mmap.mmap | None = None

    def put(self, parts: Sequence[Buffer], length: int) -> None:
        """Write `parts`, of `length` bytes together, from the start of the file on.

        Raises:
            NotSealed: it is no such file.
            MemoryError: there is no room to map it.
        """
        mapped = self._map(length)
        place = 0
        for part in parts:
            mapped[place : place + len(part)] = part
            place += len(part)

    def take(self, length: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
        """A copy of the first `length` bytes, at most `SIZE`; raises as `put` does."""
        mapped = self._map(length)
        copy = np.empty(length, np.uint8)
        copy[:] = np.frombuffer(mapped, np.uint8, length)
        return copy

    def _map(self, length: int) -> mmap.mmap:
        if self._mapped is not None:
            if len(self._mapped) >= length:
                return self._mapped
            self._mapped.close()
            self._mapped = None
        _check(self._descriptor)
        size = -(-length // _STEP) * _STEP
        try:
            self._mapped = mmap.mmap(self._descriptor, size, mmap.MAP_SHARED | mmap.MAP_POPULATE)
        except OSError as error:
            if error.errno == errno.ENOMEM:
                raise MemoryError(f"expected room to map {size} bytes for the arrays of a message; there is none") from None
            raise
        return self._mapped


def _check(descriptor: int) -> None:
    try:
        status = os.fstat(descriptor)
        seals = fcntl.fcntl(descriptor, fcntl.F_GET_SEALS)
    except OSError as error:
        raise NotSealed(f"expected a memory file with seals at descriptor {descriptor}; got: {error}") from None
    if not stat.S_ISREG(status.st_mode) or status.st_size != SIZE or seals != _SEALS:
        raise NotSealed(
            f"expected a memory file of {SIZE} bytes with the seals {_SEALS:#x} at descriptor {descriptor}; "
            f"got {status.st_size} bytes and {seals:#x}"
        )
