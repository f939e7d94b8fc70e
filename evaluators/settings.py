"""What a process of evaluators is told through its environment."""

import os
from pathlib import Path
from typing import Annotated

from pydantic import Field

from database.settings import LoggedSettings, ProcessSettings
from evolution.evaluation import Tier


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def default_cache() -> Path:
    """Where environments are kept unless GALAPAGOS_CACHE says otherwise: the user's cache folder."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "galapagos"


class EvaluatorSettings(ProcessSettings):
    """`slots` programs are judged at a time, under `tier`; environments are kept below the folder `cache`.

    In tier container `slot_folder` is shared with the service that makes slots (`python -m evaluators.slots`).

    `lease_s` is how long the work of a process that died stays its own before others may take it.
    """

    slots: Annotated[int, Field(ge=1, le=1024)] = Field(default_factory=_cores)
    tier: Tier = Tier.NAMESPACES
    cache: Path = Field(default_factory=default_cache)
    slot_folder: Path | None = None
    lease_s: Annotated[float, Field(ge=1, le=3600)] = 30.0


class SlotSettings(LoggedSettings):
    """`slot_folder` is shared with the evaluators and, under the same path, known to Docker's host.

    `docker_host` is Docker's address, `image` the name of the boxes' image, `cache` the folder that holds environments.
    """

    slot_folder: Path
    docker_host: str = "unix:///var/run/docker.sock"
    image: str = "galapagos-box"
    cache: Path = Field(default_factory=default_cache)
