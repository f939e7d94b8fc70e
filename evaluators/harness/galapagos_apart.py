"""A piece of work in a process of its own within the box: its output caught, its time bounded, its words collected."""

import atexit
import contextlib
import io
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import NamedTuple, NoReturn

Say = Callable[[bytes], None]
_SAID = 3
_FIRST_UNUSED = 4
_TAIL = 16 << 10
_MOST_SAID = 6 << 20
_CHUNK = 1 << 16


class Ended(NamedTuple):
    """How it ended: exit code (minus the signal's number; None: out of time), the ends of its output, and its words."""

    code: int | None
    output: str
    error: str
    said: list[bytes]


class _Tail:
    """The end of what a stream brings."""

    def __init__(self) -> None:
        self._data = bytearray()

    def add(self, data: bytes) -> None:
        self._data += data
        if len(self._data) > 2 * _TAIL:
            del self._data[:-_TAIL]

    def text(self) -> str:
        return bytes(self._data[-_TAIL:]).decode("utf-8", "replace")


class _Words:
    """Lines, as long as they are not too much in all."""

    def __init__(self) -> None:
        self._data = bytearray()

    def add(self, data: bytes) -> int:
        """Take them in; how many lines were completed."""
        if len(self._data) + len(data) > _MOST_SAID:
            return 0
        self._data += data
        return data.count(b"\n")

    def lines(self) -> list[bytes]:
        return bytes(self._data).split(b"\n")[:-1]


def run_apart(work: Callable[[Say], int], seconds: float) -> Ended:
    """Fork, run `work` there with a fresh session, standard streams and no other descriptor, and follow it to its end.

    `work` returns the exit code; by `say` it tells lines to this process. Each line that arrives grants it another
    `seconds` from then on. What it leaves running is killed with it only where it ran out of time.
    """
    pipes = [os.pipe() for _ in range(3)]
    pid = os.fork()
    if pid == 0:
        _in_child(work, [writing for _, writing in pipes])
    for reading, writing in pipes:
        os.close(writing)
        os.set_blocking(reading, False)
    readers = [reading for reading, _ in pipes]
    pidfd = os.pidfd_open(pid)
    try:
        return _followed(pid, pidfd, readers, seconds)
    finally:
        for descriptor in (pidfd, *readers):
            os.close(descriptor)


def _followed(pid: int, pidfd: int, readers: list[int], seconds: float) -> Ended:
    output, error, words = _Tail(), _Tail(), _Words()
    poll = select.poll()
    for descriptor in (pidfd, *readers):
        poll.register(descriptor, select.POLLIN)
    deadline = time.monotonic() + seconds
    ended = False
    while not ended:
        left = deadline - time.monotonic()
        if left <= 0:
            break
        ready = [descriptor for descriptor, _ in poll.poll(left * 1000)]
        ended = pidfd in ready
        for place, reader in enumerate(readers):
            if ended or reader in ready:
                if place == 2 and _drain(reader, words.add, poll):
                    deadline = time.monotonic() + seconds
                elif place < 2:
                    _drain(reader, (output, error)[place].add, poll)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) if ended else _kill(pid)
    return Ended(code, output.text(), error.text(), words.lines())


def _drain(reader: int, take: Callable[[bytes], int | None], poll: select.poll) -> int:
    """Read what is there, a bounded amount at a time so that a flood does not hide the clock; the sum of what is taken."""
    taken = 0
    for _ in range(64):
        try:
            data = os.read(reader, _CHUNK)
        except BlockingIOError:
            break
        if not data:
            with contextlib.suppress(KeyError):
                poll.unregister(reader)
            break
        taken += take(data) or 0
    return taken


def _kill(pid: int) -> None:
    # Where no namespace bounds signals they are forbidden; then the launcher ends all of us.
    with contextlib.suppress(OSError):
        os.killpg(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _in_child(work: Callable[[Say], int], writers: list[int]) -> NoReturn:
    code = 1
    try:
        os.setpgid(0, 0)
        # Duplicates first, out of the way of the places they are to take.
        null = os.open("/dev/null", os.O_RDONLY)
        moved = [os.dup(descriptor) for descriptor in (null, *writers)]
        for place, descriptor in zip((0, 1, 2, _SAID), moved, strict=True):
            os.dup2(descriptor, place)
        os.closerange(_FIRST_UNUSED, 1 << 12)
        os.set_inheritable(_SAID, False)
        _renew_streams()
        code = work(_say)
    except BaseException as error:  # noqa: BLE001 - whatever the work raises ends here, SystemExit included
        sys.excepthook(type(error), error, error.__traceback__)
    finally:
        os._exit(code)


def _renew_streams() -> None:
    sys.stdin = sys.__stdin__ = io.TextIOWrapper(open(0, "rb", closefd=False), "utf-8")  # noqa: SIM115 - for good
    for descriptor, name in ((1, "stdout"), (2, "stderr")):
        raw = open(descriptor, "wb", closefd=False)  # noqa: SIM115 - it stays open for good
        stream = io.TextIOWrapper(raw, "utf-8", "backslashreplace", line_buffering=True)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def _say(line: bytes) -> None:
    data = memoryview(line + b"\n")
    while data:
        data = data[os.write(_SAID, data) :]


def finish() -> None:
    """What an interpreter does at its end: wait for threads, run what was registered, write out what is buffered."""
    vars(threading)["_shutdown"]()
    vars(atexit)["_run_exitfuncs"]()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
