"""What a container's box does on this side, where no Docker is needed."""

import contextlib
import socket
import stat
import threading
from pathlib import Path

import pytest

from evaluators.container_box import listening
from evaluators.sandbox import SandboxUnavailable


def test_a_zygote_that_is_sooner_finds_the_socket_open_to_all_or_not_at_all(short_folder: Path) -> None:
    path = short_folder / "control"
    modes: set[int] = set()
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            with contextlib.suppress(FileNotFoundError):
                modes.add(stat.S_IMODE(path.stat().st_mode))

    looking = threading.Thread(target=look)
    looking.start()
    try:
        for _ in range(500):
            with listening(path), socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as zygote:
                zygote.connect(str(path))
            path.unlink()
    finally:
        done.set()
        looking.join()
    assert modes == {0o666}


def test_a_socket_that_cannot_be_there_is_said(short_folder: Path) -> None:
    with (
        pytest.raises(SandboxUnavailable, match=r"expected to listen at .*GALAPAGOS_SLOT_FOLDER"),
        listening(short_folder / ("x" * 120) / "control"),
    ):
        pass
