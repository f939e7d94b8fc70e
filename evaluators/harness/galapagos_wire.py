"""The wire between judge and candidate: plain data in frames, with everything that arrives treated as hostile.

A frame is a header (magic, nonce, length of the structure, length of the arrays' bytes) and the structure as msgpack
(`galapagos_values`). The bytes of its arrays follow, or, where they are many, lie in the memory file that both ends
share. A reply carries its request's nonce, so nothing sent too early can be taken for it. One end speaks at a time.
"""

import os
import select
import socket
import struct
import time
from collections.abc import Sequence

from galapagos_memory_file import Buffer, MemoryFile
from galapagos_values import LARGEST_ARRAYS, LARGEST_STRUCTURE, AnyArray, ProtocolError, decode, encode

HEADER = struct.Struct("<4sQII")
MAGIC = b"GAL1"
LARGEST_INLINE = (128 << 10) - 1
"""Bytes of arrays that follow the structure; more lie in the memory file."""
_CHUNK = 1 << 20
_FIRST_READ = 4096
_MOST_PARTS = 512
# As plain numbers: an operation on an enumeration's member costs as much as a system call.
_AT_ONCE, _CUT_OFF = int(socket.MSG_DONTWAIT), int(socket.MSG_CTRUNC)


class Closed(Exception):
    """The other end is gone."""


def new_nonce() -> int:
    """A number that the other side cannot guess."""
    return int.from_bytes(os.urandom(8), "little")


class Wire:
    """One end of the wire over a connected stream socket. Every wait ends at an absolute time of `time.monotonic`.

    `memory_file` is the descriptor that both ends have of the file for large arrays.
    """

    def __init__(self, stream: socket.socket, memory_file: int) -> None:
        self._stream = stream
        self._file = MemoryFile(memory_file)
        self._early = b""
        self._readable = select.poll()
        self._readable.register(stream, select.POLLIN)

    def send(self, nonce: int, value: object, deadline: float | None = None) -> None:
        """Send one frame.

        Raises:
            NotPlainData, MemoryError: nothing was sent.
            Closed, TimeoutError: the frame was not taken whole.
        """
        structure, buffers, length = encode(value)
        parts: list[Buffer] = [HEADER.pack(MAGIC, nonce, len(structure), length) + structure]
        if length > LARGEST_INLINE:
            self._file.put(buffers, length)
        else:
            parts += buffers
        try:
            for start in range(0, len(parts), _MOST_PARTS):
                self._send_all(parts[start : start + _MOST_PARTS], deadline)
        except (BrokenPipeError, ConnectionResetError):
            raise Closed from None

    def hand_over(self, descriptors: Sequence[int]) -> None:
        """Send descriptors to the other end, which must be in `take_over`, or on its way there with nothing else to read."""
        socket.send_fds(self._stream, [b"\0"], descriptors)

    def take_over(self, count: int) -> list[int]:
        """The descriptors that the other end hands over.

        Raises:
            ProtocolError: something else came.
            Closed: nothing will come.
        """
        data, descriptors, _, _ = socket.recv_fds(self._stream, 1, count)
        if not data:
            raise Closed
        if self._early or len(descriptors) != count:
            raise ProtocolError(f"expected {count} descriptors; got {len(descriptors)}")
        return list(descriptors)

    def _send_all(self, parts: Sequence[Buffer], deadline: float | None) -> None:
        sent = self._send_some(parts, deadline)
        for part in parts:
            if sent >= len(part):
                sent -= len(part)
                continue
            view = memoryview(part)[sent:]
            sent = 0
            while view:
                view = view[self._send_some([view], deadline) :]

    def _send_some(self, parts: Sequence[Buffer], deadline: float | None) -> int:
        while True:
            try:
                return self._stream.sendmsg(parts, (), _AT_ONCE)
            except BlockingIOError:
                writable = select.poll()
                writable.register(self._stream, select.POLLOUT)
                _wait(writable, deadline)

    def receive(self, deadline: float | None = None) -> tuple[int, object]:
        """The nonce and value of the next frame.

        Raises:
            ProtocolError: what came is no frame.
            Closed, TimeoutError: no whole frame came.
            MemoryError: it is within the limits, and too large for this process.
        """
        try:
            magic, nonce, structure_length, arrays_length = HEADER.unpack(self._take(HEADER.size, deadline))
            if magic != MAGIC:
                raise ProtocolError(f"expected a frame, got {magic!r}")
            if structure_length > LARGEST_STRUCTURE or arrays_length > LARGEST_ARRAYS:
                raise ProtocolError(f"expected a frame within the limits, got {structure_length} and {arrays_length} bytes")
            structure = self._take(structure_length, deadline)
            arrays = self._arrays(arrays_length, deadline)
        except ConnectionResetError:
            raise Closed from None
        return nonce, decode(structure, arrays)

    def _arrays(self, length: int, deadline: float | None) -> bytearray | AnyArray:
        if length == 0:
            return bytearray()
        if length > LARGEST_INLINE:
            return self._file.take(length)
        inline = self._take(length, deadline)
        # Arrays can be written to, so their bytes must be.
        return inline if isinstance(inline, bytearray) else bytearray(inline)

    def _take(self, size: int, deadline: float | None) -> Buffer:
        """The next `size` bytes. A small frame comes in one read, and what follows is kept for the next call."""
        while len(self._early) < size <= _FIRST_READ:
            self._wait_for_bytes(deadline)
            data, _, flags, _ = self._stream.recvmsg(_FIRST_READ)
            _refuse(len(data), flags)
            self._early += data
        early = self._early
        if len(early) >= size:
            self._early = early[size:]
            return early[:size]
        return self._take_much(size, deadline)

    def _take_much(self, size: int, deadline: float | None) -> bytearray:
        # Grown as bytes arrive: a header that lies costs the liar's bytes, not our memory.
        data = bytearray(self._early)
        filled, self._early = len(data), b""
        while filled < size:
            if filled == len(data):
                data.extend(bytes(min(size - filled, max(_CHUNK, filled))))
            self._wait_for_bytes(deadline)
            with memoryview(data) as view:
                received, _, flags, _ = self._stream.recvmsg_into([view[filled:]])
            _refuse(received, flags)
            filled += received
        return data

    def _wait_for_bytes(self, deadline: float | None) -> None:
        if deadline is not None:
            _wait(self._readable, deadline)


def _refuse(received: int, flags: int) -> None:
    if flags & _CUT_OFF:
        # No room was offered for any, so the kernel has closed them.
        raise ProtocolError("expected bytes alone; got descriptors with them, which were refused")
    if received == 0:
        raise Closed


def _wait(poll: select.poll, deadline: float | None) -> None:
    while True:
        left = None if deadline is None else deadline - time.monotonic()
        if left is not None and left <= 0:
            raise TimeoutError
        if poll.poll(None if left is None else left * 1000):
            return
