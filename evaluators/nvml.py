"""The driver of NVIDIA's GPUs, asked through its library NVML: which devices there are, and how each fares.

The library's Python interface is loaded only where the driver's library is: it takes memory that others are spared.
"""

import ctypes
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from evolution.evaluation import Tier
from evolution.gpu import Gpu, GpuHealth, GpuState, Throttle

log = logging.getLogger(__name__)

LIBRARY = "libnvidia-ml.so.1"
NODES = Path("/dev")
"""Where the driver's device nodes are."""
_MIB = 1 << 20
_UNKNOWN = frozenset({3, 4, 13})
"""What a device does not support, does not allow or does not know is not told; every other error is a loss."""
_SM_CLOCK = 1
_ON_DIE = 0
_MIG = 1
_PROHIBITED = 2
_THROTTLES = tuple(Throttle)


class DeviceLost(Exception):
    """The driver does not answer for a device. The text says what it said."""


@dataclass(frozen=True, slots=True)
class Device:
    """A device, and the nodes on this machine through which it is used."""

    gpu: Gpu
    nodes: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class GpuLook:
    """How a device fares now, and which processes compute on it, as far as they are told: in a container none may be."""

    state: GpuState
    processes: frozenset[int]


@dataclass(frozen=True, slots=True)
class Found:
    """The devices of this machine that evaluations could hold, and why others, or all, could not."""

    driver: "Driver | None"
    devices: tuple[Device, ...]
    reasons: tuple[str, ...]


