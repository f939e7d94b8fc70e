"""The wire by itself: what travels, and what is refused at what cost."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from galapagos_memory_file import SIZE
from galapagos_values import MOST_VALUES, Named, NotPlainData, ProtocolError, decode, encode
from galapagos_wire import LARGEST_INLINE, Closed
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sandbox.malformed import CORPUS, HEADER, MAGIC, Malformed, frame
from tests.sandbox.wire_ends import open_descriptors, received, wires

ROOT = Path(__file__).parents[2]
_CODES = ("?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16")
_NAMES = {"bfloat16": "u2", "float8_e4m3fn": "u1", "float8_e5m2": "u1"}


def equal(one: object, other: object) -> bool:
    """The same values of the same types, arrays included."""
    match one, other:
        case np.ndarray(), np.ndarray():
            return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
        case Named(), Named():
            return one.dtype == other.dtype and equal(one.bits, other.bits)
        case list(), list():
            return len(one) == len(other) and all(map(equal, one, other))
        case dict(), dict():
            return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
        case _:
            return type(one) is type(other) and one == other


_PLAIN = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text() | st.binary()


@st.composite
def _arrays(draw: st.DrawFn) -> object:
    shape = draw(st.lists(st.integers(0, 4), max_size=4) | st.just([1] * 16))
    name = draw(st.sampled_from([*_CODES, *_NAMES]))
    dtype = np.dtype(_NAMES.get(name, name))
    bits = np.frombuffer(draw(st.binary(min_size=(size := int(np.prod(shape)) * dtype.itemsize), max_size=size)), np.uint8)
    array = (bits & 1 if name == "?" else bits).view(dtype).reshape(shape)
    return Named(name, array) if name in _NAMES else array


_VALUES = st.recursive(
    _PLAIN | _arrays(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@given(_VALUES, st.integers(0, 2**64 - 1))
@settings(max_examples=200, deadline=None)
def test_values_travel_unchanged(value: object, nonce: int) -> None:
    with wires() as (one, other, _):
        one.send(nonce, value, time.monotonic() + 5)
        echoed, arrived = other.receive(time.monotonic() + 5)
    assert echoed == nonce
    assert equal(value, arrived)


@given(st.lists(st.integers(0, 3 << 17), max_size=4), st.integers(0, 255))
@settings(max_examples=40, deadline=None)
def test_arrays_of_all_sizes_travel_both_ways_and_apart(sizes: list[int], fill: int) -> None:
    sent = [np.full(size, fill, np.uint8) for size in sizes]
    with wires() as (one, other, _):
        for here, there in ((one, other), (other, one), (one, other)):
            here.send(7, sent, time.monotonic() + 5)
            arrived = there.receive(time.monotonic() + 5)[1]
            assert isinstance(arrived, list)
            assert all(map(equal, sent, arrived))
            for index, array in enumerate(arrived):
                array[...] = fill + index & 0xFF
            assert all((array == fill + index & 0xFF).all() for index, array in enumerate(arrived))


def test_the_largest_message_travels_and_a_larger_one_does_not() -> None:
    with wires() as (one, other, _):
        one.send(1, np.arange(SIZE // 8), time.monotonic() + 30)
        arrived = other.receive(time.monotonic() + 30)[1]
        assert isinstance(arrived, np.ndarray)
        assert arrived[-1] == SIZE // 8 - 1
        with pytest.raises(NotPlainData, match="send numbers as numpy arrays, or less"):
            one.send(1, [np.zeros(SIZE // 2 + 1, np.uint8)] * 2)


@given(st.binary(max_size=200), st.binary(max_size=64))
@settings(max_examples=500, deadline=None)
def test_noise_is_refused_or_plain(structure: bytes, arrays: bytes) -> None:
    try:
        value = decode(structure, bytearray(arrays))
    except ProtocolError:
        return
    encode(value)


@given(_VALUES, st.data())
@settings(max_examples=300, deadline=None)
def test_mutated_messages_are_refused_or_plain(value: object, data: st.DataObject) -> None:
    structure, buffers, _ = encode(value)
    message = bytearray(frame(structure, b"".join(buffers)))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(message) - 1))
        match data.draw(st.sampled_from(["change", "insert", "delete", "repeat"])):
            case "change":
                message[place] = data.draw(st.integers(0, 255))
            case "insert":
                message[place:place] = data.draw(st.binary(max_size=8))
            case "delete":
                del message[place : place + data.draw(st.integers(1, 8))]
            case _:
                message[place:place] = message[place : place + 16]
        message = message or bytearray(b"\0")
    try:
        arrived = received(bytes(message))
    except (ProtocolError, Closed):
        return
    encode(arrived)


@pytest.mark.parametrize("malformed", CORPUS, ids=str)
def test_malformed_messages_are_refused(malformed: Malformed) -> None:
    descriptors = open_descriptors()
    started = time.thread_time()
    with pytest.raises((ProtocolError, Closed)):
        received(malformed.data)
    assert time.thread_time() - started < 2
    assert open_descriptors() == descriptors


_MEASURE = """
import os, resource, tracemalloc
from galapagos_values import ProtocolError
from galapagos_wire import Closed
from tests.sandbox.malformed import CORPUS
from tests.sandbox.wire_ends import received
received(bytes.fromhex("47414c3100000000000000000100000000000000c0"))
address_space = int(open("/proc/self/statm").read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
resource.setrlimit(resource.RLIMIT_AS, (address_space + (512 << 20),) * 2)
tracemalloc.start()
for malformed in CORPUS:
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    try:
        received(malformed.data)
    except (ProtocolError, Closed):
        pass
    print(tracemalloc.get_traced_memory()[1] - before, malformed)
"""


def test_what_is_refused_takes_bounded_memory() -> None:
    """Within 512 MiB of address space; beyond what was sent itself, no more than one largest message of arrays."""
    path = os.pathsep.join(map(str, (ROOT, ROOT / "evaluators" / "harness")))
    finished = subprocess.run(
        [sys.executable, "-c", _MEASURE],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert finished.returncode == 0, finished.stderr
    peaks = {name: int(peak) for peak, name in (line.split(" ", 1) for line in finished.stdout.splitlines())}
    assert peaks.keys() == {str(malformed) for malformed in CORPUS}
    allowed = {str(malformed): (4 << 20) + 3 * len(malformed.data) for malformed in CORPUS}
    allowed["arrays that nobody wrote"] += SIZE
    assert {name: peak for name, peak in peaks.items() if peak > allowed[name]} == {}


def test_as_many_values_as_are_allowed_travel() -> None:
    numbers = [1] * (MOST_VALUES - 1)
    assert decode(encode(numbers)[0], bytearray()) == numbers
    with pytest.raises(NotPlainData, match="send numbers as numpy arrays"):
        encode([*numbers, 1])
    text = ["x" * 1000, b"y" * 70_000, {"key": "z" * (1 << 20)}, 1.5, -(2**63), 2**64 - 1] * 4
    assert decode(encode(text)[0], bytearray()) == text


@pytest.mark.parametrize(
    "value",
    [
        object(),
        {1: 2},
        1 << 70,
        -(1 << 64),
        np.array([object()]),
        np.array(["text"]),
        np.zeros(1, np.longdouble),
        np.zeros(1, "M8[s]"),
        np.zeros((1,) * 17),
        np.zeros((0,) * 17),
        bytes(9 << 20),
        [np.zeros(1)] * ((1 << 14) + 1),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_not_plain_is_not_sent(value: object) -> None:
    with pytest.raises(NotPlainData, match="expected"):
        encode(value)


def test_a_value_that_holds_itself_is_not_sent() -> None:
    value: list[object] = []
    value.append(value)
    with pytest.raises(NotPlainData, match="levels of nesting"):
        encode(value)


class TestNamed:
    @pytest.mark.parametrize(
        ("name", "bits", "value"),
        [
            ("bfloat16", 0x3F80, 1.0),
            ("bfloat16", 0xC049, -3.140625),
            ("bfloat16", 0x0001, 2.0**-133),
            ("bfloat16", 0x7F80, np.inf),
            ("float8_e4m3fn", 0x38, 1.0),
            ("float8_e4m3fn", 0x7E, 448.0),
            ("float8_e4m3fn", 0x81, -(2.0**-9)),
            ("float8_e4m3fn", 0x08, 2.0**-6),
            ("float8_e4m3fn", 0xFF, np.nan),
            ("float8_e5m2", 0x3C, 1.0),
            ("float8_e5m2", 0xFB, -57344.0),
            ("float8_e5m2", 0x01, 2.0**-16),
            ("float8_e5m2", 0x7C, np.inf),
            ("float8_e5m2", 0x7D, np.nan),
        ],
    )
    def test_its_numbers_are_exact(self, name: str, bits: int, value: float) -> None:
        for shape in ((), (2, 3)):
            numbers = Named(name, np.full(shape, bits, _NAMES[name])).float32()
            assert numbers.dtype == np.float32
            assert numbers.shape == shape
            assert np.array_equal(numbers, np.full(shape, value), equal_nan=True)

    def test_bits_of_another_type_are_refused(self) -> None:
        with pytest.raises(TypeError, match=r"pass x\.view"):
            Named("bfloat16", np.zeros(2, np.float32))
        with pytest.raises(ValueError, match="expected one of bfloat16"):
            Named("float4", np.zeros(2, np.uint8))


class TestDeadlines:
    def test_a_sender_that_nobody_reads(self) -> None:
        with wires() as (one, _, _), pytest.raises(TimeoutError):
            one.send(0, bytes(1 << 20), time.monotonic() + 0.2)

    @pytest.mark.parametrize("sent", [b"", b"G", HEADER.pack(MAGIC, 0, 5000, 0) + bytes(4500)])
    def test_what_does_not_come(self, sent: bytes) -> None:
        with wires() as (_, end, stream):
            stream.sendall(sent)
            started = time.monotonic()
            with pytest.raises(TimeoutError):
                end.receive(started + 0.1)
            assert 0.1 <= time.monotonic() - started < 1

    def test_dripping_bytes(self) -> None:
        """One byte after the other renews nothing: the deadline is that of the whole frame."""
        stop = threading.Event()
        with wires() as (_, end, stream):

            def drip() -> None:
                for byte in frame(bytes(1000)):
                    if stop.wait(0.01):
                        return
                    stream.sendall(bytes([byte]))

            dripping = threading.Thread(target=drip)
            dripping.start()
            started = time.monotonic()
            with pytest.raises(TimeoutError):
                end.receive(started + 0.3)
            assert time.monotonic() - started < 1
            stop.set()
            dripping.join()

    def test_none_is_left(self) -> None:
        with wires() as (one, end, _):
            one.send(3, "here")
            with pytest.raises(TimeoutError):
                end.receive(time.monotonic() - 1)
            assert end.receive(time.monotonic() + 1) == (3, "here")


def test_frames_that_come_together_are_told_apart() -> None:
    with wires() as (one, end, _):
        for nonce in range(50):
            one.send(nonce, ["x" * nonce, np.full(nonce, nonce)])
        for nonce in range(50):
            echoed, value = end.receive(time.monotonic() + 1)
            assert echoed == nonce
            assert equal(value, ["x" * nonce, np.full(nonce, nonce)])


def test_arrays_at_the_border_of_inline_and_file() -> None:
    for size in (LARGEST_INLINE // 16 * 16, LARGEST_INLINE + 1):
        with wires() as (one, end, _):
            one.send(0, np.full(size, 3, np.uint8), time.monotonic() + 5)
            assert (np.asarray(end.receive(time.monotonic() + 5)[1]) == 3).all()


def test_big_ends_and_numpys_own_numbers_are_made_plain() -> None:
    value = decode(encode([np.float64(1.5), np.int8(-1), np.bool_(True)])[0], bytearray())
    assert value == [1.5, -1, True]
    structure, buffers, _ = encode(np.arange(4, dtype=">i4"))
    arrived = decode(structure, bytearray(b"".join(buffers)))
    assert isinstance(arrived, np.ndarray)
    assert arrived.dtype == np.dtype("<i4")
    assert arrived.tolist() == [0, 1, 2, 3]
