"""What a process of evaluators is told through its environment."""

import os
from pathlib import Path
from typing import Annotated

from pydantic import Field

from database.settings import ProcessSettings
from evolution.evaluation import Tier


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def default_cache() -> Path:
    """Where environments are kept unless GALAPAGOS_CACHE says otherwise: the user's cache folder."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "galapagos"


class EvaluatorSettings(ProcessSettings):
    """`slots` programs are judged at a time, under `tier`; environments are kept below the folder `cache`.

    `lease_s` is how long the work of a process that died stays its own before others may take it.
    """

    slots: Annotated[int, Field(ge=1, le=1024)] = Field(default_factory=_cores)
    tier: Tier = Tier.NAMESPACES
    cache: Path = Field(default_factory=default_cache)
    lease_s: Annotated[float, Field(ge=1, le=3600)] = 30.0
