"""A GPU as evaluators know it: what it is, and how it fares."""

from dataclasses import dataclass
from enum import StrEnum


class GpuHealth(StrEnum):
    """Who has a device.

    `BUSY`: somebody else does, a process that is none of ours, or one of ours that is not gone. `LOST`: its driver does not
    answer for it.
    """

    FREE = "free"
    LEASED = "leased"
    BUSY = "busy"
    LOST = "lost"


class Throttle(StrEnum):
    """Why a device's clocks are lower than they could be, in the order of the bits by which NVML tells it."""

    IDLE = "idle"
    APPLICATION_CLOCKS = "application_clocks"
    POWER_CAP = "power_cap"
    HARDWARE_SLOWDOWN = "hardware_slowdown"
    SYNC_BOOST = "sync_boost"
    THERMAL = "thermal"
    HARDWARE_THERMAL = "hardware_thermal"
    POWER_BRAKE = "power_brake"
    DISPLAY_CLOCKS = "display_clocks"


@dataclass(frozen=True, slots=True)
class Gpu:
    """What stays the same while a machine runs: `uuid` is the driver's name of the device, `driver` the driver's version."""

    uuid: str
    model: str
    driver: str
    memory_mib: int


@dataclass(frozen=True, slots=True)
class GpuState:
    """How a device fares now. `cause` says in words why it is busy or lost.

    Memory in MiB, temperature in degrees Celsius, power and its limit in watts, clocks of the multiprocessors in MHz. None is
    what the driver does not tell: some devices measure no power, and of one that is lost nothing is known.
    """

    gpu: Gpu
    health: GpuHealth
    cause: str = ""
    memory_used_mib: int | None = None
    temperature_c: int | None = None
    power_w: float | None = None
    power_limit_w: float | None = None
    sm_clock_mhz: int | None = None
    sm_clock_max_mhz: int | None = None
    throttle: tuple[Throttle, ...] = ()


@dataclass(frozen=True, slots=True)
class GpuUse:
    """The device that a stage held, as it was when it was taken and when the last candidate's process had ended."""

    before: GpuState
    after: GpuState
