"""What a zygote is told to be, and what its candidates may use."""

import os
from typing import Any

import msgspec
from galapagos_confine import ResourceLimits, Walls

_MIB = 1 << 20
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Settings(msgspec.Struct, frozen=True):
    """What a zygote is to be; the first message. `uid` is the one to become, None to stay who we are.

    `contained` says that we are process 1 of a container, and `uid` the first of many; `gpu` that the box has a device,
    through the nodes `devices` where it is no container.
    """

    role: str
    namespaces: bool
    contained: bool
    uid: int | None
    keep_reading: bool
    readable: list[str]
    writable: list[str]
    scratch: str
    empty: str
    compiler: dict[str, Any] | None
    peer: bool
    main: str
    problem: str
    judge: str
    memory_mib: int
    gpu: bool
    devices: list[str]


class Bounds:
    """What a candidate's process may use, made ready before the fork that is bound."""

    def __init__(self, ids: tuple[int, int], settings: Settings, request: bytes, baseline: int) -> None:
        asked = msgspec.msgpack.decode(request)
        self.walls = Walls(ids, settings.scratch, settings.empty, asked["files_mib"], 1024)
        self.limits = ResourceLimits(
            address_space=None if settings.gpu else baseline + asked["memory_mib"] * _MIB,
            file_size=asked["files_mib"] * _MIB,
            cpu_s=asked["cpu_s"],
            processes=asked["processes"],
        )
        self.neighbours = 0


def address_space() -> int:
    """Bytes of address space that this process has."""
    with open("/proc/self/statm", "rb") as file:  # noqa: PTH123 - pathlib would be one more import
        return int(file.read().split()[0]) * _PAGE


def gpu_nodes() -> list[str]:
    """The nodes of the device that a container has."""
    return [f"/dev/{name}" for name in sorted(os.listdir("/dev")) if name.startswith("nvidia")]  # noqa: PTH208 - as above
