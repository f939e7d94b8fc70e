"""The wire: what travels, and what a candidate that writes to it directly gains (nothing)."""

import socket
import struct
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluators.sandbox import Cause, Sandbox
from tests.sandbox.jobs import attack

sys.path.insert(0, str(Path(__file__).parents[2] / "evaluators" / "harness"))

from galapagos_wire import HEADER, MAGIC, NotPlainData, ProtocolError, Wire, decode, encode

_WIRE = 3
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)
_FRAMES = {
    "nothing": b"",
    "noise": b"\xff" * 100,
    "huge structure": HEADER.pack(MAGIC, 0, 0xFFFFFFFF, 0),
    "huge arrays": HEADER.pack(MAGIC, 0, 1, 0xFFFFFFFF) + b"\xc0",
    "not msgpack": HEADER.pack(MAGIC, 0, 2, 0) + b"\xc1\xc1",
    "trailing": HEADER.pack(MAGIC, 0, 3, 0) + b"\xc0\xc0\xc0",
    "list of 2^32": HEADER.pack(MAGIC, 0, 5, 0) + b"\xdd\xff\xff\xff\xff",
    "map of 2^32": HEADER.pack(MAGIC, 0, 5, 0) + b"\xdf\xff\xff\xff\xff",
    "deep": HEADER.pack(MAGIC, 0, 200_001, 0) + b"\x91" * 200_000 + b"\xc0",
    "deep enough": HEADER.pack(MAGIC, 0, 201, 0) + b"\x91" * 200 + b"\xc0",
    "wide and deep": HEADER.pack(MAGIC, 0, 5 + (1 << 20), 0) + b"\xdd\x00\x10\x00\x00" + b"\x90" * (1 << 20),
    "timestamp": HEADER.pack(MAGIC, 0, 6, 0) + b"\xd6\xff\x00\x00\x00\x00",
    "integer keys": HEADER.pack(MAGIC, 0, 3, 0) + b"\x81\x01\x02",
    "unknown extension": HEADER.pack(MAGIC, 0, 3, 0) + b"\xd4\x05\x00",
    "pickle": HEADER.pack(MAGIC, 0, 15, 0) + b"\x80\x04\x95cposix\nsyst",
    "ready, then an early reply": HEADER.pack(MAGIC, 0, 6, 0) + b"\x93\x00\xa0\xa0\xc0\xc0"[:6],
}


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("name", list(_FRAMES))
async def test_frames_of_a_candidates_own_making(slot: Sandbox, name: str) -> None:
    source = f"import os\nos.write({_WIRE}, FRAME)\nos._exit(0)\n"
    frame = _FRAMES[name]
    literal = f"bytes.fromhex('{frame.hex()}')"
    if len(frame) > 1000:
        head = frame[: frame.index(b"\x91" * 64 if name == "deep" else b"\x90" * 64)]
        fill = "b'\\x91' * 200000 + b'\\xc0'" if name == "deep" else "b'\\x90' * (1 << 20)"
        literal = f"bytes.fromhex('{head.hex()}') + {fill}"
        source = f"import os\ndata = FRAME\nwhile data:\n    data = data[os.write({_WIRE}, data):]\nos._exit(0)\n"
    result = await attack(slot, source.replace("FRAME", literal), timeout_s=5)
    assert result.cause in {Cause.PROTOCOL, Cause.DIED}, result


@pytest.mark.asyncio(loop_scope="session")
async def test_early_replies_are_not_replies(slot: Sandbox) -> None:
    import msgspec

    ready = msgspec.msgpack.encode((0, "", ""))
    reply = msgspec.msgpack.encode((2, [1e9]))
    frames = HEADER.pack(MAGIC, 0, len(ready), 0) + ready + HEADER.pack(MAGIC, 0, len(reply), 0) + reply
    source = f"import os, time\nos.write({_WIRE}, bytes.fromhex('{frames.hex()}'))\ntime.sleep(60)\n"
    result = await attack(slot, source, "number_of", timeout_s=5)
    assert result.cause is Cause.PROTOCOL
    assert "before it was known" in result.message


