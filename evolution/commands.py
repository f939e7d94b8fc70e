"""What people may tell a run that goes on. Its controller takes each command in turn, as an event, or refuses it."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, field_validator

from evolution.run import Budget, ModelChoice


class CommandState(StrEnum):
    """`WAITING` for the run's controller, `TAKEN` by it, or `REFUSED`, with the reason in words."""

    WAITING = "waiting"
    TAKEN = "taken"
    REFUSED = "refused"


class _Command(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Pause(_Command):
    """Ask for nothing new: what is in flight is admitted, and the run's clock stands still until `Resume`."""

    kind: Literal["pause"] = "pause"


class Resume(_Command):
    """Go on after `Pause`."""

    kind: Literal["resume"] = "resume"


class Stop(_Command):
    """End: what is in flight is admitted and the best is verified."""

    kind: Literal["stop"] = "stop"


class SetBudget(_Command):
    """Put other limits in the place of all present ones. A run that has used one of them up ends."""

    kind: Literal["set_budget"] = "set_budget"
    budget: Budget


class SetModels(_Command):
    """Put other models, or weights, in the place of the present ones; none, for a run that mutates, asks no model."""

    kind: Literal["set_models"] = "set_models"
    models: Annotated[tuple[ModelChoice, ...], Field(max_length=64)]

    @field_validator("models")
    @classmethod
    def _named_once(cls, models: tuple[ModelChoice, ...]) -> tuple[ModelChoice, ...]:
        names = [model.name for model in models]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"each model may be named once; named more often: {', '.join(twice)}")
        return models


Command = Annotated[Pause | Resume | Stop | SetBudget | SetModels, Field(discriminator="kind")]

COMMAND: TypeAdapter[Command] = TypeAdapter(Command)
"""Validates and serialises any command: `COMMAND.validate_python(payload)`, `command.model_dump(mode="json")`."""
