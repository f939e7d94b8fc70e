"""Which values cross the wire, and how: a structure of plain values as msgpack, and the bytes of its arrays.

Arrays are extension values in the structure that name their dtype, shape and place among those bytes. Everything that
is decoded is treated as hostile: sizes, counts, depth and types are checked before anything is made of them.
"""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any, cast

import msgspec
import numpy as np
from galapagos_memory_file import SIZE, Buffer

AnyArray = np.ndarray[Any, np.dtype[Any]]
LARGEST_STRUCTURE = 8 << 20
LARGEST_ARRAYS = SIZE
MOST_VALUES = 1 << 18
MOST_ARRAYS = 1 << 14
"""In one message, so that what is done with it takes a bounded time as well."""
DEEPEST = 32
_ALIGNMENT = 16
_MOST_DIMENSIONS = 16
_ARRAY = 1
_DTYPES = {
    code: np.dtype(code)
    for code in ("|b1", "|i1", "<i2", "<i4", "<i8", "|u1", "<u2", "<u4", "<u8", "<f2", "<f4", "<f8", "<c8", "<c16")
}
_NAMED = {"bfloat16": np.dtype("<u2"), "float8_e4m3fn": np.dtype("|u1"), "float8_e5m2": np.dtype("|u1")}
_KNOWN = _DTYPES | _NAMED


class ProtocolError(Exception):
    """What arrived is not a frame of this protocol."""


class NotPlainData(TypeError):
    """A value cannot travel. The text says what may."""


class Named:
    """An array of numbers of a type that numpy lacks.

    `dtype` is its name, bfloat16, float8_e4m3fn or float8_e5m2; `bits` holds the numbers' bits, uint16 for the
    first and uint8 for the others, in any shape. `Named("bfloat16", tensor.view(torch.uint16).numpy())` makes one of a
    torch tensor, `torch.from_numpy(named.bits).view(torch.bfloat16)` the tensor again.
    """

    __slots__ = ("bits", "dtype")

    def __init__(self, dtype: str, bits: AnyArray) -> None:
        if dtype not in _NAMED:
            raise ValueError(f"expected one of {', '.join(_NAMED)}; got {dtype[:32]!r}")
        if bits.dtype != _NAMED[dtype]:
            raise TypeError(f"expected the bits of {dtype} as {_NAMED[dtype]}; got {bits.dtype}; pass x.view({_NAMED[dtype]})")
        self.dtype = dtype
        self.bits = bits

    def float32(self) -> np.ndarray[Any, np.dtype[np.float32]]:
        """The numbers, each exactly: float32 holds all of these types.

        The 8-bit types are those of the OCP 8-bit Floating Point Specification, 1.0.
        """
        if self.dtype == "bfloat16":
            # The upper half of a float32.
            wide = np.zeros((*self.bits.shape, 2), np.uint16)
            wide[..., 1] = self.bits
            return wide.view(np.float32)[..., 0]
        return (_E4M3FN if self.dtype == "float8_e4m3fn" else _E5M2)[self.bits]


def _e4m3fn() -> np.ndarray[Any, np.dtype[np.float32]]:
    """The value of each byte: sign, 4 bits of exponent (bias 7), 3 of mantissa; no infinity, NaN where all seven are 1."""
    code = np.arange(128)
    exponent, mantissa = code >> 3, code & 7
    positive = np.where(exponent == 0, mantissa * 2.0**-9, (8 + mantissa) * 2.0 ** (exponent - 10))
    positive[127] = np.nan
    return np.concatenate([positive, -positive]).astype(np.float32)


_E4M3FN = _e4m3fn()
_E5M2 = (np.arange(256, dtype=np.uint16) << 8).view(np.float16).astype(np.float32)
"""The upper half of a float16."""
_SCALARS = frozenset({type(None), bool, int, float, str, bytes, np.ndarray, Named})


