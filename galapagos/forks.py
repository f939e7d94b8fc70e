"""Processes of ours as forks of one that has imported what all of them need; see `galapagos.forkserver`."""

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from signal import SIGKILL, pidfd_send_signal

from galapagos.child import FIRST_PAUSE_S, QUICK_DEATHS, KeepsDying, Process, Start, executed, last_words, python_module
from galapagos.forkserver import LARGEST_MESSAGE


class Fork:
    """A process of the fork server's."""

    def __init__(self, pid: int, pidfd: int) -> None:
        self.pid = pid
        self._pidfd = pidfd
        self._ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    @property
    def returncode(self) -> int | None:
        """None while it runs; the negative number of the signal that killed it."""
        return self._ended.result() if self._ended.done() else None

    async def wait(self) -> int:
        """Its exit code, once it has ended."""
        return await asyncio.shield(self._ended)

    def send_signal(self, signal: int) -> None:
        """Send it a signal.

        Raises:
            ProcessLookupError: it has ended.
        """
        if self._ended.done():
            raise ProcessLookupError(self.pid)
        pidfd_send_signal(self._pidfd, signal)

    def end(self, code: int) -> None:
        """Note how it ended."""
        self._ended.set_result(code)
        os.close(self._pidfd)


class Forks:
    """The fork server, which is started with the first fork, and again with the next one after its death, and its forks.

    It is told `environment`, of which forks keep nothing. When it dies the kernel kills all of its forks.
    """

    def __init__(self, environment: Mapping[str, str], log: Path) -> None:
        self._environment = dict(environment)
        self._log = log
        self._server: Process | None = None
        self._line: socket.socket | None = None
        self._starting = asyncio.Lock()
        self._asked: list[asyncio.Future[Fork | None]] = []
        self._forks: dict[int, Fork] = {}
        self._ready: asyncio.Future[bool] | None = None

    def of(self, module: str, environment: Mapping[str, str], log: Path) -> Start:
        """How a process is started that runs `main` of the module `module`, with this environment and log."""

        async def start() -> Process:
            while True:
                fork = await self._fork(module, environment, log)
                if fork is not None:
                    return fork

        return start

    async def close(self) -> None:
        """End the server, and with it whatever forks are left."""
        self._hang_up()
        if self._server is not None:
            with contextlib.suppress(ProcessLookupError):
                self._server.send_signal(SIGKILL)
            await self._server.wait()

    async def _fork(self, module: str, environment: Mapping[str, str], log: Path) -> Fork | None:
        """None if the server died meanwhile."""
        async with self._starting:
            if self._line is None:
                await self._start()
        line = self._line
        if line is None:
            return None
        told = os.memfd_create("environment", os.MFD_CLOEXEC)
        try:
            os.pwrite(told, json.dumps(dict(environment)).encode(), 0)
            with log.open("ab") as output:
                socket.send_fds(line, [json.dumps({"module": module}).encode()], [told, output.fileno()])
        except ConnectionError:
            self._hang_up()
            return None
        finally:
            os.close(told)
        asked: asyncio.Future[Fork | None] = asyncio.get_running_loop().create_future()
        self._asked.append(asked)
        return await asked

    async def _start(self) -> None:
        """Start the server; give up after several tries.

        Raises:
            KeepsDying: it ended each time before it had imported what it holds.
        """
        for attempt in range(QUICK_DEATHS):
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs:
                command = [*python_module("galapagos.forkserver"), str(theirs.fileno())]
                self._server = await executed(command, self._environment, self._log, [theirs.fileno()])()
            ours.setblocking(False)
            self._line, self._ready = ours, asyncio.get_running_loop().create_future()
            asyncio.get_running_loop().add_reader(ours, self._read)
            if await self._ready:
                return
            await self._server.wait()
            await asyncio.sleep(FIRST_PAUSE_S * 2**attempt)
        raise KeepsDying(f"our processes cannot be started; the log {self._log} ends:\n{last_words(self._log)}")

    def _read(self) -> None:
        assert self._line is not None  # noqa: S101 - for the type checker: read only while there is one
        try:
            data, descriptors, _, _ = socket.recv_fds(self._line, LARGEST_MESSAGE, 1, socket.MSG_CMSG_CLOEXEC)
        except ConnectionError:
            data, descriptors = b"", []
        if not data:
            self._hang_up()
            return
        match json.loads(data):
            case {"started": int(pid)}:
                self._forks[pid] = fork = Fork(pid, descriptors[0])
                _answer(self._asked.pop(0), fork)
            case {"ended": int(pid), "code": int(code)}:
                self._forks.pop(pid).end(code)
            case _:
                assert self._ready is not None  # noqa: S101 - as above
                self._ready.set_result(True)

    def _hang_up(self) -> None:
        """The server is gone, or is to go: so are all of its forks."""
        if self._line is None:
            return
        asyncio.get_running_loop().remove_reader(self._line)
        self._line.close()
        self._line = None
        if self._ready is not None and not self._ready.done():
            self._ready.set_result(False)
        for asked in self._asked:
            _answer(asked, None)
        for fork in self._forks.values():
            fork.end(-SIGKILL)
        self._asked, self._forks = [], {}


def _answer(asked: asyncio.Future[Fork | None], answer: Fork | None) -> None:
    # Whoever asked may have given up since.
    if not asked.done():
        asked.set_result(answer)
