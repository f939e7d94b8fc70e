"""A running box, seen from outside: its process, its control socket, and the one fork that lives in it at a time."""

import asyncio
import contextlib
import os
import signal
import socket
import struct
import subprocess
from collections.abc import Callable
from typing import Any

import msgspec

from evaluators.confinement import Confinement
from evaluators.harness.galapagos_family import family
from evaluators.harness.galapagos_watch import clocks
from evaluators.process_watch import CpuClock, Look, look, pid_of
from evaluators.sandbox import SandboxUnavailable

_LARGEST_MESSAGE = 1 << 16
_PATIENCE_S = 5.0
_PIDFD = struct.Struct("i")
_ANCILLARY = socket.CMSG_SPACE(_PIDFD.size)


class BoxLost(RuntimeError):
    """The box ended or its zygote could not do its part: the host's fault. The text says what is known."""


class Ended(msgspec.Struct, frozen=True):
    """How a fork ended: wait status, processor seconds of it and its helpers, largest resident size of one of them."""

    status: int
    cpu_s: float
    peak_kib: int


class _Message(msgspec.Struct, frozen=True):
    kind: str
    text: str = ""
    status: int = 0
    cpu_s: float = 0.0
    peak_kib: int = 0


_DECODER = msgspec.msgpack.Decoder(_Message)


