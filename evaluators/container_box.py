"""A box that is a container: its zygote comes to us through a shared folder, and does there what we cannot do from here.

The launcher may live in a container itself, with processes of its own. So the zygote looks at a fork's family, reads
its clocks and ends it; the launcher asks for it over the control socket.
"""

import asyncio
import contextlib
import json
import socket
from collections.abc import Callable, Generator, Mapping
from pathlib import Path

from evaluators.box import Box, BoxLost, Ended, Fork, Message
from evaluators.confinement import Confinement
from evaluators.harness.galapagos_stopwatch import WorkedWhileStopped
from evaluators.process_watch import Look
from evaluators.sandbox import SandboxUnavailable
from evaluators.slots_client import SlotLine
from evaluators.slots_protocol import CONTROL, MAKING, Recycle, Role, short_enough

_HOLD_S = 5.0
_REPORT_S = 2.0
"""So long the service may take to tell why a container ended."""


class ContainerFork(Fork):
    """A process forked in a container; the zygote at the other end of `control` watches and ends it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, control: socket.socket, role: Role) -> None:
        super().__init__(loop, None, None)
        self._role: Role = role
        self._loop = loop
        self._control = control
        self._then: Callable[[Look], None] | None = None
        self._reading: asyncio.Future[tuple[int, Mapping[int, float]]] | None = None
        self._holding: asyncio.Future[Message] | None = None

    def _ask(self, word: bytes) -> None:
        # A box that is gone says so by itself.
        with contextlib.suppress(OSError):
            self._control.send(word)

    def order_end(self) -> None:
        """Have the zygote kill it with everything in the container."""
        if not self.ended.done():
            self._ask(b"end")

    def look(self, then: Callable[[Look], None]) -> None:
        """Have the zygote look; `then` is called when it has, and never if the process ended meanwhile.

        A judge's container bounds what all in it hold, and its zygote stands behind the judge's own walls.
        """
        if self._role == "judge":
            return
        self._then = then
        self._ask(b"look")

    async def measure(self, *, start: bool) -> float:
        """Start or stop the clock of its sealed family; see `CpuClock`."""
        await self.started
        if self.ended.done():
            return -1.0
        self._reading = self._loop.create_future()
        self._ask(b"clocks")
        pid, reading = await self._reading
        return self._clock.start(pid, reading) if start else self._clock.stop(reading)

    async def hold(self) -> float:
        """Have the zygote stop the sealed family; see `Fork.hold`."""
        await self.started
        deadline = self._loop.time() + _HOLD_S
        while not (answer := await self._held(b"hold")).status:
            if self._loop.time() > deadline:
                raise TimeoutError("a candidate's process did not stop")
        return answer.seconds

    async def resume(self) -> None:
        """Have the zygote let the held family run; see `Fork.resume`."""
        await self._held(b"resume")

    async def pin(self, processor: int) -> None:
        """Have the zygote keep the held family on one processor, where the system lets it."""
        await self._held(b"pin %d" % processor)

    async def _held(self, word: bytes) -> Message:
        if self.ended.done():
            raise ProcessLookupError("the process is gone")
        self._holding = self._loop.create_future()
        self._ask(word)
        answer = await self._holding
        if answer.text == "worked":
            raise WorkedWhileStopped
        if answer.text:
            raise ProcessLookupError("the process is gone")
        return answer

    def has_answered(self, message: Message) -> bool:
        """Note what the zygote saw; False where it is no such word."""
        if message.kind == "look" and self._then is not None:
            then, self._then = self._then, None
            # The file system of its own bounds its files.
            then(Look(message.memory_mib, message.tasks, 0.0))
        elif message.kind == "clocks" and self._reading is not None and not self._reading.done():
            self._reading.set_result((message.pid, message.clocks))
        elif message.kind == "held" and self._holding is not None and not self._holding.done():
            self._holding.set_result(message)
        else:
            return message.kind in {"look", "clocks", "held"}
        return True

    def has_ended(self, ended: Ended) -> None:
        """Note its end; a clock that is being read has nothing more to show."""
        super().has_ended(ended)
        if self._reading is not None and not self._reading.done():
            self._reading.set_result((-1, {}))
        if self._holding is not None and not self._holding.done():
            self._holding.set_result(Message("held", text="gone"))

    def is_lost(self, text: str) -> None:
        """Its box is gone."""
        super().is_lost(text)
        if self._reading is not None and not self._reading.done():
            self._reading.set_exception(BoxLost(text))
        if self._holding is not None and not self._holding.done():
            self._holding.set_exception(BoxLost(text))


@contextlib.contextmanager
def listening(path: Path) -> Generator[socket.socket]:
    """A socket at `path` for one zygote.

    A container that is there sooner than we are finds it open, or not at all: it is made beside its place and moved.

    Raises:
        SandboxUnavailable: it cannot be there.
    """
    making = path.with_name(MAKING)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        try:
            making.unlink(missing_ok=True)
            listener.bind(str(short_enough(making)))
            # The folder is the wall: only this box's container has it, for reading.
            making.chmod(0o666)
            listener.listen(1)
            making.rename(path)
        except (OSError, ValueError) as error:
            raise SandboxUnavailable(f"expected to listen at {path}; {error}") from None
        listener.setblocking(False)
        yield listener


class ContainerBox(Box):
    """The box of `role` in the slot whose folder is `folder`; `recycle` has its container started as new before."""

    def __init__(self, confinement: Confinement, role: Role, folder: Path, line: SlotLine, *, recycle: bool) -> None:
        super().__init__(confinement)
        self._role: Role = role
        self._path = folder / CONTROL
        self._line = line
        self._recycle = recycle
        self._end: asyncio.Future[str] | None = None

    async def start(self, patience_s: float = 60.0) -> None:
        """Start it; see `Box.start`. What the service knows of a container that ended is in the error."""
        try:
            await super().start(patience_s)
        except SandboxUnavailable as error:
            if self._end is None or not self._line.is_open:
                raise
            await asyncio.wait({self._end}, timeout=_REPORT_S)
            if not self._end.done():
                raise
            raise SandboxUnavailable(f"{error}; {self._end.result()}") from None

    async def _open(self) -> socket.socket:
        with listening(self._path) as listener:
            if self._recycle:
                await self._line.order(Recycle(self._role))
            self._end = self._line.end_of(self._role)
            control = await self._first_of(listener, self._end)
        # One zygote came; nobody else can.
        self._path.unlink(missing_ok=True)
        control.setblocking(False)
        control.send(json.dumps(self.confinement.variables).encode())
        return control

    async def _first_of(self, listener: socket.socket, end: "asyncio.Future[str]") -> socket.socket:
        coming = asyncio.ensure_future(asyncio.get_running_loop().sock_accept(listener))
        try:
            await asyncio.wait({coming, end}, return_when=asyncio.FIRST_COMPLETED)
            if coming.done():
                return coming.result()[0]
            raise BoxLost("its container ended before its zygote was heard of")
        finally:
            coming.cancel()

    def _new_fork(self, control: socket.socket) -> Fork:
        return ContainerFork(asyncio.get_running_loop(), control, self._role)

    def _is_ours(self, descriptors: list[int]) -> bool:
        # What it names is never signalled from here: the zygote ends it.
        return len(descriptors) == 1

    def _heard(self, message: Message) -> bool:
        return isinstance(self._fork, ContainerFork) and self._fork.has_answered(message)

    def _complaint(self) -> str:
        return self._end.result() if self._end is not None and self._end.done() else "Docker keeps what it said"
