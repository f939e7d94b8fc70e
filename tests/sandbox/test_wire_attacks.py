"""What a candidate gains that writes to the wire or to its memory file directly: nothing, in every tier."""

import zlib

import msgspec
import pytest

from evaluators.sandbox import Cause, Sandbox
from evolution.problem import Limits
from tests.sandbox.jobs import ATTEMPT, answer, attack, job
from tests.sandbox.malformed import CORPUS, HEADER, MAGIC, Malformed, array, frame

pytestmark = pytest.mark.asyncio(loop_scope="session")

_WIRE, _MEMORY_FILE = 3, 5
_WRITE_ALL = f"""
import os, zlib
data = zlib.decompress(bytes.fromhex("DATA"))
while data:
    data = data[os.write({_WIRE}, data):]
"""


def _sends(data: bytes) -> str:
    """Source that sends this in place of word that it is loaded."""
    return _WRITE_ALL.replace("DATA", zlib.compress(data).hex())


@pytest.mark.parametrize("malformed", CORPUS, ids=str)
async def test_malformed_messages(slot: Sandbox, malformed: Malformed) -> None:
    result = await attack(slot, _sends(malformed.data) + "os._exit(0)\n", timeout_s=5)
    assert result.cause in {Cause.PROTOCOL, Cause.DIED}, result


class TestForgedReplies:
    async def test_a_reply_before_its_request(self, slot: Sandbox) -> None:
        frames = frame(msgspec.msgpack.encode((0, "", ""))) + frame(msgspec.msgpack.encode((2, [1e9])))
        result = await attack(slot, _sends(frames) + "import time\ntime.sleep(60)\n", "number_of", timeout_s=5)
        assert result.cause is Cause.PROTOCOL
        assert "before it was known" in result.message

    @pytest.mark.parametrize("nonce", ["0", "2**64 - 1", "int.from_bytes(os.urandom(8), 'little')"])
    async def test_a_reply_with_another_nonce(self, slot: Sandbox, nonce: str) -> None:
        source = f"""
            import os, struct
            header = struct.Struct({HEADER.format!r})
            reply = bytes.fromhex("{msgspec.msgpack.encode((2, [1e9])).hex()}")
            def f():
                os.write({_WIRE}, header.pack({MAGIC!r}, {nonce}, len(reply), 0) + reply)
                os._exit(0)
            """
        result = await attack(slot, source, "number_of", timeout_s=5)
        assert result.cause is Cause.PROTOCOL
        assert "before it was known" in result.message

    async def test_a_second_reply_to_one_request(self, slot: Sandbox) -> None:
        """Sent after the true one, it lies in wait for the next request, and is known by its nonce."""
        source = """
            from galapagos_wire import Wire
            send = Wire.send
            def twice(self, nonce, value, deadline=None):
                for _ in range(2 if nonce else 1):
                    send(self, nonce, value)
            Wire.send = twice
            def f():
                return [True]
            """
        result = await attack(slot, source, "calls_twice", timeout_s=5)
        assert result.cause is Cause.PROTOCOL
        assert "before it was known" in result.message

    async def test_more_results_than_calls(self, slot: Sandbox) -> None:
        source = """
            from galapagos_wire import Wire
            send = Wire.send
            Wire.send = lambda self, nonce, value, deadline=None: send(self, nonce, (value[0], [1, 2, 3]) if nonce else value)
            def f():
                return 1
            """
        assert (await attack(slot, source, timeout_s=5)).cause is Cause.PROTOCOL


class TestDripping:
    @pytest.mark.parametrize("bytes_at_once", [1, 100])
    async def test_it_meets_the_deadline(self, slot: Sandbox, bytes_at_once: int) -> None:
        source = f"""
            import os, time
            data = {HEADER.pack(MAGIC, 0, 100_000, 0)!r} + bytes(100_000)
            for place in range(0, len(data), {bytes_at_once}):
                os.write({_WIRE}, data[place:place + {bytes_at_once}])
                time.sleep(0.05)
            """
        result = await attack(slot, source, timeout_s=0.6)
        assert result.cause is Cause.TIMED_OUT
        assert result.duration_s < 2


class TestDescriptors:
    async def test_a_flood_is_refused_and_nothing_of_it_stays(self, slot: Sandbox) -> None:
        source = f"""
            import os, socket
            wire = socket.socket(fileno=os.dup({_WIRE}))
            def f():
                null = os.open("/dev/null", os.O_RDONLY)
                for _ in range(50):
                    socket.send_fds(wire, [b"x"], [null] * 250, socket.MSG_DONTWAIT)
            """
        result = await attack(slot, source, "descriptors", timeout_s=5)
        assert result.value is not None, result
        assert (result.value.score, result.value.feedback) == (0, "protocol")

    async def test_one_beside_an_honest_reply(self, slot: Sandbox) -> None:
        source = f"""
            import os, socket
            from galapagos_wire import Wire
            wire = socket.socket(fileno=os.dup({_WIRE}))
            send = Wire.send
            def with_descriptor(self, nonce, value, deadline=None):
                if nonce:
                    socket.send_fds(wire, [b"G"], [0])
                send(self, nonce, value)
            Wire.send = with_descriptor
            def f():
                return 1
            """
        result = await attack(slot, source, "descriptors", timeout_s=5)
        assert result.value is not None, result
        assert (result.value.score, result.value.feedback) == (0, "protocol")


