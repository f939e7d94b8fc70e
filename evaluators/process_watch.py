"""A candidate's processes, measured from outside: processor time, resident memory, number."""

import os
import time
from pathlib import Path

from evaluators.harness.galapagos_family import family

_PAGE = os.sysconf("SC_PAGE_SIZE")
_MIB = 1 << 20


def pid_of(pidfd: int) -> int:
    """The process behind a pidfd as numbered here; -1 when it is gone."""
    for line in Path(f"/proc/self/fdinfo/{pidfd}").read_text("ascii").splitlines():
        if line.startswith("Pid:"):
            return int(line.split()[1])
    return -1


def resident_mib(pids: list[int]) -> float:
    """Memory that these processes hold for themselves, the pages of files not counted."""
    total = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/statm").read_text("ascii").split()
        except OSError:
            continue
        total += int(fields[1]) - int(fields[2])
    return total * _PAGE / _MIB


def tasks(pids: list[int]) -> int:
    """How many threads these processes have together."""
    count = 0
    for pid in pids:
        try:
            count += sum(1 for _ in Path(f"/proc/{pid}/task").iterdir())
        except OSError:
            continue
    return count


class CpuClock:
    """Processor seconds of a family of processes between two readings, so that none can work unseen.

    The family must have been sealed (no new processes or threads); what runs in it is counted until `stop`. One that
    ends in between takes its last reading with it, and is charged the wall time since `start` instead.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._before: dict[int, float] = {}
        self._started = 0.0

    def start(self) -> float:
        """Note the family's clocks; returns 0.0, or -1.0 if the candidate is gone."""
        self._started = time.monotonic()
        self._before = {pid: seconds for pid in family(self._pid) if (seconds := _cpu_seconds(pid)) is not None}
        return 0.0 if self._pid in self._before else -1.0

    def stop(self) -> float:
        """Processor seconds since `start`; -1.0 if the candidate is gone."""
        after = {pid: _cpu_seconds(pid) for pid in self._before}
        if after.get(self._pid) is None:
            return -1.0
        elapsed = time.monotonic() - self._started
        return sum(elapsed if now is None else now - self._before[pid] for pid, now in after.items())


def _cpu_seconds(pid: int) -> float | None:
    try:
        # The kernel's number for "processor clock of the whole process pid".
        return time.clock_gettime((~pid << 3) | 2)
    except OSError:
        return None
