"""The options that commands share, and what the options of `run` add up to."""

from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from evolution.evaluation import Tier
from evolution.language import LANGUAGES, Language
from evolution.run import Budget, ModelChoice, Order, RunConfig, StrategyName
from galapagos.failures import ExitCode, Failure

DataOption = Annotated[
    Path | None,
    typer.Option(
        "--data", metavar="FOLDER", help="Folder of the database and the results. [default: $GALAPAGOS_DATA or ./.galapagos]"
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="End with one JSON object on standard output.")]
RunArgument = Annotated[int, typer.Argument(metavar="RUN", help="Number of a run; `galapagos runs` lists them.")]
ProblemArgument = Annotated[str, typer.Argument(metavar="PROBLEM", help="Folder of a problem, or the name of a built-in one.")]
PlainOption = Annotated[
    bool, typer.Option("--plain", help="Run candidates without isolation (reduced tier): only for code that you trust.")
]
TierOption = Annotated[
    Tier | None,
    typer.Option("--tier", help="How candidates are confined. [default: namespaces, or container where there are none]"),
]
SecondsOption = Annotated[float | None, typer.Option("--seconds", help="End after so many seconds of active time.")]
EvaluationsOption = Annotated[int | None, typer.Option("--evaluations", help="End after so many evaluated programs.")]
BudgetOption = Annotated[float | None, typer.Option("--budget", help="Most dollars that models may cost.")]
TokensOption = Annotated[int | None, typer.Option("--tokens", help="Most tokens that models may read and write.")]
GpuSecondsOption = Annotated[float | None, typer.Option("--gpu-seconds", help="Most seconds that evaluations may hold GPUs.")]
TargetOption = Annotated[float | None, typer.Option("--target", help="End when a score, in the problem's unit, is this good.")]
SeedOption = Annotated[int | None, typer.Option("--seed", help="Seed of all choices. [default: drawn anew]")]
StrategyOption = Annotated[StrategyName, typer.Option("--strategy", help="Who is the parent, who inspires.")]
OrderOption = Annotated[Order, typer.Option("--order", help="fixed-lag makes the run independent of timing, at some speed.")]
LagOption = Annotated[int, typer.Option("--lag", help="Proposals in flight under --order fixed-lag.")]
IslandsOption = Annotated[int, typer.Option("--islands", help="Islands at the start; up to --max-islands are founded later.")]
MaxIslandsOption = Annotated[int, typer.Option("--max-islands", help="Most islands.")]
InFlightOption = Annotated[int, typer.Option("--in-flight", help="Most proposals asked and not yet admitted.")]
ModelOption = Annotated[
    list[str] | None,
    typer.Option(
        "--model",
        metavar="NAME[=WEIGHT[:IN_FLIGHT]]",
        help="A model of the file in $GALAPAGOS_MODELS, how often to ask it, and how much of it at a time. Repeatable.",
    ),
]
MutateOption = Annotated[bool, typer.Option("--mutate/--no-mutate", help="Make children by mutation without a model.")]
TuneOption = Annotated[bool, typer.Option("--tune/--no-tune", help="Tune numeric literals of the best programs.")]
LARGEST_SEED = (1 << 63) - 1


def given(context: typer.Context) -> frozenset[str]:
    """The names of the options that stood on the command line, defaults left out."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    return frozenset(name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE")


def budget_of(
    seconds: float | None,
    evaluations: int | None,
    dollars: float | None,
    tokens: int | None,
    gpu_seconds: float | None,
    target: float | None,
) -> Budget:
    """The limits of a run. Dollars become micro-dollars and GPU seconds milliseconds, rounded to the nearest one.

    Raises:
        Failure: a limit that cannot be one.
    """
    try:
        return Budget(
            seconds=seconds,
            evaluations=evaluations,
            micro_dollars=None if dollars is None else _parts("--budget", dollars, 1_000_000),
            tokens=tokens,
            gpu_milliseconds=None if gpu_seconds is None else _parts("--gpu-seconds", gpu_seconds, 1000),
            target=target,
        )
    except ValidationError as error:
        raise Failure(_complaints(error), ExitCode.BAD_INPUT) from None


def models_of(given: list[str] | None) -> tuple[ModelChoice, ...]:
    """The models named by `--model`.

    Raises:
        Failure: a weight that is none, or a name given twice.
    """
    chosen: dict[str, ModelChoice] = {}
    for text in given or []:
        name, _, numbers = text.partition("=")
        weight, _, in_flight = numbers.partition(":")
        try:
            choice = ModelChoice(
                name=name, weight=float(weight) if weight else 1.0, in_flight=int(in_flight) if in_flight else None
            )
        except (ValueError, ValidationError):
            raise Failure(
                f"--model {text}: expected NAME, NAME=WEIGHT with a weight above 0, or NAME=WEIGHT:IN_FLIGHT with a "
                "whole number above 0",
                ExitCode.BAD_INPUT,
            ) from None
        if name in chosen:
            raise Failure(f"--model {name} is given twice; give it once, with the sum of the weights", ExitCode.BAD_INPUT)
        chosen[name] = choice
    return tuple(chosen.values())


def config_of(**choices: object) -> RunConfig:
    """The configuration of a run.

    Raises:
        Failure: a value out of its range.
    """
    try:
        return RunConfig.model_validate(choices)
    except ValidationError as error:
        raise Failure(_complaints(error), ExitCode.BAD_INPUT) from None


def config_for(config: RunConfig, language: Language) -> RunConfig:
    """The configuration of a run of a problem in this language: without the operators that do not know it.

    Raises:
        Failure: no operator is left.
    """
    if not (config.mutate or config.models):
        raise Failure("--no-mutate: expected a model to make children instead; name one with --model", ExitCode.BAD_INPUT)
    warnings = language_warnings(language)
    if not warnings:
        return config
    if not config.models:
        raise Failure("; ".join(warnings), ExitCode.BAD_INPUT)
    return config.model_copy(update={"mutate": False, "tune": False})


def language_warnings(language: Language) -> list[str]:
    """That a run needs a model, where mutation and tuning do not know the language."""
    if LANGUAGES[language].mutates:
        return []
    known = ", ".join(traits.title for traits in LANGUAGES.values() if traits.mutates)
    return [
        f"programs in {LANGUAGES[language].title} are changed by language models alone, since mutation and tuning know "
        f"{known}: name a model with --model (docs/settings.md)"
    ]


def _complaints(error: ValidationError) -> str:
    return "\n".join(
        f"--{_option('-'.join(str(part) for part in item['loc']))}: {item['msg']}; got {item['input']!r}"
        for item in error.errors()
    )


def _option(field: str) -> str:
    """The name of the option that fills a field."""
    return field.replace("_", "-").replace("micro-dollars", "budget").replace("gpu-milliseconds", "gpu-seconds")


def _parts(option: str, amount: float, of_one: int) -> int:
    try:
        return round(amount * of_one)
    except (OverflowError, ValueError):
        raise Failure(f"{option}: expected a number, got {amount}; give a finite one", ExitCode.BAD_INPUT) from None
