"""What people may tell a run that goes on. Its controller takes each command in turn, as an event, or refuses it."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, field_validator

from evolution.run import Budget, ModelChoice

LONGEST_PROGRAM = 4 * 1024 * 1024
"""Characters in the files of an injected program; the problem's own limit is checked when it is made a child."""


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


class InjectProgram(_Command):
    """Evaluate a program of somebody's as the next child of the run: `files` are those of the seed that it changes.

    It is held to what any child is held to. `island` is where it is to live; None: where the best program is.
    """

    kind: Literal["inject_program"] = "inject_program"
    files: Annotated[dict[str, str], Field(min_length=1, max_length=64)]
    island: Annotated[int, Field(ge=0)] | None = None

    @field_validator("files")
    @classmethod
    def _bounded(cls, files: dict[str, str]) -> dict[str, str]:
        size = sum(len(path) + len(text) for path, text in files.items())
        if size > LONGEST_PROGRAM:
            raise ValueError(f"expected at most {LONGEST_PROGRAM} characters in all files, got {size}")
        return files


class InjectIdea(_Command):
    """Tell an idea to the models with their next `prompts` prompts; None: with all until it is withdrawn."""

    kind: Literal["inject_idea"] = "inject_idea"
    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000)]
    prompts: Annotated[int, Field(ge=1, le=1_000_000)] | None = None


class WithdrawIdea(_Command):
    """Tell an idea no longer; `idea` is the number of the command that gave it."""

    kind: Literal["withdraw_idea"] = "withdraw_idea"
    idea: int


class Pin(_Command):
    """Make a program the parent of this share of the children that the strategy chooses, until it is unpinned."""

    kind: Literal["pin"] = "pin"
    program: Annotated[int, Field(ge=0)]
    share: Annotated[float, Field(gt=0, le=0.9, allow_inf_nan=False)] = 0.1


class Unpin(_Command):
    """Leave a program to the strategy again."""

    kind: Literal["unpin"] = "unpin"
    program: Annotated[int, Field(ge=0)]


class Ban(_Command):
    """Never choose a program again: not as parent, inspiration, best or champion; with `descendants`, none of those."""

    kind: Literal["ban"] = "ban"
    program: Annotated[int, Field(ge=0)]
    descendants: bool = False


class Unban(_Command):
    """Let a program, and with `descendants` all of those, be chosen again."""

    kind: Literal["unban"] = "unban"
    program: Annotated[int, Field(ge=0)]
    descendants: bool = False


class VerifyProgram(_Command):
    """Verify a scored program once more: in a fresh sandbox, on seeds that none of its verifications had before."""

    kind: Literal["verify_program"] = "verify_program"
    program: Annotated[int, Field(ge=0)]


class Annotate(_Command):
    """Note something on a program, or on the run (None), for people only: the search does not know of it."""

    kind: Literal["annotate"] = "annotate"
    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000)]
    program: Annotated[int, Field(ge=0)] | None = None


Command = Annotated[
    Pause
    | Resume
    | Stop
    | SetBudget
    | SetModels
    | InjectProgram
    | InjectIdea
    | WithdrawIdea
    | Pin
    | Unpin
    | Ban
    | Unban
    | VerifyProgram
    | Annotate,
    Field(discriminator="kind"),
]

CommandKind = Literal[
    "pause",
    "resume",
    "stop",
    "set_budget",
    "set_models",
    "inject_program",
    "inject_idea",
    "withdraw_idea",
    "pin",
    "unpin",
    "ban",
    "unban",
    "verify_program",
    "annotate",
]
"""What `kind` of a command may be."""

COMMAND: TypeAdapter[Command] = TypeAdapter(Command)
"""Validates and serialises any command: `COMMAND.validate_python(payload)`, `command.model_dump(mode="json")`."""
