"""A driver of GPUs for tests: a library of ours in the place of NVIDIA's, whose devices are what a test says."""

import atexit
import contextlib
import ctypes
import functools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Generator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from evaluators import nvml

SOURCE = Path(__file__).with_name("stand_in_driver.c")
VARIABLE = "STAND_IN_GPUS"
UUIDS = tuple(f"GPU-{number:08x}-1111-4222-8333-444455556666" for number in range(4))


@dataclass(frozen=True)
class Card:
    """One device, in the units of the driver."""

    uuid: str
    name: str = "NVIDIA H100 80GB HBM3"
    minor: int = 0
    total: int = 81559
    used: int = 4
    degrees: int = 34
    milliwatts: int = 71_500
    limit: int = 700_000
    clock: int = 345
    most_clock: int = 1980
    throttle: int = 0b1
    lost: int = 0
    mig: int = 2
    mode: int = 0
    pids: tuple[int, ...] = ()

    def line(self) -> str:
        numbers = (self.minor, self.total, self.used, self.degrees, self.milliwatts, self.limit, self.clock, self.most_clock)
        states = (self.throttle, self.lost, self.mig, self.mode)
        fields = (self.uuid, self.name, *numbers, *states, ",".join(map(str, self.pids)))
        return "|".join(map(str, fields)) + "\n"


@dataclass
class StandIn:
    """The cards of a machine; `change` says what becomes of one."""

    path: Path
    library: Path
    cards: dict[str, Card] = field(default_factory=dict[str, Card])

    def put(self, *cards: Card) -> None:
        self.cards = {card.uuid: card for card in cards}
        self._write()

    def change(self, uuid: str, **to: object) -> None:
        self.cards[uuid] = replace(self.cards[uuid], **to)  # pyright: ignore[reportArgumentType]
        self._write()

    def _write(self) -> None:
        whole = self.path.with_suffix(".new")
        whole.write_text("".join(card.line() for card in self.cards.values()))
        whole.rename(self.path)


@functools.cache
def built() -> Path:
    """The library, compiled once by this process; it goes with it."""
    folder = tempfile.mkdtemp(prefix="galapagos-test-driver-")
    # No fixture ends it: it stays loaded.
    atexit.register(shutil.rmtree, folder)
    target = Path(folder, nvml.LIBRARY)
    flags = ["-O1", "-Wall", "-Werror", "-shared", "-fPIC", f"-Wl,-soname,{nvml.LIBRARY}"]
    subprocess.run(["gcc", *flags, "-o", str(target), str(SOURCE)], check=True)
    return target


def nodes(folder: Path, *minors: int) -> Path:
    """A folder of device nodes that everybody may open: what is written there finds the device full."""
    made = folder / "nodes"
    made.mkdir()
    for name in (*(f"nvidia{minor}" for minor in minors), "nvidiactl", "nvidia-uvm"):
        (made / name).symlink_to("/dev/full")
    return made


@contextlib.contextmanager
def two_cards(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[StandIn]:
    """A machine with two devices, for this process and those that it starts."""
    library = built()
    # Loaded by its path, it is what a program gets that asks for its name.
    ctypes.CDLL(str(library), mode=os.RTLD_GLOBAL)
    driver = StandIn(folder / "gpus", library)
    driver.put(Card(UUIDS[0]), Card(UUIDS[1], "NVIDIA A100-SXM4-40GB", minor=1, total=40960, most_clock=1410))
    monkeypatch.setenv(VARIABLE, str(driver.path))
    monkeypatch.setattr(nvml, "NODES", nodes(folder, 0, 1))
    yield driver
