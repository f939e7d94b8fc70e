"""A family of processes that is stopped at all times but while it is timed."""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterable

STOLEN_S = 0.001
"""Processor seconds that a family may gain while it is stopped: less than disturbs anything, more than any rounding."""
RESISTED_S = 1.0
"""Processor seconds after the order to stop that no system call takes to its end: somebody in it sets it going again."""


class WorkedWhileStopped(Exception):
    """The family let itself be woken while it had to stand still."""


class Stopwatch:
    """Processor seconds of the sealed family of `pid`, which runs only between `start` and `halt`.

    Stopped processes can neither prepare later calls nor slow down what is timed meanwhile, and the kernel's clock of a
    stopped process is exact. A member that ends in between takes its last reading with it and is charged the wall time.
    `members` are `pid` and all that it started. `stands` and `clocks` are the functions of `galapagos_family` and
    `galapagos_watch`, which launcher and zygotes find in different places.
    """

    def __init__(
        self,
        pid: int,
        members: Iterable[int],
        stands: Callable[[int], bool],
        clocks: Callable[[Iterable[int]], dict[int, float]],
    ) -> None:
        self._stands = stands
        self._clocks = clocks
        self._pid = pid
        self._members: dict[int, int] = {}
        for member in members:
            with contextlib.suppress(ProcessLookupError):
                self._members[member] = os.pidfd_open(member)
        self._before: dict[int, float] = {}
        self._started = 0.0
        self._ordered: float | None = None
        self._latest: dict[int, float] = {}

    def halt(self) -> bool:
        """Order every member that still runs to stop; whether all have stopped. Ask again until then.

        Again every time, since a member that still ran may have woken another. One that has just stopped may not have
        left its processor yet, so the clocks must stand too.

        Raises:
            WorkedWhileStopped: it lets itself be woken faster than it can be stopped.
        """
        running = [member for member in self._members if not self._stands(member)]
        self._signal(running, signal.SIGSTOP)
        latest, self._latest = self._latest, self._clocks(self._members)
        spent = sum(self._latest.values())
        if self._ordered is None:
            self._ordered = spent
        if spent - self._ordered > RESISTED_S:
            raise WorkedWhileStopped
        return not running and latest == self._latest

    def seconds(self) -> float:
        """Processor seconds of the halted family since the last halt; those of a family first halted are all.

        Raises:
            ProcessLookupError: the process itself is gone.
        """
        elapsed = time.monotonic() - self._started
        before, self._before = self._before, self._read()
        gained = sum(seconds - before.get(pid, 0.0) for pid, seconds in self._before.items())
        return gained + elapsed * sum(1 for pid in before if pid not in self._before)

    def start(self) -> None:
        """Let the halted family run.

        Raises:
            ProcessLookupError: the process itself is gone.
            WorkedWhileStopped: it has run since it was halted.
        """
        if sum(self._read().values()) - sum(self._before.values()) > STOLEN_S:
            raise WorkedWhileStopped
        self._ordered = None
        self._started = time.monotonic()
        self._signal(self._members, signal.SIGCONT)

    def pin(self, processor: int) -> None:
        """Keep every thread of the family on one processor, where the system lets us."""
        for member in self._members:
            for task in _tasks(member):
                with contextlib.suppress(OSError):
                    os.sched_setaffinity(task, {processor})

    def close(self) -> None:
        """Let every descriptor go."""
        for descriptor in self._members.values():
            os.close(descriptor)
        self._members = {}

    def _signal(self, members: Iterable[int], number: signal.Signals) -> None:
        for member in members:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._members[member], number)

    def _read(self) -> dict[int, float]:
        readings = self._clocks(self._members)
        if self._pid not in readings:
            raise ProcessLookupError(self._pid)
        return readings


def _tasks(pid: int) -> list[int]:
    try:
        return [int(task) for task in os.listdir(f"/proc/{pid}/task")]  # noqa: PTH208 - one more import in zygotes
    except OSError:
        return []