class TestMemoryFile:
    async def test_no_other_can_be_made(self, slot: Sandbox) -> None:
        body = (
            "import os\nreturn attempt(lambda: os.memfd_create('mine'), lambda: os.memfd_create('mine', os.MFD_ALLOW_SEALING))"
        )
        assert await answer(slot, ATTEMPT + body) == "['PermissionError', 'PermissionError']"

    async def test_its_size_and_seals_stay(self, slot: Sandbox) -> None:
        body = f"""
            import fcntl, os
            return attempt(
                lambda: os.ftruncate({_MEMORY_FILE}, 0),
                lambda: os.ftruncate({_MEMORY_FILE}, 1 << 40),
                lambda: os.pwrite({_MEMORY_FILE}, b"x", 1 << 40),
                lambda: fcntl.fcntl({_MEMORY_FILE}, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE),
            )
            """
        outcome = await answer(slot, ATTEMPT + body.replace("\n            ", "\n"))
        # Beyond the limit of a file's size no seal is asked.
        assert outcome in (
            str(["PermissionError", error, error, "PermissionError"]) for error in ("OSError", "PermissionError")
        )

    async def test_what_was_checked_is_not_changed_any_more(self, slot: Sandbox) -> None:
        """Somebody writes into the file without end while replies are on their way: no reply is half checked."""
        source = f"""
            import mmap, os
            import numpy as np
            memory = mmap.mmap({_MEMORY_FILE}, 1 << 20)
            if os.fork() == 0:
                bytes = [b"\\x01" * (1 << 20), b"\\x00" * (1 << 20), b"\\x01" * 500_000 + b"\\x02" + b"\\x01" * 548_575]
                while True:
                    for content in bytes:
                        memory[:] = content
            def f():
                return np.ones(1 << 20, bool)
            """
        result = await attack(slot, source, "truths", timeout_s=20)
        assert result.value is not None, result
        assert result.value.feedback in {"protocol", "ok"}

    async def test_holes_punched_into_it_are_zeros(self, slot: Sandbox) -> None:
        source = f"""
            import ctypes
            import numpy as np
            from galapagos_wire import Wire
            libc = ctypes.CDLL(None)
            libc.fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_long, ctypes.c_long]
            send_all = Wire._send_all
            def emptied(self, parts, deadline):
                assert libc.fallocate({_MEMORY_FILE}, 3, 0, 64 << 20) == 0
                send_all(self, parts, deadline)
            Wire._send_all = emptied
            def f():
                return np.ones(1 << 20, bool)
            """
        result = await attack(slot, source, "truths")
        assert result.value is not None, result
        assert (result.value.score, result.value.feedback) == (200, "ok")

    @pytest.mark.parametrize("instead", ["os.close({file})", "os.dup2(0, {file})", "os.dup2({wire}, {file})"])
    async def test_who_replaces_it_fails_alone(self, slot: Sandbox, instead: str) -> None:
        spoil = instead.format(file=_MEMORY_FILE, wire=_WIRE)
        source = f"import os\nimport numpy as np\n{spoil}\ndef f():\n    return np.ones(1 << 20)\n"
        result = await attack(slot, source)
        assert result.cause is Cause.CALL_ERROR
        assert "memory file" in result.message

    async def test_a_reply_that_says_it_is_there_and_is_not(self, slot: Sandbox) -> None:
        claimed = frame(array("<f8", [8 << 20], 0), claimed=64 << 20)
        result = await attack(slot, _sends(claimed), timeout_s=5)
        assert result.cause is Cause.PROTOCOL

    async def test_it_counts_as_the_candidates_memory(self, slot: Sandbox) -> None:
        source = f"""
            import mmap, time
            def f():
                memory = mmap.mmap({_MEMORY_FILE}, 60 << 20)
                memory[:] = bytes(60 << 20)
                memory.close()
                time.sleep(5)
            """
        result = await attack(slot, source, limits=Limits(memory_mib=64, processes=8, files_mib=16))
        assert result.cause is Cause.OUT_OF_MEMORY, result
        assert result.duration_s < 3

    async def test_nothing_of_it_is_left_for_the_next(self, slot: Sandbox) -> None:
        source = f"import os\ndef f():\n    os.pwrite({_MEMORY_FILE}, b'left behind', 1 << 20)\n"
        assert (await slot.run(job(source))).cause is Cause.OK
        body = f"import os\nreturn os.fstat({_MEMORY_FILE}).st_blocks, sum(os.pread({_MEMORY_FILE}, 1 << 21, 0))"
        assert await answer(slot, body) == "[0, 0]"


class TestNamed:
    async def test_they_travel_both_ways(self, slot: Sandbox) -> None:
        source = """
            from galapagos_values import Named
            def f(x):
                assert (x.dtype, x.bits.dtype) == ("bfloat16", "uint16")
                return Named("bfloat16", x.bits - 0x40)
            """
        result = await slot.run(job(source, "named"))
        assert result.value is not None, result
        assert result.value.score == 200_000.0
