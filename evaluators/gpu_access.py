"""What a box is given so that it can use one GPU, and no other."""

from dataclasses import dataclass
from pathlib import Path

from evaluators.nvml import Device, driver_folder

_BOX_DEVICES = Path("/dev")
_LIBRARIES = ("libcuda.so*", "libcudadebugger.so*", "libnvidia-*.so*", "libnvcuvid.so*")


@dataclass(frozen=True, slots=True)
class GpuAccess:
    """A device for a box: its `uuid`, its nodes on this machine, and whether the `judge` has it too.

    `libraries` are the driver's; in a box of namespaces, unless it has them with the system's.
    """

    uuid: str
    nodes: tuple[Path, ...]
    libraries: tuple[Path, ...]
    judge: bool

    def in_box(self) -> list[str]:
        """The nodes as they are called in a box of namespaces."""
        return [str(_BOX_DEVICES / node.name) for node in self.nodes]

    def variables(self) -> dict[str, str]:
        """What tells a program which device it has."""
        return {"CUDA_VISIBLE_DEVICES": self.uuid, "NVIDIA_VISIBLE_DEVICES": self.uuid}


def access_to(device: Device, *, judge: bool) -> GpuAccess:
    """What gives a box this device alone."""
    folder = driver_folder()
    found = [] if folder is None else [path for pattern in _LIBRARIES for path in sorted(folder.glob(pattern))]
    return GpuAccess(device.gpu.uuid, device.nodes, tuple(found), judge)
