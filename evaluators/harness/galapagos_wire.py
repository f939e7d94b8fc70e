"""The wire between judge and candidate: plain data in frames, with everything that arrives treated as hostile.

A frame is a header (magic, nonce, length of the structure, length of the array bytes), the structure as msgpack, and
the bytes of its arrays one after the other. Arrays are extension values in the structure that name their dtype, shape
and place. A reply carries its request's nonce, so nothing sent too early can be taken for it.
"""

import os
import socket
import struct
import time
from collections.abc import Sequence
from math import prod
from typing import Any, cast

import msgspec
import numpy as np

Buffer = bytes | bytearray | memoryview
_AnyArray = np.ndarray[Any, np.dtype[Any]]
HEADER = struct.Struct("<4sQII")
MAGIC = b"GAL1"
LARGEST_STRUCTURE = 8 << 20
LARGEST_ARRAYS = 64 << 20
DEEPEST = 32
_ALIGNMENT = 16
_MOST_DIMENSIONS = 16
_CHUNK = 1 << 20
_ARRAY = 1
_DTYPES = {
    code: np.dtype(code)
    for code in ("|b1", "|i1", "<i2", "<i4", "<i8", "|u1", "<u2", "<u4", "<u8", "<f2", "<f4", "<f8", "<c8", "<c16")
}
_SCALARS = frozenset({type(None), bool, int, float, str, bytes, np.ndarray})


class ProtocolError(Exception):
    """What arrived is not a frame of this protocol."""


class NotPlainData(TypeError):
    """A value cannot travel. The text says what may."""


class Closed(Exception):
    """The other end is gone."""


def new_nonce() -> int:
    """A number that the other side cannot guess."""
    return int.from_bytes(os.urandom(8), "little")