class _Arrays:
    """Takes the arrays out of a structure that is being encoded, and keeps their bytes to be sent beside it."""

    def __init__(self) -> None:
        self.buffers: list[Buffer] = []
        self.length = 0
        self._count = 0

    def extract(self, item: object) -> object:
        if isinstance(item, np.generic):
            return cast("object", item.item())
        if isinstance(item, Named):
            return self._add(item.dtype, item.bits)
        if not isinstance(item, np.ndarray):
            raise NotPlainData(
                "expected None, bool, int, float, str, bytes, list, tuple, dict, numpy array or Named; "
                f"got {type(item).__name__}"
            )
        array = cast("AnyArray", item)
        if array.dtype.byteorder == ">":
            array = array.astype(array.dtype.newbyteorder("<"))
        code = array.dtype.str
        if code not in _DTYPES:
            raise NotPlainData(
                f"expected an array of {', '.join(_DTYPES)}; got dtype {array.dtype}; "
                f"send {', '.join(_NAMED)} as Named of their bits"
            )
        return self._add(code, array)

    def _add(self, code: str, array: AnyArray) -> msgspec.msgpack.Ext:
        if array.ndim > _MOST_DIMENSIONS or array.nbytes > LARGEST_ARRAYS:
            raise NotPlainData(
                f"expected at most {_MOST_DIMENSIONS} dimensions and {LARGEST_ARRAYS} bytes; "
                f"got {array.ndim} and {array.nbytes}"
            )
        self._count += 1
        if self._count > MOST_ARRAYS:
            raise NotPlainData(f"expected at most {MOST_ARRAYS} arrays in a message; got more; stack them into one")
        offset = self.length
        padding = -array.nbytes % _ALIGNMENT
        if array.nbytes:
            self.buffers.append(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
        if padding:
            self.buffers.append(bytes(padding))
        self.length += array.nbytes + padding
        return msgspec.msgpack.Ext(_ARRAY, msgspec.msgpack.encode((code, array.shape, offset)))


def encode(value: object) -> tuple[bytes, list[Buffer], int]:
    """The structure, the buffers that belong to it, and their total length.

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
    if len(structure) > MOST_VALUES:
        _count(structure, NotPlainData)
    return structure, arrays.buffers, arrays.length


def decode(structure: Buffer, arrays: bytearray | AnyArray) -> object:
    """The value of a received frame: exact built-in types and arrays that share no memory with one another.

    Raises:
        ProtocolError: anything that `encode` would not have made.
    """
    end = count = 0

    def extension(code: int, payload: memoryview) -> AnyArray | Named:
        nonlocal end, count
        count += 1
        if code != _ARRAY or count > MOST_ARRAYS:
            raise ProtocolError(f"expected at most {MOST_ARRAYS} arrays and no other extension; got extension {code}")
        array, end = _array(payload, arrays, end)
        return array

    if len(structure) > MOST_VALUES:
        _count(structure, ProtocolError)
    try:
        value: object = msgspec.msgpack.decode(structure, ext_hook=extension)
    except (msgspec.MsgspecError, ValueError, TypeError, RecursionError, MemoryError, OverflowError) as error:
        raise ProtocolError(f"not a value of the wire: {error}") from None
    if _aligned(end) != len(arrays):
        raise ProtocolError(f"expected {_aligned(end)} bytes of arrays, as many as the arrays take; got {len(arrays)}")
    _check(value)
    return value


def _aligned(place: int) -> int:
    return -(-place // _ALIGNMENT) * _ALIGNMENT


def _array(payload: memoryview, arrays: bytearray | AnyArray, end: int) -> tuple[AnyArray | Named, int]:
    code, shape, offset = msgspec.msgpack.decode(payload, type=tuple[str, list[int], int])
    if code not in _KNOWN:
        raise ProtocolError(f"expected a plain dtype, got {code[:16]!r}")
    if len(shape) > _MOST_DIMENSIONS or any(side < 0 or side > LARGEST_ARRAYS for side in shape):
        raise ProtocolError("expected at most 16 dimensions, none negative or beyond the frame")
    dtype = _KNOWN[code]
    count = prod(shape)
    size = count * dtype.itemsize
    if offset != _aligned(end) or offset + size > len(arrays):
        raise ProtocolError("expected arrays one after the other within the frame")
    if size:
        end = offset + size
        array = np.frombuffer(arrays, dtype, count, offset).reshape(shape)
    else:
        array = np.empty(shape, dtype)
    if code == "|b1" and size and array.view(np.uint8).max() > 1:
        raise ProtocolError("expected booleans of 0 and 1")
    return Named(code, array) if code in _NAMED else array, end


def _steps() -> list[int]:
    """By a value's first byte: bytes to its end; or, negative, how many more name its length; 0 for none such."""
    steps = [1] * 256
    steps[0xA0:0xC0] = range(1, 33)
    steps[0xC1] = 0
    for first, rest in ((0xCA, 4), (0xCB, 8), (0xCC, 1), (0xCD, 2), (0xCE, 4), (0xCF, 8)):
        steps[first] = 1 + rest
    for power in range(5):
        steps[0xD4 + power] = 2 + (1 << power)
    for power in range(4):
        steps[0xD0 + power] = 1 + (1 << power)
    steps[0xDC:0xE0] = (3, 5, 3, 5)
    for power in range(3):
        for first in (0xC4, 0xC7, 0xD9):
            steps[first + power] = -(1 << power)
    return steps


_STEPS = _steps()


def _count(structure: Buffer, refusal: Callable[[str], Exception]) -> None:
    """Refuse more than `MOST_VALUES` values before any is made: a byte on the wire can be an object of 64 bytes here."""
    place, end, steps = 0, len(structure), _STEPS
    for _ in range(MOST_VALUES):
        if place >= end:
            return
        first = structure[place]
        step = steps[first]
        if step <= 0:
            if step == 0:
                raise refusal("expected msgpack; got a byte that has no meaning in it")
            length = place + 1 - step
            # An extension's kind stands between its length and its bytes.
            step = length - place + int.from_bytes(structure[place + 1 : length], "big") + (0xC7 <= first <= 0xC9)
        place += step
    if place < end:
        raise refusal(f"expected at most {MOST_VALUES} values in a message; got more; send numbers as numpy arrays")


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
