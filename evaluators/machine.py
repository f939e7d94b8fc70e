"""The machine that a score was made on: kept with each score, since timings compare only where it is the same."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

from evaluators.slots_protocol import Hello
from evolution.evaluation import Tier
from evolution.gpu import GpuState


def describe(tier: Tier, image: Hello | None = None) -> dict[str, str | int]:
    """What may change a score or a timing; no host name, nor anything else that tells twins of one model apart.

    In tier container programs run with what `image` holds.
    """
    software = {"python": platform.python_version(), "numpy": version("numpy")}
    if image is not None:
        software = {name: str(image.facts[name]) for name in software} | {"image": image.image}
    return {
        "cpu": _cpu_model(),
        "architecture": platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "kernel": platform.release(),
        "tier": tier.value,
        **software,
    }


def describe_gpu(state: GpuState) -> dict[str, str | int]:
    """What a machine's description says of a GPU on which a score was made; twins of one model are told alike."""
    told: dict[str, str | int] = {
        "gpu": state.gpu.model,
        "gpu_driver": state.gpu.driver,
        "gpu_memory_mib": state.gpu.memory_mib,
    }
    if state.power_limit_w is not None:
        told["gpu_power_limit_w"] = round(state.power_limit_w)
    if state.sm_clock_max_mhz is not None:
        told["gpu_sm_clock_max_mhz"] = state.sm_clock_max_mhz
    return told


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return "unknown"
    models = [line.partition(":")[2].strip() for line in lines if line.startswith(("model name", "CPU part"))]
    return models[0] if models else "unknown"