@pytest.mark.asyncio(loop_scope="session")
async def test_dripping_bytes_meet_the_deadline(slot: Sandbox) -> None:
    head = HEADER.pack(MAGIC, 0, 1000, 0)
    drip = f"""
        import os, time
        for byte in {head!r} + bytes(1000):
            os.write({_WIRE}, bytes([byte]))
            time.sleep(0.05)
        """
    result = await attack(slot, drip, timeout_s=0.6)
    assert result.cause is Cause.TIMED_OUT
    assert result.duration_s < 2


@given(_VALUES)
@settings(max_examples=150, deadline=None)
def test_plain_values_travel_unchanged(value: object) -> None:
    structure, buffers, length = encode(value)
    assert buffers == []
    assert length == 0
    assert decode(structure, bytearray()) == value


@given(st.binary(max_size=200), st.binary(max_size=64))
@settings(max_examples=500, deadline=None)
def test_noise_is_refused_or_plain(structure: bytes, arrays: bytes) -> None:
    try:
        decode(structure, bytearray(arrays))
    except ProtocolError:
        return


@given(st.lists(st.sampled_from(["b1", "i8", "f4", "c16", "u2"]), max_size=6), st.data())
@settings(max_examples=50, deadline=None)
def test_arrays_travel_unchanged_and_apart(codes: list[str], data: st.DataObject) -> None:
    sent = [np.ones(data.draw(st.lists(st.integers(0, 4), max_size=3)), code) for code in codes]
    ours, theirs = socket.socketpair()
    with ours, theirs:
        Wire(ours).send(7, sent, time.monotonic() + 5)
        nonce, received = Wire(theirs).receive(time.monotonic() + 5)
    assert nonce == 7
    assert isinstance(received, list)
    for array in received:
        array[...] = 0
    for before, after in zip(sent, received, strict=True):
        assert after.dtype == before.dtype
        assert after.shape == before.shape


@pytest.mark.parametrize(
    ("code", "shape", "offset"),
    [
        ("|O", [1], 0),
        ("<f8", [-1], 0),
        ("<f8", [1] * 17, 0),
        ("<f8", [9], 0),
        ("<f8", [1], 1),
        ("<f8", [2**40, 2**40], 0),
        ("|b1", [4], 0),
        ("<M8[s]", [1], 0),
        ("|V8", [1], 0),
        (">f8", [1], 0),
        ("<f8", [1], -16),
        ("<f8", [1], 64),
    ],
)
def test_arrays_that_lie_are_refused(code: str, shape: list[int], offset: int) -> None:
    import msgspec

    extension = msgspec.msgpack.Ext(1, msgspec.msgpack.encode((code, shape, offset)))
    with pytest.raises(ProtocolError):
        decode(msgspec.msgpack.encode(extension), bytearray(b"\x02" * 64))


def test_two_arrays_may_not_share_memory() -> None:
    import msgspec

    one = msgspec.msgpack.Ext(1, msgspec.msgpack.encode(("<f8", [2], 0)))
    with pytest.raises(ProtocolError, match="one after the other"):
        decode(msgspec.msgpack.encode([one, one]), bytearray(64))


@pytest.mark.parametrize("value", [object(), {1: 2}, 1 << 70, np.array([object()]), np.array(["text"]), bytes(9 << 20)])
def test_what_is_not_plain_is_not_sent(value: object) -> None:
    with pytest.raises(NotPlainData, match="expected"):
        encode(value)


def test_a_sender_that_nobody_reads_meets_its_deadline() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(TimeoutError):
        Wire(ours).send(0, np.zeros(1 << 20), time.monotonic() + 0.2)


def test_a_header_that_lies_costs_no_memory() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(struct.pack("<4sQII", MAGIC, 0, 1, 64 << 20) + b"\xc0")
        with pytest.raises(TimeoutError):
            Wire(theirs).receive(time.monotonic() + 0.1)
