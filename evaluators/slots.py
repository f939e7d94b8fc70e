"""`python -m evaluators.slots`: the service that makes the containers of slots, and alone speaks to Docker.

It has no network and no database. Evaluators reach it through a unix socket in the folder that it shares with them;
`slots_protocol` has their words. With the argument `check` it says as JSON whether it could serve, and ends.
"""

import contextlib
import logging
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Generator
from types import FrameType

import msgspec

from database.ending import ending
from database.logs import start_logging
from database.settings import SettingsError
from evaluators.docker_sandbox import DockerFault, DockerHost, SlotContainers
from evaluators.settings import SlotSettings
from evaluators.slots_protocol import (
    LONGEST_LINE,
    ORDERS,
    Create,
    Done,
    Exited,
    Failed,
    Hello,
    Order,
    Word,
    socket_in,
)

log = logging.getLogger(__name__)

_LOOK_S = 2.0
_FIRST_LOOKS_S = 0.2
_FIRST_S = 30.0
"""So long after an order containers are looked at often: if they end by themselves, they do so now."""
_MOST_SLOTS = 1024


def docker_host(settings: SlotSettings) -> DockerHost:
    """Docker, as the settings say; nothing is asked of it yet."""
    return DockerHost(settings.docker_host, settings.image, settings.slot_folder.absolute(), settings.cache.absolute())


def greeting(host: DockerHost) -> Hello:
    """What this service has to offer now."""
    try:
        image, facts = host.look()
    except DockerFault as fault:
        return Hello(fault=str(fault))
    return Hello(image, facts)


class Connection:
    """One evaluator's slot, for as long as it holds on."""

    def __init__(self, stream: socket.socket, host: DockerHost) -> None:
        self._stream = stream
        self._host = host
        self._containers: SlotContainers | None = None
        self._busy_until = 0.0

    def serve(self) -> None:
        """Greet, obey until the evaluator hangs up, then remove what was made for it."""
        try:
            self._say(greeting(self._host))
            self._obey()
        except OSError as error:
            log.info("an evaluator is gone: %s", error)
        finally:
            self._stream.close()
            self._clear()

    def _clear(self) -> None:
        try:
            if self._containers is not None:
                self._containers.remove()
        except DockerFault as fault:
            log.warning("a slot's containers are left for the next start: %s", fault)

    def _obey(self) -> None:
        rest = b""
        while True:
            pause_s = _FIRST_LOOKS_S if time.monotonic() < self._busy_until else _LOOK_S
            if not select.select([self._stream], [], [], pause_s)[0]:
                self._look()
                continue
            data = self._stream.recv(LONGEST_LINE)
            if not data:
                return
            *lines, rest = (rest + data).split(b"\n")
            if len(rest) > LONGEST_LINE:
                self._say(Failed(f"expected an order of at most {LONGEST_LINE} bytes"))
                return
            for line in lines:
                self._say(self._do(line))

    def _do(self, line: bytes) -> Word:
        try:
            order = ORDERS.decode(line)
        except msgspec.MsgspecError as error:
            return Failed(f"expected an order to create or to recycle; {error}")
        try:
            self._carry_out(order)
        except DockerFault as fault:
            log.warning("%s: %s", order, fault)
            return Failed(str(fault))
        return Done()

    def _carry_out(self, order: Order) -> None:
        if self._containers is None:
            self._containers = self._host.slot()
        if isinstance(order, Create):
            self._containers.create(order)
        else:
            self._containers.recycle(order.role)
        self._busy_until = time.monotonic() + _FIRST_S

    def _look(self) -> None:
        """Tell the evaluator of a container that is not healthy: one that ended by itself."""
        if self._containers is None:
            return
        try:
            ended = self._containers.exited()
        except DockerFault as fault:
            log.warning("containers cannot be looked at: %s", fault)
            return
        for role, text in ended.items():
            self._say(Exited(role, text))

    def _say(self, word: Word) -> None:
        self._stream.sendall(msgspec.json.encode(word) + b"\n")


class Service:
    """Listens, and serves each connection in a thread of its own."""

    def __init__(self, settings: SlotSettings) -> None:
        self._host = docker_host(settings)
        self._path = socket_in(settings.slot_folder.absolute())
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []

    def run(self) -> None:
        """Serve until interrupted, then end every slot."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            self._host.sweep()
        except DockerFault as fault:
            # Evaluators are told so; Docker may come yet.
            log.warning("%s", fault)
        with self._listening() as listener:
            log.info("serving at %s", self._path)
            try:
                self._accept(listener)
            except KeyboardInterrupt:
                log.info("asked to stop")
        for stream in list(self._open):
            with contextlib.suppress(OSError):
                stream.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    @contextlib.contextmanager
    def _listening(self) -> Generator[socket.socket]:
        self._path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(self._path))
            # Who may enter the folder may order slots.
            self._path.chmod(0o666)
            listener.listen()
            try:
                yield listener
            finally:
                self._path.unlink(missing_ok=True)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            stream, _ = listener.accept()
            self._threads = [thread for thread in self._threads if thread.is_alive()]
            if len(self._threads) >= _MOST_SLOTS:
                stream.close()
                continue
            self._open.add(stream)
            thread = threading.Thread(target=self._serve, args=(stream,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, stream: socket.socket) -> None:
        try:
            Connection(stream, self._host).serve()
        finally:
            self._open.discard(stream)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main() -> int:
    """Serve until told to stop; 0 after a clean stop, 2 where the environment is at fault."""
    start_logging("slots")
    try:
        settings = SlotSettings.from_environment()
        if sys.argv[1:] == ["check"]:
            sys.stdout.write(msgspec.json.encode(greeting(docker_host(settings))).decode() + "\n")
            return 0
        signal.signal(signal.SIGTERM, _interrupt)
        Service(settings).run()
    except (SettingsError, ValueError) as error:
        log.critical("%s", error)
        return 2
    return 0


if __name__ == "__main__":
    with ending():
        sys.exit(main())
