"""What a process of workers is told through its environment."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from database.settings import ProcessSettings


class WorkerSettings(ProcessSettings):
    """`models` is the file of model endpoints; without it only proposals that need no model are claimed.

    `model_keys` is a folder of files that hold keys, each named like the variable that would hold it.

    `lease_s` is how long the work of a process that died stays its own before others may take it.
    """

    models: Path | None = None
    model_keys: Path | None = None
    lease_s: Annotated[float, Field(ge=1, le=3600)] = 30.0
