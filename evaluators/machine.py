"""The machine that a score was made on: kept with each score, since timings compare only where it is the same."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

from evaluators.slots_protocol import Hello
from evolution.evaluation import Tier


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


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return "unknown"
    models = [line.partition(":")[2].strip() for line in lines if line.startswith(("model name", "CPU part"))]
    return models[0] if models else "unknown"