class Driver:
    """NVML, initialised. Its methods block, for as long as the driver takes."""

    def __init__(self, nvml: Any) -> None:
        self._nvml = nvml

    def find(self) -> Found:
        """Look for devices that can be used whole."""
        devices: list[Device] = []
        reasons: list[str] = []
        for index in range(self._nvml.nvmlDeviceGetCount()):
            try:
                device = self._device(self._nvml.nvmlDeviceGetHandleByIndex(index))
            except self._nvml.NVMLError as error:
                reasons.append(f"GPU {index}: the driver says: {error}")
                continue
            if isinstance(device, str):
                reasons.append(device)
            else:
                devices.append(device)
        return Found(self, tuple(devices), tuple(reasons))

    def _device(self, handle: Any) -> Device | str:
        nvml = self._nvml
        number = nvml.nvmlDeviceGetMinorNumber(handle)
        uuid, model = str(nvml.nvmlDeviceGetUUID(handle)), str(nvml.nvmlDeviceGetName(handle))
        mig = self._told(nvml.nvmlDeviceGetMigMode, handle)
        if mig is not None and mig[0] == _MIG:
            return f"{uuid} ({model}) is cut into parts (MIG), which are not leased; turn MIG off: nvidia-smi -mig 0"
        if self._told(nvml.nvmlDeviceGetComputeMode, handle) == _PROHIBITED:
            return f"{uuid} ({model}) lets nobody compute; let processes do so: nvidia-smi -c DEFAULT"
        memory = nvml.nvmlDeviceGetMemoryInfo(handle)
        gpu = Gpu(uuid, model, str(nvml.nvmlSystemGetDriverVersion()), memory.total // _MIB)
        return Device(gpu, tuple(NODES / name for name in (f"nvidia{number}", "nvidiactl", "nvidia-uvm")))

    def look(self, gpu: Gpu) -> GpuLook:
        """How a device fares now; its health is `FREE` for whoever knows of no lease.

        Raises:
            DeviceLost: the driver does not answer for it.
        """
        nvml = self._nvml
        try:
            handle = nvml.nvmlDeviceGetHandleByUUID(gpu.uuid)
            memory = nvml.nvmlDeviceGetMemoryInfo(handle)
            pids = frozenset(int(process.pid) for process in nvml.nvmlDeviceGetComputeRunningProcesses_v3(handle))
            state = GpuState(
                gpu=gpu,
                health=GpuHealth.FREE,
                memory_used_mib=memory.used // _MIB,
                temperature_c=self._told(nvml.nvmlDeviceGetTemperature, handle, _ON_DIE),
                power_w=_watts(self._told(nvml.nvmlDeviceGetPowerUsage, handle)),
                power_limit_w=_watts(self._told(nvml.nvmlDeviceGetEnforcedPowerLimit, handle)),
                sm_clock_mhz=self._told(nvml.nvmlDeviceGetClockInfo, handle, _SM_CLOCK),
                sm_clock_max_mhz=self._told(nvml.nvmlDeviceGetMaxClockInfo, handle, _SM_CLOCK),
                throttle=throttles(self._told(nvml.nvmlDeviceGetCurrentClocksThrottleReasons, handle)),
            )
        except nvml.NVMLError as error:
            raise DeviceLost(str(error)) from None
        return GpuLook(state, pids)

    def _told(self, ask: Callable[..., Any], *arguments: Any) -> Any:
        """What a device tells, None where it does not know."""
        try:
            return ask(*arguments)
        except self._nvml.NVMLError as error:
            if error.value in _UNKNOWN:
                return None
            raise

    def close(self) -> None:
        """Let the driver go."""
        self._nvml.nvmlShutdown()


def _watts(milliwatts: int | None) -> float | None:
    return None if milliwatts is None else milliwatts / 1000


def throttles(bits: int | None) -> tuple[Throttle, ...]:
    """The reasons in a mask of NVML, of those that are known."""
    return tuple(reason for place, reason in enumerate(_THROTTLES) if bits is not None and bits >> place & 1)


def find_gpus(tier: Tier) -> Found:
    """The devices of this machine that boxes of a tier could use. Blocks; `close` the driver in it in the end.

    Boxes are nobody's: a device that not everybody may open is none, but for containers, whose nodes Docker makes.
    """
    try:
        ctypes.CDLL(LIBRARY)
    except OSError:
        return Found(None, (), (f"there is no driver of NVIDIA ({LIBRARY} is not installed)",))
    nvml = import_module("pynvml")
    try:
        nvml.nvmlInit()
    except nvml.NVMLError as error:
        return Found(None, (), (f"the driver of NVIDIA does not answer: {error}",))
    driver = Driver(nvml)
    try:
        found = driver.find()
    except nvml.NVMLError as error:
        driver.close()
        return Found(None, (), (f"the driver of NVIDIA does not answer: {error}",))
    closed = {device: "" if tier is Tier.CONTAINER else closed_node(device) for device in found.devices}
    reasons = (*found.reasons, *filter(None, closed.values()))
    devices = tuple(device for device, why in closed.items() if not why)
    if not devices:
        driver.close()
        return Found(None, (), reasons or ("the driver of NVIDIA knows of no device",))
    return Found(driver, devices, reasons)


def no_gpu(reasons: Sequence[str]) -> str:
    """That a problem needs a GPU where there is none, with what is known of it."""
    return (
        f"expected a GPU, since a stage of the problem asks for one (gpus = 1); none can be used here: {'; '.join(reasons)}; "
        "use a machine with a device and its driver, or set gpus = 0"
    )


def closed_node(device: Device) -> str:
    """Why boxes on this machine could not open a device; nothing if they can."""
    for node in device.nodes:
        if not node.exists():
            return f"{device.gpu.uuid} ({device.gpu.model}) cannot be used: expected the node {node}; it is not there"
        # Who runs boxes as root runs them as nobody.
        allowed = node.stat().st_mode & 0o006 == 0o006 if os.geteuid() == 0 else os.access(node, os.R_OK | os.W_OK)
        if not allowed:
            return (
                f"{device.gpu.uuid} ({device.gpu.model}) cannot be used: expected the node {node} to be open to boxes; it is "
                f"closed; run: chmod a+rw {node}"
            )
    return ""


def driver_folder() -> Path | None:
    """The folder of the driver's libraries, once `find_gpus` has loaded one."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        path = line.partition("/")[2]
        if path.rpartition("/")[2].startswith(LIBRARY.partition(".")[0]):
            return Path("/", path).parent
    return None
