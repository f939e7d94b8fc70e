"""The memory file for large arrays, and descriptors sent over the wire."""

import fcntl
import gc
import os
import socket
import time
from pathlib import Path

import msgspec
import numpy as np
import pytest
from galapagos_memory_file import SIZE, MemoryFile, NotSealed, sealed_memory
from galapagos_values import ProtocolError

from tests.sandbox.malformed import frame
from tests.sandbox.wire_ends import open_descriptors, wires


class TestMemoryFile:
    def _refused(self, descriptor: int) -> None:
        for use in (lambda file: file.take(1 << 20), lambda file: file.put([bytes(8)], 8)):
            with pytest.raises(NotSealed, match="expected a memory file"):
                use(MemoryFile(descriptor))
        os.close(descriptor)

    def test_unsealed(self) -> None:
        file = os.memfd_create("unsealed", os.MFD_ALLOW_SEALING)
        os.ftruncate(file, SIZE)
        self._refused(file)

    def test_sealed_against_shrinking_alone(self) -> None:
        file = os.memfd_create("half", os.MFD_ALLOW_SEALING)
        os.ftruncate(file, SIZE)
        fcntl.fcntl(file, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK)
        self._refused(file)

    @pytest.mark.parametrize("size", [0, 4096, SIZE - 1, SIZE + 4096])
    def test_truncated_or_of_another_size(self, size: int) -> None:
        self._refused(sealed_memory("size", size))

    def test_no_memory_file(self, tmp_path: Path) -> None:
        self._refused(os.open("/dev/null", os.O_RDWR))
        self._refused(os.open(tmp_path, os.O_RDONLY))
        path = tmp_path / "file"
        path.write_bytes(b"")
        os.truncate(path, SIZE)
        self._refused(os.open(path, os.O_RDWR))
        with pytest.raises(NotSealed):
            MemoryFile(-1).take(8)

    def test_nobody_can_change_its_size(self) -> None:
        file = sealed_memory("sealed", SIZE)
        for size in (0, SIZE - 1, SIZE + 1):
            with pytest.raises(PermissionError):
                os.ftruncate(file, size)
        with pytest.raises(PermissionError):
            fcntl.fcntl(file, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE)
        os.close(file)

    def test_what_was_taken_stays_whoever_writes_on(self) -> None:
        file = sealed_memory("shared", SIZE)
        sender, receiver = MemoryFile(file), MemoryFile(file)
        sender.put([b"\1" * (1 << 20)], 1 << 20)
        taken = receiver.take(1 << 20)
        sender.put([b"\2" * (1 << 20)], 1 << 20)
        assert (taken == 1).all()
        os.close(file)

    def test_its_maps_and_descriptors_go_with_it(self) -> None:
        def maps() -> int:
            return Path("/proc/self/maps").read_text().count("memfd:")

        before = maps(), open_descriptors()
        with wires() as (one, other, _):
            for size in (1 << 17, 1 << 18, 1 << 20, 1 << 17):
                one.send(0, np.zeros(size, np.uint8))
                other.receive()
        del one, other, _
        gc.collect()
        assert (maps(), open_descriptors()) == before


class TestDescriptors:
    @pytest.mark.parametrize("count", [1, 250])
    def test_they_are_refused_and_closed(self, count: int) -> None:
        """Beside a whole honest frame, in its middle, and where many bytes are awaited."""
        read, write = os.pipe()
        honest = frame(msgspec.msgpack.encode([1.5, "x" * 5000]))
        for before, beside in ((b"", honest), (honest[:30], honest[30:]), (honest[:4500], honest[4500:])):
            with wires() as (_, end, stream):
                descriptors = open_descriptors()
                stream.sendall(before)
                socket.send_fds(stream, [beside], [write] * count)
                with pytest.raises(ProtocolError, match="descriptors"):
                    end.receive(time.monotonic() + 5)
                assert open_descriptors() == descriptors
        os.close(write)
        # Nobody else holds the end of the pipe any more.
        assert os.read(read, 1) == b""
        os.close(read)
