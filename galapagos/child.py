"""A child process that cannot outlive its parent, started again when it dies."""

import asyncio
import ctypes
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1
FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 10.0
STEADY_S = 3.0
QUICK_DEATHS = 6
UNUSABLE_SETTINGS = 2
"""Exit code of a process of ours that cannot use its settings: another start would say the same."""
STOP_S = 5.0


class KeepsDying(RuntimeError):
    """A process ended again and again right after its start. The text ends with its own last words."""


class Process(Protocol):
    """A process that was started: `asyncio.subprocess.Process` is one."""

    @property
    def pid(self) -> int:
        """Its process id."""
        ...

    @property
    def returncode(self) -> int | None:
        """None while it runs; the negative number of the signal that killed it."""
        ...

    async def wait(self) -> int:
        """Its exit code, once it has ended."""
        ...

    def send_signal(self, signal: int) -> None:
        """Send it a signal; ProcessLookupError once it has ended."""
        ...


Start = Callable[[], Awaitable[Process]]
"""Starts a process in a session of its own, so that a Ctrl-C at the terminal reaches the supervisor alone, that is killed by
the kernel when the supervisor dies, and whose output goes to the end of its log."""


class Child:
    """One kind of process under supervision: `start` starts it, and `log` is where its output goes."""

    def __init__(self, name: str, start: Start, log: Path) -> None:
        self.name = name
        self.restarts = 0
        self._start = start
        self._log = log
        self._process: Process | None = None
        self._stopping = asyncio.Event()

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    async def keep_alive(self) -> None:
        """Start it, and again with growing pauses whenever it ends, until `stop`.

        Raises:
            KeepsDying: it cannot use its settings, or it ended by itself `QUICK_DEATHS` times in a row without having
                run for `STEADY_S`. Being killed by a signal does not count: that is the machine's doing, and another
                start may well succeed.
        """
        deaths = 0
        while not self._stopping.is_set():
            began = time.monotonic()
            code = await self._run_once()
            if self._stopping.is_set():
                return
            self.restarts += 1
            deaths = deaths + 1 if code >= 0 and time.monotonic() - began < STEADY_S else 1
            if deaths >= QUICK_DEATHS or code == UNUSABLE_SETTINGS:
                raise KeepsDying(
                    f"the process {self.name} does not stay alive (exit code {code}); its log {self._log} ends:\n"
                    f"{self.last_words()}"
                )
            await self._pause(min(FIRST_PAUSE_S * 2 ** (deaths - 1), LONGEST_PAUSE_S))

    async def stop(self, grace_s: float = STOP_S) -> None:
        """Ask it to end, and kill it after `grace_s`; it is not started again."""
        self._stopping.set()
        process = self._process
        if process is None or process.returncode is not None:
            return
        _signal(process, signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), grace_s)
        except TimeoutError:
            _signal(process, signal.SIGKILL)
            await process.wait()

    def last_words(self) -> str:
        """The end of its log."""
        return last_words(self._log)

    async def _run_once(self) -> int:
        self._process = await self._start()
        return await self._process.wait()

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return


def last_words(log: Path, lines: int = 8) -> str:
    """The end of a log."""
    if not log.exists():
        return "(nothing)"
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 8192))
        return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:]) or "(nothing)"


def executed(command: Sequence[str], environment: Mapping[str, str], log: Path, inherited: Sequence[int] = ()) -> Start:
    """How a command is started; it inherits the descriptors `inherited` alone."""

    async def start() -> Process:
        parent = os.getpid()
        with log.open("ab") as output:
            return await asyncio.create_subprocess_exec(
                *command,
                env=environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                pass_fds=inherited,
                preexec_fn=lambda: die_with(parent),
            )

    return start


def die_with(parent: int) -> None:
    """Let the kernel kill this process when the thread that started it ends; for use between fork and exec."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def python_module(name: str) -> list[str]:
    """The command that runs a package of ours with this interpreter."""
    return [sys.executable, "-m", name]


def _signal(process: Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except ProcessLookupError:
        return