class _Arrays:
    """Takes the arrays out of a structure that is being encoded, and keeps their bytes to be sent after it."""

    def __init__(self) -> None:
        self.buffers: list[Buffer] = []
        self.length = 0

    def extract(self, item: object) -> object:
        if isinstance(item, np.generic):
            return cast("object", item.item())
        if not isinstance(item, np.ndarray):
            raise NotPlainData(
                f"expected None, bool, int, float, str, bytes, list, tuple, dict or numpy array; got {type(item).__name__}"
            )
        array = cast("_AnyArray", item)
        if array.dtype.byteorder == ">":
            array = array.astype(array.dtype.newbyteorder("<"))
        code = array.dtype.str
        if code not in _DTYPES:
            raise NotPlainData(f"expected an array of {', '.join(_DTYPES)}; got dtype {array.dtype}")
        if array.ndim > _MOST_DIMENSIONS or array.nbytes > LARGEST_ARRAYS:
            raise NotPlainData(
                f"expected at most {_MOST_DIMENSIONS} dimensions and {LARGEST_ARRAYS} bytes; "
                f"got {array.ndim} and {array.nbytes}"
            )
        offset = self.length
        padding = -array.nbytes % _ALIGNMENT
        if array.nbytes:
            self.buffers.append(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
        if padding:
            self.buffers.append(bytes(padding))
        self.length += array.nbytes + padding
        return msgspec.msgpack.Ext(_ARRAY, msgspec.msgpack.encode((code, array.shape, offset)))


def encode(value: object) -> tuple[bytes, list[Buffer], int]:
    """The structure, the buffers that follow it, and their total length.

    Raises:
        NotPlainData: a type that may not travel, a cycle, or more than the wire carries.
    """
    _check(value, sending=True)
    arrays = _Arrays()
    try:
        structure = msgspec.msgpack.encode(value, enc_hook=arrays.extract)
    except NotPlainData:
        raise
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise NotPlainData(f"expected plain data (integers within 64 bits, keys of type str); got: {error}") from None
    if len(structure) > LARGEST_STRUCTURE or arrays.length > LARGEST_ARRAYS:
        raise NotPlainData(
            f"expected at most {LARGEST_STRUCTURE} bytes of values and {LARGEST_ARRAYS} bytes of arrays; "
            f"got {len(structure)} and {arrays.length}; send numbers as numpy arrays, or less of them"
        )
    return structure, arrays.buffers, arrays.length


def decode(structure: Buffer, arrays: bytearray) -> object:
    """The value of a received frame: exact built-in types and arrays that share no memory with one another.

    Raises:
        ProtocolError: anything that `encode` would not have made.
    """
    end = 0

    def extension(code: int, payload: memoryview) -> _AnyArray:
        nonlocal end
        if code != _ARRAY:
            raise ProtocolError(f"expected an array, got extension {code}")
        array, end = _array(payload, arrays, end)
        return array

    try:
        value: object = msgspec.msgpack.decode(structure, ext_hook=extension)
    except (msgspec.MsgspecError, ValueError, TypeError, RecursionError, MemoryError, OverflowError) as error:
        raise ProtocolError(f"not a value of the wire: {error}") from None
    _check(value)
    return value


def _array(payload: memoryview, arrays: bytearray, end: int) -> tuple[_AnyArray, int]:
    code, shape, offset = msgspec.msgpack.decode(payload, type=tuple[str, list[int], int])
    if code not in _DTYPES:
        raise ProtocolError(f"expected a plain dtype, got {code[:16]!r}")
    if len(shape) > _MOST_DIMENSIONS or any(side < 0 or side > LARGEST_ARRAYS for side in shape):
        raise ProtocolError("expected at most 16 dimensions, none negative or beyond the frame")
    dtype = _DTYPES[code]
    count = prod(shape)
    size = count * dtype.itemsize
    if offset < end or offset % _ALIGNMENT or offset + size > len(arrays):
        raise ProtocolError("expected arrays one after the other within the frame")
    if size == 0:
        return np.empty(shape, dtype), end
    flat = np.frombuffer(arrays, dtype, count, offset)
    if code == "|b1" and flat.view(np.uint8).max() > 1:
        raise ProtocolError("expected booleans of 0 and 1")
    return flat.reshape(shape), offset + size


def _check(value: object, *, sending: bool = False) -> None:
    """Keys and depth in both directions; exact types of what came, where what goes is left to the encoder."""
    refusal = NotPlainData if sending else ProtocolError
    level: list[object] = [value]
    for _ in range(DEEPEST):
        inner: list[object] = []
        for item in level:
            kind = type(item)
            if kind is list or kind is tuple:
                inner.extend(cast("Sequence[object]", item))
            elif kind is dict:
                table = cast("dict[object, object]", item)
                if any(type(key) is not str for key in table):
                    raise refusal("expected a dict with keys of type str; got another key")
                inner.extend(table.values())
            elif not sending and kind not in _SCALARS:
                raise refusal(f"expected plain data; got {kind.__name__}")
        if not inner:
            return
        level = inner
    raise refusal(f"expected at most {DEEPEST} levels of nesting; got more")


class Wire:
    """One end of the wire over a connected stream socket. Every wait ends at an absolute time of `time.monotonic`."""

    def __init__(self, stream: socket.socket) -> None:
        self._stream = stream

    def send(self, nonce: int, value: object, deadline: float | None = None) -> None:
        """Send one frame.

        Raises:
            NotPlainData: nothing was sent.
            Closed, TimeoutError: the frame was not taken whole.
        """
        structure, buffers, length = encode(value)
        parts: list[Buffer] = [HEADER.pack(MAGIC, nonce, len(structure), length) + structure, *buffers]
        try:
            for start in range(0, len(parts), 512):
                self._send_all(parts[start : start + 512], deadline)
        except (BrokenPipeError, ConnectionResetError):
            raise Closed from None

    def _send_all(self, parts: Sequence[Buffer], deadline: float | None) -> None:
        self._wait_until(deadline)
        sent = self._stream.sendmsg(parts)
        for part in parts:
            view = memoryview(part).cast("B")
            if sent >= len(view):
                sent -= len(view)
                continue
            view = view[sent:]
            sent = 0
            while view:
                self._wait_until(deadline)
                view = view[self._stream.send(view) :]

    def receive(self, deadline: float | None = None) -> tuple[int, object]:
        """The nonce and value of the next frame.

        Raises:
            ProtocolError: what came is no frame.
            Closed, TimeoutError: no whole frame came.
        """
        try:
            magic, nonce, structure_length, arrays_length = HEADER.unpack(self._exactly(HEADER.size, deadline))
            if magic != MAGIC:
                raise ProtocolError(f"expected a frame, got {magic!r}")
            if structure_length > LARGEST_STRUCTURE or arrays_length > LARGEST_ARRAYS:
                raise ProtocolError(f"expected a frame within the limits, got {structure_length} and {arrays_length} bytes")
            structure = self._exactly(structure_length, deadline)
            arrays = self._exactly(arrays_length, deadline)
        except ConnectionResetError:
            raise Closed from None
        return nonce, decode(structure, arrays)

    def _exactly(self, size: int, deadline: float | None) -> bytearray:
        # Grown as bytes arrive: a header that lies costs the liar's bytes, not our memory.
        data = bytearray(min(size, _CHUNK))
        filled = 0
        while filled < size:
            if filled == len(data):
                data.extend(bytes(min(size - filled, max(_CHUNK, filled))))
            self._wait_until(deadline)
            with memoryview(data) as view:
                received = self._stream.recv_into(view[filled:])
            if received == 0:
                raise Closed
            filled += received
        return data

    def _wait_until(self, deadline: float | None) -> None:
        if deadline is None:
            return
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._stream.settimeout(left)
