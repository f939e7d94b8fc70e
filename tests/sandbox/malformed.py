"""The corpus of malformed messages: what each is named, what it attacks, and its bytes."""

import struct
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

HEADER = struct.Struct("<4sQII")
MAGIC = b"GAL1"
_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Malformed:
    """One message. `data` is all that is sent before the sender hangs up."""

    name: str
    attacks: str
    data: bytes

    def __str__(self) -> str:
        return self.name


def frame(structure: bytes, arrays: bytes = b"", *, claimed: int | None = None, nonce: int = 0) -> bytes:
    """A frame with an honest header; `claimed` bytes of arrays instead of those that follow."""
    return HEADER.pack(MAGIC, nonce, len(structure), len(arrays) if claimed is None else claimed) + structure + arrays


def array(code: object, shape: object, offset: object, *rest: object) -> bytes:
    """An array's entry in the structure."""
    return msgspec.msgpack.encode(msgspec.msgpack.Ext(1, msgspec.msgpack.encode((code, shape, offset, *rest))))


def several(*entries: bytes) -> bytes:
    """A list of entries."""
    return bytes([0x90 + len(entries)]) + b"".join(entries)


def _headers() -> Iterable[Malformed]:
    yield Malformed("nothing", "the wait for a first byte", b"")
    yield Malformed("half a header", "reading past the end", frame(b"\xc0")[:11])
    yield Malformed("another magic", "taking noise for a frame", b"GAL2" + frame(b"\xc0")[4:])
    yield Malformed("noise", "taking noise for a frame", b"\xff" * 100)
    yield Malformed("a web request", "taking another protocol for a frame", b"GET / HTTP/1.1\r\nHost: judge\r\n\r\n")
    yield Malformed("huge structure", "allocation by a lying header", HEADER.pack(MAGIC, 0, 0xFFFFFFFF, 0))
    yield Malformed("huge arrays", "allocation by a lying header", HEADER.pack(MAGIC, 0, 1, 0xFFFFFFFF) + b"\xc0")
    yield Malformed("largest structure, nothing sent", "allocation by a lying header", HEADER.pack(MAGIC, 0, 8 * _MIB, 0))
    yield Malformed("arrays that do not follow", "reading past the end", frame(array("<f8", [8], 0), claimed=64))
    yield Malformed("arrays that nobody wrote", "allocation in the memory file", frame(b"\xc0", claimed=64 * _MIB))
    yield Malformed("arrays that nobody names", "bytes smuggled in unread", frame(b"\xc0", bytes(64)))
    yield Malformed("no structure", "an empty message", frame(b""))


def _structures() -> Iterable[Malformed]:
    yield Malformed("not msgpack", "the decoder", frame(b"\xc1\xc1"))
    yield Malformed("trailing bytes", "two messages in one frame", frame(b"\xc0\xc0\xc0"))
    yield Malformed("cut off", "reading past the end", frame(b"\x93\x01\x02"))
    yield Malformed("pickle", "code run while decoding", frame(b"\x80\x04\x95cposix\nsystem\n(S'id'\ntR."))
    yield Malformed("list of 2^32", "allocation by a lying count", frame(b"\xdd\xff\xff\xff\xff"))
    yield Malformed("list of 2^28", "allocation by a lying count", frame(b"\xdd\x10\x00\x00\x00"))
    yield Malformed("map of 2^32", "allocation by a lying count", frame(b"\xdf\xff\xff\xff\xff"))
    yield Malformed("lists of 65535 in one another", "allocation by many lying counts", frame(b"\xdc\xff\xff" * 900))
    yield Malformed("text of 2^32", "allocation by a lying length", frame(b"\xdb\xff\xff\xff\xff"))
    yield Malformed("bytes of 2^32", "allocation by a lying length", frame(b"\xc6\xff\xff\xff\xff"))
    yield Malformed("extension of 2^32", "allocation by a lying length", frame(b"\xc9\xff\xff\xff\xff\x01"))
    yield Malformed("200,000 levels", "the stack", frame(b"\x91" * 200_000 + b"\xc0"))
    yield Malformed("33 levels", "the limit of depth", frame(b"\x91" * 33 + b"\xc0"))
    yield Malformed("eight million lists", "64 bytes of memory for one of the wire", frame(_wide(8 * _MIB - 5, b"\x90")))
    yield Malformed("eight million keys", "64 bytes of memory for one of the wire", frame(_wide_map(8 * _MIB - 8)))
    yield Malformed("one value too many", "the limit of count", frame(_wide(1 << 18, b"\x01")))
    yield Malformed("no character at all", "the decoder of text", frame(b"\xa2\xff\xfe"))
    yield Malformed("half a surrogate pair", "the decoder of text", frame(b"\xa3\xed\xa0\x80"))
    yield Malformed("timestamp", "a type that is not plain", frame(b"\xd6\xff\x00\x00\x00\x00"))
    yield Malformed("unknown extension", "a type that is not plain", frame(b"\xd4\x05\x00"))
    yield Malformed("key that is a number", "a dict whose keys are not text", frame(b"\x81\x01\x02"))
    yield Malformed("key that is a list", "a dict whose keys cannot be hashed", frame(b"\x81\x90\x02"))
    yield Malformed(
        "key that is an array", "a dict whose keys cannot be hashed", frame(b"\x81" + array("|u1", [0], 0) + b"\x02")
    )


