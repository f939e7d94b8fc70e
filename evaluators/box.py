"""A running box, seen from outside: its process, its control socket, and the one fork that lives in it at a time."""

import asyncio
import contextlib
import os
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from evaluators.confinement import Confinement
from evaluators.harness.galapagos_family import family, hold_still, stands
from evaluators.harness.galapagos_stopwatch import Stopwatch
from evaluators.harness.galapagos_watch import clocks
from evaluators.process_watch import CpuClock, Look, look, pid_of
from evaluators.sandbox import SandboxUnavailable

_LARGEST_MESSAGE = 1 << 16
PATIENCE_S = 5.0
_PIDFD = struct.Struct("i")
_ANCILLARY = socket.CMSG_SPACE(_PIDFD.size)


class BoxLost(RuntimeError):
    """The box ended or its zygote could not do its part: the host's fault. The text says what is known."""


class Ended(msgspec.Struct, frozen=True):
    """How a fork ended: wait status, processor seconds of it and its helpers, largest resident size of one of them."""

    status: int
    cpu_s: float
    peak_kib: int


class Message(msgspec.Struct, frozen=True):
    """What a zygote tells; which fields mean something depends on `kind`."""

    kind: str
    text: str = ""
    status: int = 0
    cpu_s: float = 0.0
    peak_kib: int = 0
    pid: int = 0
    memory_mib: float = 0.0
    tasks: int = 0
    clocks: dict[int, float] = {}
    seconds: float = 0.0


_DECODER = msgspec.msgpack.Decoder(Message)


