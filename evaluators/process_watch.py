"""A candidate's processes, measured from outside: processor time, memory, number, files."""

import os
import time
from collections.abc import Iterable, Iterator, Mapping
from math import inf
from pathlib import Path
from typing import NamedTuple

from evaluators.harness.galapagos_watch import held

_MIB = 1 << 20
_BLOCK = 512
_DEEPEST = 32


class Look(NamedTuple):
    """What a candidate's processes hold together: MiB of memory, threads, and MiB of files where somebody has to count."""

    memory_mib: float
    tasks: int
    files_mib: float


MOST_FILES = 1024
"""As many as a candidate's own file system has room for in tier namespaces."""


def look(pids: Iterable[int], counted: Path | None) -> Look:
    """Look at these processes now, and at the files below `counted`."""
    members = list(pids)
    memory_mib, tasks = held(members)
    return Look(memory_mib, tasks, 0.0 if counted is None else files_mib(counted, members, MOST_FILES))


def files_mib(folder: Path, pids: Iterable[int], most: int) -> float:
    """MiB on disk of the files below `folder` and of those that the processes hold open though they have no name.

    Infinite if there are more than `most` of them, or folders too deep or closed to us; the search goes no further.
    """
    device = folder.stat().st_dev
    kept = [size for pid in pids for size in _nameless(pid, device)]
    total, count, waiting = sum(kept), len(kept), [(str(folder), 0)]
    while waiting:
        place, depth = waiting.pop()
        try:
            with os.scandir(place) as entries:
                for entry in entries:
                    count += 1
                    if count > most or depth > _DEEPEST:
                        return inf
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append((entry.path, depth + 1))
                    total += entry.stat(follow_symlinks=False).st_blocks
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:
            # Nobody needs a folder that its owner cannot read, but to hide something.
            return inf
    return total * _BLOCK / _MIB


def _nameless(pid: int, device: int) -> Iterator[int]:
    """The blocks of each deleted file on the device that the process has open."""
    try:
        descriptors = os.listdir(f"/proc/{pid}/fd")  # noqa: PTH208 - twenty times a second
    except OSError:
        return
    for descriptor in descriptors:
        try:
            status = os.stat(f"/proc/{pid}/fd/{descriptor}")  # noqa: PTH116 - as above
        except OSError:
            continue
        if status.st_nlink == 0 and status.st_dev == device:
            yield status.st_blocks


def pid_of(pidfd: int) -> int:
    """The process behind a pidfd as numbered here; -1 when it is gone."""
    for line in Path(f"/proc/self/fdinfo/{pidfd}").read_text("ascii").splitlines():
        if line.startswith("Pid:"):
            return int(line.split()[1])
    return -1


class CpuClock:
    """Processor seconds of a family of processes between two readings, so that none can work unseen.

    The family must have been sealed (no new processes or threads); what runs in it is counted until `stop`. One that
    ends in between takes its last reading with it, and is charged the wall time since `start` instead. A reading maps
    each process that lives to its processor seconds so far.
    """

    def __init__(self) -> None:
        self._pid = -1
        self._before: Mapping[int, float] = {}
        self._started = 0.0

    @property
    def family(self) -> tuple[int, ...]:
        """Who is measured: those of the reading at the start."""
        return tuple(self._before)

    def start(self, pid: int, reading: Mapping[int, float]) -> float:
        """Note the clocks of the family of `pid`; returns 0.0, or -1.0 if the candidate is gone."""
        self._pid, self._before, self._started = pid, reading, time.monotonic()
        return 0.0 if pid in reading else -1.0

    def stop(self, reading: Mapping[int, float]) -> float:
        """Processor seconds since `start`; -1.0 if the candidate is gone."""
        if self._pid not in reading:
            return -1.0
        elapsed = time.monotonic() - self._started
        return sum(reading[pid] - spent if pid in reading else elapsed for pid, spent in self._before.items())
