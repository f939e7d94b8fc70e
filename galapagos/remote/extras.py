"""Packages of the extras, which only those have who asked for them."""

from enum import StrEnum
from importlib import import_module
from typing import Any

from galapagos.failures import ExitCode, Failure


class TrackerName(StrEnum):
    """The trackers of experiments that a run can be told to."""

    MLFLOW = "mlflow"
    WANDB = "wandb"


def extra(module: str, name: str) -> Any:
    """The module that comes with the extra `name`.

    Raises:
        Failure: it is not installed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise Failure(
            f"this needs a package that is not installed ({error.name}); install galapagos[{name}]", ExitCode.MACHINE
        ) from None