def _wide(count: int, value: bytes) -> bytes:
    return b"\xdd" + struct.pack(">I", count) + value * count


def _wide_map(size: int) -> bytes:
    return b"\xdf" + struct.pack(">I", size // 3) + b"\xa1k\x80" * (size // 3)


def _arrays() -> Iterable[Malformed]:
    lies: dict[str, tuple[str, bytes]] = {
        "object dtype": ("pointers made by the sender", array("|O", [1], 0)),
        "structured dtype": ("a dtype that holds objects", array([["a", "|O"]], [1], 0)),
        "text dtype": ("a type that is not plain", array("<U4", [4], 0)),
        "raw dtype": ("a type that is not plain", array("|V8", [1], 0)),
        "dates": ("a type that is not plain", array("<M8[s]", [1], 0)),
        "long doubles": ("a type that differs by machine", array("<f16", [1], 0)),
        "swapped bytes": ("a type that is not plain", array(">f8", [8], 0)),
        "unknown name": ("a type that is not plain", array("float4_e2m1fn", [64], 0)),
        "negative dimension": ("sizes that wrap around", array("<f8", [-1, -8], 0)),
        "17 dimensions": ("numpy's own limit", array("|u1", [1] * 16 + [64], 0)),
        "2^80 numbers": ("sizes that wrap around", array("<f8", [2**40, 2**40], 0)),
        "2^64 numbers": ("sizes that wrap around to nothing", array("<f8", [2**32, 2**32], 0)),
        "no numbers of a huge shape": ("sizes that wrap around in numpy", array("<f8", [0, *[1 << 26] * 15], 0)),
        "larger than the frame": ("memory of others", array("<f8", [9], 0)),
        "outside of the frame": ("memory of others", array("<f8", [1], 1 << 20)),
        "before the frame": ("memory of others", array("<f8", [8], -16)),
        "not aligned": ("access across alignment", array("<f8", [7], 8)),
        "a gap before it": ("bytes smuggled in unread", array("<f8", [6], 16)),
        "fewer than sent": ("bytes smuggled in unread", array("<f8", [6], 0)),
        "booleans of 2": ("a truth that is neither", array("|b1", [64], 0)),
        "shape of fractions": ("the decoder of arrays", array("<f8", [8.0], 0)),
        "shape of text": ("the decoder of arrays", array("<f8", "8", 0)),
        "offset of 2^64": ("sizes that wrap around", array("<f8", [8], 2**64 - 1)),
        "one entry too many": ("the decoder of arrays", array("<f8", [8], 0, 0)),
        "an entry that is not msgpack": ("the decoder of arrays", b"\xc7\x02\x01\xc1\xc1"),
        "an empty entry": ("the decoder of arrays", b"\xc7\x00\x01"),
        "the same bytes twice": ("arrays that change one another", several(array("<f8", [8], 0), array("<f8", [8], 0))),
        "overlapping": ("arrays that change one another", several(array("<f8", [8], 0), array("<f8", [2], 48))),
    }
    for name, (attacks, structure) in lies.items():
        yield Malformed(name, attacks, frame(structure, b"\x02" * 64))
    many = _wide((1 << 14) + 1, array("|u1", [0], 0))
    yield Malformed("one array too many", "time spent on tiny arrays", frame(many))
    large = array("|b1", [1 << 18], 0)
    yield Malformed("large array of other bytes", "an unchecked memory file", frame(large, claimed=1 << 19))


CORPUS = (*_headers(), *_structures(), *_arrays())
