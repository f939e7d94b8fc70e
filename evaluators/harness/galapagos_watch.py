"""What /proc and the kernel's clocks tell of other processes: processor time, memory, number of threads."""

import time
from collections.abc import Iterable

_HELD = (b"RssAnon:", b"VmSwap:", b"HugetlbPages:")


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


def held(pids: Iterable[int]) -> tuple[float, int]:
    """MiB of memory that these processes hold for themselves (swapped out or not, the pages of files not counted), threads."""
    kib = tasks = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/status", "rb") as file:  # noqa: PTH123 - pathlib would be one more import in zygotes
                lines = file.read().splitlines()
        except OSError:
            continue
        # The kernel escapes line ends in a process's name, so that no name can pass for another line.
        for line in lines:
            if line.startswith(_HELD):
                kib += int(line.split()[1])
            elif line.startswith(b"Threads:"):
                tasks += int(line.split()[1])
    return kib / 1024, tasks
