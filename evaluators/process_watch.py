"""A candidate's processes, measured from outside: processor time, resident memory, number."""

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from evaluators.harness.galapagos_watch import resident_mib, tasks


class Look(NamedTuple):
    """What a candidate's processes hold together: MiB of resident memory, and threads."""

    memory_mib: float
    tasks: int


def look(pids: Iterable[int]) -> Look:
    """Look at these processes now."""
    members = list(pids)
    return Look(resident_mib(members), tasks(members))


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
