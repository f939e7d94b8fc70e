"""What /proc and the kernel's clocks tell of other processes: processor time, resident memory, number of threads."""

import os
import time
from collections.abc import Iterable

_PAGE = os.sysconf("SC_PAGE_SIZE")
_MIB = 1 << 20


def clocks(pids: Iterable[int]) -> dict[int, float]:
    """Processor seconds so far of each of these processes that still lives, its ended threads included."""
    found: dict[int, float] = {}
    for pid in pids:
        try:
            # The kernel's number for "processor clock of the whole process pid".
            found[pid] = time.clock_gettime((~pid << 3) | 2)
        except OSError:
            continue
    return found


def resident_mib(pids: Iterable[int]) -> float:
    """Memory that these processes hold for themselves, the pages of files not counted."""
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/statm", "rb") as file:  # noqa: PTH123 - pathlib would be one more import in zygotes
                fields = file.read().split()
        except OSError:
            continue
        total += int(fields[1]) - int(fields[2])
    return total * _PAGE / _MIB


def tasks(pids: Iterable[int]) -> int:
    """How many threads these processes have together."""
    count = 0
    for pid in pids:
        try:
            count += len(os.listdir(f"/proc/{pid}/task"))  # noqa: PTH208 - as above
        except OSError:
            continue
    return count
