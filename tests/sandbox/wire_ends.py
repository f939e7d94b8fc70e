"""Both ends of a wire in one process."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from galapagos_memory_file import SIZE, sealed_memory
from galapagos_wire import Wire


@contextmanager
def wires() -> Iterator[tuple[Wire, Wire, socket.socket]]:
    """Both ends, and the socket of the first."""
    ours, theirs = socket.socketpair()
    file = sealed_memory("test", SIZE)
    try:
        with ours, theirs:
            yield Wire(ours, file), Wire(theirs, file), ours
    finally:
        os.close(file)


def open_descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def received(data: bytes) -> object:
    """What arrives of `data`, when its sender hangs up after it."""
    with wires() as (_, end, stream):

        def send() -> None:
            try:
                stream.sendall(data)
            except BrokenPipeError:
                return
            stream.shutdown(socket.SHUT_WR)

        sender = threading.Thread(target=send)
        sender.start()
        try:
            return end.receive(time.monotonic() + 10)[1]
        finally:
            # The sender of what was refused unread is freed from its wait.
            end._stream.close()
            sender.join()