class Fork:
    """One process forked in a box, watched and ended from here.

    `started` gives its pidfd, `sealed` and `ended` tell so much. All raise `BoxLost` when the box is gone, and `lost`
    does nothing else.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.started: asyncio.Future[int] = loop.create_future()
        self.ended: asyncio.Future[Ended] = loop.create_future()
        self.sealed: asyncio.Future[None] = loop.create_future()
        self.lost: asyncio.Future[None] = loop.create_future()
        self._pidfd = -1
        self._clock = CpuClock()

    @property
    def lives(self) -> bool:
        """Whether it has started and not yet ended."""
        return self.started.done() and not self.started.exception() and not self.ended.done()

    def has_started(self, pidfd: int) -> None:
        """Note the process."""
        self._pidfd = pidfd
        if not self.started.done():
            self.started.set_result(pidfd)

    def is_sealed(self) -> None:
        """Note that its family starts nothing more."""
        if not self.sealed.done():
            self.sealed.set_result(None)

    def has_ended(self, ended: Ended) -> None:
        """Note its end."""
        if not self.ended.done():
            self.ended.set_result(ended)
        if not self.sealed.done():
            # Nobody is left to start anything.
            self.sealed.set_result(None)

    def is_lost(self, text: str) -> None:
        """Its box is gone."""
        for future in (self.started, self.sealed, self.ended, self.lost):
            if not future.done():
                future.set_exception(BoxLost(text))
                # Read at once: nobody may be waiting for this one.
                future.exception()

    async def stop(self) -> None:
        """Order the process to end, with its namespace where it has one."""
        await self.started
        self.order_end()

    def order_end(self) -> None:
        """Order a process that has started to end; `ended` tells when it has."""
        if not self.ended.done():
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    def look(self, then: Callable[[Look], None]) -> None:
        """Look at what the family of a living process holds, and call `then` with it."""
        then(look(family(pid_of(self._pidfd))))

    async def measure(self, *, start: bool) -> float:
        """Start or stop the clock of its sealed family; see `CpuClock`."""
        pid = pid_of(await self.started)
        return self._clock.start(pid, clocks(family(pid))) if start else self._clock.stop(clocks(self._clock.family))

    def close(self) -> None:
        """Let the descriptor go."""
        if self._pidfd >= 0:
            os.close(self._pidfd)
            self._pidfd = -1


async def kill(*forks: Fork) -> list[Ended]:
    """End these processes and wait until nothing of them is left.

    Raises:
        BoxLost, TimeoutError: a box did not confirm it.
    """
    async with asyncio.timeout(_PATIENCE_S):
        for fork in forks:
            await fork.stop()
        return [await fork.ended for fork in forks]


class Box:
    """One box. `start` waits for its warm zygote; `fork` asks for a process; `close` ends all."""

    def __init__(self, confinement: Confinement) -> None:
        self._confinement = confinement
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._complaints = -1
        self._ready: asyncio.Future[None] | None = None
        self._fork: Fork | None = None

    @property
    def alive(self) -> bool:
        """Whether it can be asked for a fork."""
        return self._control is not None

    async def start(self, patience_s: float = 60.0) -> None:
        """Start the box and wait until its zygote is warm.

        Raises:
            SandboxUnavailable: it did not come up.
        """
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        self._complaints = os.memfd_create("complaints", os.MFD_CLOEXEC)
        self._ready = loop.create_future()
        with theirs:
            # Blocking for the length of one exec; asyncio's own way needs a watcher of children.
            self._process = subprocess.Popen(  # noqa: ASYNC220
                [*self._confinement.command, str(theirs.fileno())],
                env=self._confinement.variables,
                stdin=subprocess.DEVNULL,
                stdout=self._complaints,
                stderr=self._complaints,
                pass_fds=[theirs.fileno()],
                cwd="/",
            )
        self._control = ours
        loop.add_reader(ours, self._read)
        ours.send(msgspec.msgpack.encode(self._confinement.settings))
        try:
            async with asyncio.timeout(patience_s):
                await self._ready
        except TimeoutError:
            text = f"expected a warm box within {patience_s:g} s; {self._complaint()}; is the judge's module slow to import?"
            await self.close()
            raise SandboxUnavailable(text) from None
        except BoxLost as error:
            await self.close()
            raise SandboxUnavailable(f"expected the box to start; {error}") from None
        except BaseException:
            await self.close()
            raise

    def fork(self, request: dict[str, Any], descriptors: list[int]) -> Fork:
        """Ask the zygote for one process.

        Raises:
            BoxLost: the box is gone.
        """
        if self._control is None:
            raise BoxLost("the box is not running")
        fork = Fork(asyncio.get_running_loop())
        try:
            socket.send_fds(self._control, [msgspec.msgpack.encode(request)], descriptors)
        except OSError as error:
            raise BoxLost(f"the box did not take a request: {error}") from None
        self._fork = fork
        return fork

    async def seal(self) -> None:
        """Let the living fork's family start no more processes or threads.

        Raises:
            BoxLost: the box is gone.
        """
        if self._fork is None or self._control is None:
            raise BoxLost("the box is not running")
        await self._fork.started
        if not self._fork.ended.done():
            self._control.send(b"seal")
        await self._fork.sealed

    def _read(self) -> None:
        if self._control is None:
            return
        try:
            data, ancillary, _, _ = self._control.recvmsg(_LARGEST_MESSAGE, _ANCILLARY)
        except BlockingIOError:
            return
        except OSError:
            data, ancillary = b"", []
        if not data:
            self._lose("its zygote ended")
            return
        message = _DECODER.decode(data)
        match message.kind:
            case "ready" if self._ready is not None and not self._ready.done():
                self._ready.set_result(None)
            case "started" if self._fork is not None:
                self._fork.has_started(_PIDFD.unpack(ancillary[0][2])[0])
            case "ended" if self._fork is not None:
                self._fork.has_ended(Ended(message.status, message.cpu_s, message.peak_kib))
            case "sealed" if self._fork is not None:
                self._fork.is_sealed()
            case _:
                self._lose(message.text or "its zygote sent what was not asked for")

    def _lose(self, text: str) -> None:
        text = f"{text}; {self._complaint()}"
        self._hang_up()
        if self._ready is not None and not self._ready.done():
            self._ready.set_exception(BoxLost(text))
        if self._fork is not None:
            self._fork.is_lost(text)

    def _complaint(self) -> str:
        said = os.pread(self._complaints, 4000, 0).decode("utf-8", "replace").strip() if self._complaints >= 0 else ""
        return f"it said: {said}" if said else "it said nothing"

    def _hang_up(self) -> None:
        if self._control is not None:
            asyncio.get_running_loop().remove_reader(self._control)
            self._control.close()
            self._control = None

    async def close(self) -> None:
        """End the box with every process in it."""
        self._hang_up()
        if self._fork is not None:
            self._fork.is_lost("the box was closed")
        process, self._process = self._process, None
        if process is not None:
            await _wait_or_kill(process)
        if self._complaints >= 0:
            os.close(self._complaints)
            self._complaints = -1


async def _wait_or_kill(process: subprocess.Popen[bytes]) -> None:
    """A zygote ends when its control socket closes; one that does not is killed."""
    deadline = asyncio.get_running_loop().time() + _PATIENCE_S
    while process.poll() is None:
        if asyncio.get_running_loop().time() > deadline:
            # All of them: a zygote that changed its uid does not die with its parent.
            for pid in list(family(process.pid)):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            process.wait()
            return
        await asyncio.sleep(0.005)
