"""The arguments and options of commands about people, tokens and projects, here or at a service."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import typer

from evolution.limits import LONGEST_RETENTION_DAYS, Resource
from evolution.models import LONGEST_MODEL_NAME, MODEL_NAME
from evolution.people import Role
from galapagos import options
from galapagos.failures import ExitCode, Failure

PersonArgument = Annotated[str, typer.Argument(metavar="PERSON", help="Name of a person.")]
ProjectArgument = Annotated[str, typer.Argument(metavar="PROJECT", help="Name of a project.")]
NewNameArgument = Annotated[str, typer.Argument(metavar="NAME", help="1 to 100 visible characters.")]
TokenArgument = Annotated[int, typer.Argument(metavar="TOKEN", help="Number of a token; `galapagos token list` tells it.")]
RoleArgument = Annotated[Role, typer.Argument(metavar="ROLE", help="admin, member, viewer or worker.")]
AdminOption = Annotated[bool, typer.Option("--admin", help="Somebody who administers the whole installation.")]
NameOption = Annotated[str, typer.Option("--name", help="What the token is for.")]
DaysOption = Annotated[float | None, typer.Option("--days", min=0.0, help="So long it is good. [default: for ever]")]
WhoseOption = Annotated[str | None, typer.Option("--person", metavar="PERSON", help="Only the tokens of this person.")]
WeightArgument = Annotated[float, typer.Argument(metavar="WEIGHT", help="From 0.001 to 1000; others have 1.")]
BudgetOption = Annotated[str | None, typer.Option("--budget", metavar="DOLLARS", help="Dollars for models, or `none`.")]
TokensOption = Annotated[str | None, typer.Option("--tokens", metavar="N", help="Tokens of models, or `none`.")]
EvaluationsOption = Annotated[str | None, typer.Option("--evaluations", metavar="N", help="Judged programs, or `none`.")]
GpuSecondsOption = Annotated[str | None, typer.Option("--gpu-seconds", metavar="N", help="Seconds of GPUs, or `none`.")]
OnlyOption = Annotated[list[str] | None, typer.Option("--only", metavar="MODEL", help="A model that it may use; repeat it.")]
AnyOption = Annotated[bool, typer.Option("--any", help="It may use every model there is.")]
NoneOption = Annotated[bool, typer.Option("--none", help="It may use no model.")]

KeptOption = Annotated[str | None, typer.Option("--days", metavar="N", help="1 to 36500, or `none`: for ever.")]


@dataclass(frozen=True, slots=True)
class Retention:
    """What a command about retention answers; no days: for ever."""

    project: str
    days: int | None


def model_names(given: Sequence[str]) -> list[str]:
    """The names of models, if they can be such.

    Raises:
        Failure: one cannot.
    """
    for name in given:
        if len(name) > LONGEST_MODEL_NAME or re.fullmatch(MODEL_NAME, name) is None:
            raise Failure(f"expected the name of a model, as in the file of GALAPAGOS_MODELS; got {name!r}", ExitCode.BAD_INPUT)
    return list(given)


_PARTS = {Resource.MICRO_DOLLARS: 1_000_000, Resource.GPU_MILLISECONDS: 1000}


def limits_of(
    budget: str | None, tokens: str | None, evaluations: str | None, gpu_seconds: str | None
) -> dict[Resource, int | None]:
    """The limits that the options name, None for none; money in millionths of a dollar, GPU time in milliseconds.

    Raises:
        Failure: one is neither a number nor `none`.
    """
    given = {
        Resource.MICRO_DOLLARS: budget,
        Resource.TOKENS: tokens,
        Resource.EVALUATIONS: evaluations,
        Resource.GPU_MILLISECONDS: gpu_seconds,
    }
    return {resource: _limit(resource, text) for resource, text in given.items() if text is not None}


def _limit(resource: Resource, text: str) -> int | None:
    try:
        if text == "none":
            return None
        most = round(float(text) * _PARTS[resource]) if resource in _PARTS else int(text)
    except (ValueError, OverflowError):
        most = -1
    if not 0 <= most <= options.LARGEST_SEED:
        raise Failure(
            f"expected a number of at least 0, or none, as the limit of {resource.words}; got {text!r}", ExitCode.BAD_INPUT
        )
    return most


def checked_days(text: str) -> int | None:
    """The days that somebody names; None for `none`.

    Raises:
        Failure: they are neither.
    """
    if text == "none":
        return None
    if text.isdecimal() and len(text) <= 5 and 1 <= int(text) <= LONGEST_RETENTION_DAYS:
        return int(text)
    raise Failure(f"expected 1 to {LONGEST_RETENTION_DAYS} days, or none; got {text!r}", ExitCode.BAD_INPUT)