class Fork:
    """One process forked in a box, watched and ended from here.

    Its family is itself with all its descendants, or where `root` is given, the descendants of that process: orphans too,
    which somebody outside adopted. `counted` is a folder of the candidate's whose files are counted.

    `started` gives its pidfd, `sealed` and `ended` tell so much. All raise `BoxLost` when the box is gone, and `lost`
    does nothing else.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, root: int | None, counted: Path | None) -> None:
        self._root = root
        self._counted = counted
        self.started: asyncio.Future[int] = loop.create_future()
        self.ended: asyncio.Future[Ended] = loop.create_future()
        self.sealed: asyncio.Future[bool] = loop.create_future()
        self.lost: asyncio.Future[None] = loop.create_future()
        self._pidfd = -1
        self._clock = CpuClock()
        self._stopwatch: Stopwatch | None = None

    @property
    def lives(self) -> bool:
        """Whether it has started and not yet ended."""
        return self.started.done() and not self.started.exception() and not self.ended.done()

    def has_started(self, pidfd: int) -> None:
        """Note the process."""
        self._pidfd = pidfd
        if not self.started.done():
            self.started.set_result(pidfd)

    def is_sealed(self, *, whole: bool) -> None:
        """Note that its family starts nothing more; not `whole` if somebody in it could not be kept from it."""
        if not self.sealed.done():
            self.sealed.set_result(whole)

    def has_ended(self, ended: Ended) -> None:
        """Note its end."""
        if not self.ended.done():
            self.ended.set_result(ended)
        if not self.sealed.done():
            # Nobody is left to start anything.
            self.sealed.set_result(True)

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
        then(look(self._family(pid_of(self._pidfd)), self._counted))

    def _family(self, pid: int) -> list[int]:
        return list(family(pid)) if self._root is None else [member for member in family(self._root) if member != self._root]

    async def measure(self, *, start: bool) -> float:
        """Start or stop the clock of its sealed family; see `CpuClock`."""
        pid = pid_of(await self.started)
        return self._clock.start(pid, clocks(self._family(pid))) if start else self._clock.stop(clocks(self._clock.family))

    async def hold(self) -> float:
        """Stop the sealed family until `resume`; its processor seconds since then, see `Stopwatch`.

        Raises:
            ProcessLookupError: the process is gone.
            WorkedWhileStopped: it lets itself be woken.
            TimeoutError: a member of the family does not stop.
        """
        if self._stopwatch is None:
            pid = pid_of(await self.started)
            self._stopwatch = Stopwatch(pid, self._family(pid), stands, clocks)
        deadline = time.monotonic() + PATIENCE_S
        while not self._stopwatch.halt():
            if time.monotonic() > deadline:
                raise TimeoutError("a candidate's process did not stop")
            await asyncio.sleep(0)
        return self._stopwatch.seconds()

    async def resume(self) -> None:
        """Let the held family run.

        Raises:
            ProcessLookupError: the process is gone.
            WorkedWhileStopped: it ran meanwhile.
        """
        if self._stopwatch is not None:
            self._stopwatch.start()

    async def pin(self, processor: int) -> None:
        """Keep the held family on one processor, where the system lets us."""
        if self._stopwatch is not None:
            self._stopwatch.pin(processor)

    def spent_s(self) -> float:
        """Processor seconds of those of its family that are not gone yet."""
        return sum(clocks(self._family(pid_of(self._pidfd))).values())

    def close(self) -> None:
        """Let the descriptors go."""
        if self._stopwatch is not None:
            self._stopwatch.close()
        if self._pidfd >= 0:
            os.close(self._pidfd)
            self._pidfd = -1


class Box:
    """One box. `start` waits for its warm zygote; `fork` asks for a process; `close` ends all."""

    def __init__(self, confinement: Confinement) -> None:
        self.confinement = confinement
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._complaints = -1
        self._ready: asyncio.Future[None] | None = None
        self._fork: Fork | None = None

    @property
    def alive(self) -> bool:
        """Whether it can be asked for a fork."""
        return self._control is not None

    @property
    def occupied(self) -> bool:
        """Whether the last process asked for is not gone yet."""
        return self._fork is not None and not self._fork.ended.done()

    async def emptied(self) -> None:
        """Wait until the last process asked for is gone; raises BoxLost when the box is."""
        if self._fork is not None:
            await asyncio.shield(self._fork.ended)

    async def start(self, patience_s: float = 60.0) -> None:
        """Start the box and wait until its zygote is warm.

        Raises:
            SandboxUnavailable: it did not come up.
        """
        loop = asyncio.get_running_loop()
        self._ready = loop.create_future()
        try:
            async with asyncio.timeout(patience_s):
                self._control = await self._open()
                loop.add_reader(self._control, self._read)
                self._control.send(msgspec.msgpack.encode(self.confinement.settings))
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

    async def _open(self) -> socket.socket:
        """Start the zygote; returns our end of its control socket."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        self._complaints = os.memfd_create("complaints", os.MFD_CLOEXEC)
        with theirs:
            # Blocking for the length of one exec; asyncio's own way needs a watcher of children.
            self._process = subprocess.Popen(  # noqa: ASYNC220
                [*self.confinement.command, str(theirs.fileno())],
                env=self.confinement.variables,
                stdin=subprocess.DEVNULL,
                stdout=self._complaints,
                stderr=self._complaints,
                pass_fds=[theirs.fileno()],
                cwd="/",
            )
        return ours

    def _new_fork(self, control: socket.socket) -> Fork:  # noqa: ARG002 - for those whose forks are out of our reach
        adopts = self.confinement.settings["namespaces"] and self.confinement.settings["role"] == "candidate"
        root = None if adopts or self._process is None else self._process.pid
        return Fork(asyncio.get_running_loop(), root, self.confinement.counted)

    def _heard(self, message: Message) -> bool:  # noqa: ARG002 - as above
        """Take a word that only some boxes' zygotes say; False where it is none."""
        return False

    def fork(self, request: dict[str, Any], descriptors: list[int]) -> Fork:
        """Ask the zygote for one process.

        Raises:
            BoxLost: the box is gone.
        """
        if self._control is None:
            raise BoxLost("the box is not running")
        fork = self._new_fork(self._control)
        try:
            socket.send_fds(self._control, [msgspec.msgpack.encode(request)], descriptors)
        except OSError as error:
            raise BoxLost(f"the box did not take a request: {error}") from None
        self._fork = fork
        return fork

    async def seal(self) -> bool:
        """Let the living fork's family start no more processes or threads; False if it could not be kept from it.

        Raises:
            BoxLost: the box is gone.
        """
        if self._fork is None or self._control is None:
            raise BoxLost("the box is not running")
        await self._fork.started
        if not self._fork.ended.done():
            self._control.send(b"seal")
        return await self._fork.sealed

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
        descriptors = _descriptors(ancillary)
        try:
            self._heed(_DECODER.decode(data), descriptors)
        except msgspec.MsgspecError as error:
            self._lose(f"its zygote sent what is no message: {error}")
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def _heed(self, message: Message, descriptors: list[int]) -> None:
        """Act on a message; a descriptor that is kept is taken out of the list."""
        match message.kind:
            case "ready" if self._ready is not None and not self._ready.done():
                self._ready.set_result(None)
            case "started" if self._fork is not None and not self._fork.started.done() and self._is_ours(descriptors):
                self._fork.has_started(descriptors.pop())
            case "ended" if self._fork is not None:
                self._fork.has_ended(Ended(message.status, message.cpu_s, message.peak_kib))
            case "sealed" if self._fork is not None:
                self._fork.is_sealed(whole=message.status == 0)
            case _ if not self._heard(message):
                self._lose(message.text or "its zygote sent what was not asked for")
            case _:
                return

    def _is_ours(self, descriptors: list[int]) -> bool:
        """Whether this is the pidfd of a process in this box.

        A judge's module runs in the zygote and may have taken it over; what it names here we kill, with our rights.
        """
        if self._process is None or len(descriptors) != 1:
            return False
        if self.confinement.settings["namespaces"] or self.confinement.settings["role"] != "judge":
            # There is nobody else to name there, and here it runs none but our code.
            return True
        # Twice: one that ends between the two looks is in no family.
        for _ in range(2):
            try:
                pid = pid_of(descriptors[0])
            except (OSError, ValueError):
                return False
            if pid == -1 or pid in family(self._process.pid):
                return True
        return False

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


def _descriptors(ancillary: list[tuple[int, int, bytes]]) -> list[int]:
    rights = [data for level, kind, data in ancillary if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS)]
    return [number for data in rights for (number,) in _PIDFD.iter_unpack(data[: len(data) // _PIDFD.size * _PIDFD.size])]


async def _wait_or_kill(process: subprocess.Popen[bytes]) -> None:
    """A zygote ends when its control socket closes; one that does not is killed."""
    deadline = asyncio.get_running_loop().time() + PATIENCE_S
    while process.poll() is None:
        if asyncio.get_running_loop().time() > deadline:
            # All of them: a zygote that changed its uid does not die with its parent, nor do those that it lost hold of.
            hold_still(process.pid)
            for pid in list(family(process.pid)):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            process.wait()
            return
        await asyncio.sleep(0.005)
