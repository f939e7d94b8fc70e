"""The commands that speak to a service: `galapagos remote submit`, `start`, `watch` and the rest."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from evolution.run import Order, RunState, StopReason, StrategyName
from galapagos import options
from galapagos.failures import ExitCode, Failure
from galapagos.progress import NOT_ISOLATED, dollars_text, duration_text, gpu_text, progress_for, score_text
from galapagos.remote.answers import print_json, say, with_client
from galapagos.remote.cli_steer import ProgramArgument, RemoteRun
from galapagos.rows import tell_all

if TYPE_CHECKING:
    # Imported where they are used: all other commands would pay for them with memory.
    from galapagos.remote.client import AsyncClient
    from server.schemas.programs import Verification
    from server.schemas.runs import RunDetail, RunLine

remote_app = typer.Typer(
    help="Speak to the service at $GALAPAGOS_URL, with the token in $GALAPAGOS_TOKEN.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
ProjectOption = Annotated[int, typer.Option("--project", help="Number of the project that owns it.")]
WatchOption = Annotated[bool, typer.Option("--watch/--no-watch", help="Show progress until the run has ended.")]
RemoteProblem = Annotated[str, typer.Argument(metavar="PROBLEM", help="Name or revision of a problem that the service knows.")]
WIDE_TABLE = 90
MOST_ROWS = 20
AS_ASKED = frozenset({StopReason.EVALUATIONS, StopReason.SECONDS, StopReason.MONEY, StopReason.GPU_SECONDS, StopReason.TARGET})


@dataclass(frozen=True, slots=True)
class VerificationLine:
    """What a table tells of a verification; `seconds` is how long it took."""

    series: int
    state: str
    verdict: str | None
    score: float | None
    seconds: float | None

    @classmethod
    def of(cls, found: "Verification") -> "VerificationLine":
        """The row of one verification."""
        return cls(found.series, found.state.value, found.verdict and found.verdict.value, found.score, found.duration_s)


class ExportKind(StrEnum):
    """JSON lines and Parquet have a row for each proposal, a dataset one for each answer of a model, in JSON lines."""

    JSONL = "jsonl"
    PARQUET = "parquet"
    DATASET = "dataset"


@remote_app.command()
def submit(problem: options.ProblemArgument, project: ProjectOption = 1, as_json: options.JsonOption = False) -> None:
    """Send a problem's folder to the service."""
    sent = with_client(lambda client: client.submit(problem, project))
    if as_json:
        print_json(sent.model_dump(mode="json"))
        return
    say(f"{sent.name}, revision {sent.revision}, is {'new' if sent.new else 'known already'} in project {project}")
    say(f"galapagos remote start {sent.name} --project {project} starts a run")


@remote_app.command()
def start(
    problem: RemoteProblem,
    *,
    project: ProjectOption = 1,
    seconds: options.SecondsOption = None,
    evaluations: options.EvaluationsOption = None,
    budget: options.BudgetOption = None,
    tokens: options.TokensOption = None,
    gpu_seconds: options.GpuSecondsOption = None,
    target: options.TargetOption = None,
    seed: options.SeedOption = None,
    strategy: options.StrategyOption = StrategyName.ISLANDS,
    order: options.OrderOption = Order.AS_COMPLETED,
    lag: options.LagOption = 8,
    islands: options.IslandsOption = 1,
    max_islands: options.MaxIslandsOption = 8,
    in_flight: options.InFlightOption = 32,
    model: options.ModelOption = None,
    mutate: options.MutateOption = True,
    tune: options.TuneOption = True,
    watch: WatchOption = False,
    as_json: options.JsonOption = False,
) -> None:
    """Start a run of a problem that the service knows."""
    config = options.config_of(
        strategy=strategy,
        order=order,
        lag=lag,
        in_flight=in_flight,
        islands=islands,
        max_islands=max_islands,
        models=options.models_of(model),
        mutate=mutate,
        tune=tune,
        budget=options.budget_of(seconds, evaluations, budget, tokens, gpu_seconds, target),
    )
    started = with_client(lambda client: client.start(problem, config, seed=seed, project=project))
    if watch:
        _watch(started.id, as_json)
    elif as_json:
        print_json(started.model_dump(mode="json"))
    else:
        say(f"run {started.id} of {started.problem} goes on; galapagos remote watch {started.id} shows how")


@remote_app.command()
def watch(number: RemoteRun, as_json: options.JsonOption = False) -> None:
    """Show how a run goes on until it has ended; Ctrl-C ends the watching, not the run."""
    _watch(number, as_json)


@remote_app.command("runs")
def list_runs(
    project: Annotated[int | None, typer.Option("--project", help="Only runs of this project.")] = None,
    state: Annotated[RunState | None, typer.Option("--state", help="Only runs in this state.")] = None,
    as_json: options.JsonOption = False,
) -> None:
    """List the runs that you may see, newest first."""

    async def work(client: "AsyncClient") -> "list[RunLine]":
        return [run async for run in client.runs(project=project, state=state)]

    found = with_client(work)
    if as_json:
        print_json({"runs": [run.model_dump(mode="json") for run in found]})
    elif found:
        console = Console()
        console.print(_table(found, console.width))
    else:
        say("no runs that you may see; galapagos remote start PROBLEM starts one")


@remote_app.command()
def best(
    number: RemoteRun,
    output: Annotated[Path | None, typer.Option("--output", metavar="FOLDER", help="Where to write its files.")] = None,
    as_json: options.JsonOption = False,
) -> None:
    """Print the best program of a run, or write its files to a folder; the verified best if there is one."""
    found = with_client(lambda client: client.best(number))
    if found is None:
        raise Failure(f"no program of run {number} has a score yet", ExitCode.FAILED)
    if output is not None:
        write_files(found.files, output)
    if as_json:
        print_json(found.model_dump(mode="json"))
    elif output is not None:
        say(f"program {found.number} of run {number} is in {output}")
    else:
        say("\n".join(f"# {path}\n{text}" for path, text in found.files.items()))


def write_files(files: Mapping[str, str], folder: Path) -> None:
    """Write the files of a program below a folder.

    Raises:
        Failure: one of them would lie elsewhere.
    """
    for path, text in files.items():
        target = folder / path
        # The service says so, and it may be anybody's.
        if not target.resolve().is_relative_to(folder.resolve()):
            raise Failure(f"the service names a file outside of the folder: {path!r}; nothing more is written", ExitCode.FAILED)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


@remote_app.command()
def verifications(number: RemoteRun, program: ProgramArgument, as_json: options.JsonOption = False) -> None:
    """List all verifications of a program, newest first: they tell how far its score spreads."""

    async def work(client: "AsyncClient") -> "list[Verification]":
        return [one async for one in client.verifications(number, program)]

    found = with_client(work)
    tell_all("verifications", found if as_json else [VerificationLine.of(one) for one in found], as_json)


@remote_app.command()
def compare(
    numbers: Annotated[list[int], typer.Argument(metavar="RUN...", help="Numbers of up to 16 runs.")],
    as_json: options.JsonOption = False,
) -> None:
    """Show the best scores of several runs side by side, after as many evaluations each."""
    found = with_client(lambda client: client.compare(numbers))
    if as_json:
        print_json(found.model_dump(mode="json"))
        return
    if not found.same_problem:
        say("these runs are of different problems, or of different revisions of one: their scores do not compare")
    table = Table(box=None, pad_edge=False)
    for head in ("evaluations", *(f"run {run.run}" for run in found.runs)):
        table.add_column(head, justify="right")
    steps = sorted({record.evaluations for run in found.runs for record in run.records})
    for step in dict.fromkeys(steps[:: max(1, len(steps) // MOST_ROWS)] + steps[-1:]):
        until = [[record.score for record in run.records if record.evaluations <= step] for run in found.runs]
        table.add_row(f"{step:,}", *(score_text(scores[-1]) if scores else "-" for scores in until))
    Console().print(table)


@remote_app.command()
def export(
    number: RemoteRun,
    kind: Annotated[ExportKind, typer.Option("--format", help="jsonl, parquet or dataset.")] = ExportKind.JSONL,
    output: Annotated[Path | None, typer.Option("--output", metavar="FILE", help="Where to write.")] = None,
    as_json: options.JsonOption = False,
) -> None:
    """Write a run to a file: a row a proposal, or for a dataset a row for each answer of a model with its reward."""
    suffix = "parquet" if kind is ExportKind.PARQUET else "jsonl"
    path = output or Path(f"run-{number}.{suffix}")
    size = with_client(lambda client: client.export(number, path, kind.value))
    if as_json:
        print_json({"run": number, "format": kind.value, "file": str(path), "bytes": size})
    else:
        say(f"{path}, {size:,} bytes")


def _table(runs: "list[RunLine]", width: int) -> Table:
    """The runs as a table; a narrow terminal gets fewer columns, since a number that is cut says something else."""
    table = Table(box=None, pad_edge=False)
    wide = width >= WIDE_TABLE
    for head in ("run", "problem", "state", "best", "verified", "evaluations", *(("project", "time", "spent") if wide else ())):
        table.add_column(head, no_wrap=head not in {"problem", "state"}, overflow="fold")
    for run in runs:
        table.add_row(
            str(run.id),
            Text(run.problem),
            run.stop_reason.value if run.stop_reason else run.state.value,
            _brief(run.best_score),
            _brief(run.verified_score),
            f"{run.evaluations:,}",
            *((str(run.project), duration_text(run.seconds), _spent(run)) if wide else ()),
        )
    return table


def _brief(score: float | None) -> str:
    return "-" if score is None else f"{score:.6g}"


def _spent(run: "RunLine") -> str:
    money = "-" if run.spent_micro_dollars is None else dollars_text(run.spent_micro_dollars)
    return f"{money}, {gpu_text(run.gpu_milliseconds)}" if run.gpu_milliseconds else money


def _watch(number: int, as_json: bool) -> None:
    from galapagos.remote.standing import standing_of

    console = Console(stderr=as_json)

    async def work(client: "AsyncClient") -> "RunDetail":
        found = await client.run(number)
        definition = (await client.problem(found.revision)).definition
        if not found.score_isolated:
            console.print(f"{NOT_ISOLATED}: the score is made where the program can reach it", highlight=False)
        with progress_for(console, "Ctrl-C ends the watching, not the run") as progress:
            return await client.wait(number, lambda run: progress.show(standing_of(run, definition)))

    ended = with_client(work)
    as_asked = ended.stop_reason in AS_ASKED and ended.verified_score is not None
    stopped = ended.stop_reason is StopReason.STOPPED
    code = ExitCode.DONE if as_asked else ExitCode.INTERRUPTED if stopped else ExitCode.FAILED
    if as_json:
        print_json(ended.model_dump(mode="json") | {"exit_code": int(code)})
    else:
        say(f"run {number} ended: {ended.stop_detail}")
        for name, score in (("seed", ended.seed_score), ("best", ended.best_score), ("verified", ended.verified_score)):
            say(f"  {name:<9} {score_text(score, ended.unit)}")
    raise typer.Exit(int(code))


@remote_app.command()
def mcp(
    port: Annotated[
        int | None,
        typer.Option(
            "--port", min=1, max=65535, help="Serve HTTP at this port of 127.0.0.1 instead of standard input and output."
        ),
    ] = None,
) -> None:
    """Serve the verbs of people and agents who answer runs, as tools of the Model Context Protocol."""
    try:
        from galapagos.remote.tools import serve_tools
    except ModuleNotFoundError as error:
        raise Failure(
            f"the tools need a package that is not installed ({error.name}); install galapagos[mcp]", ExitCode.MACHINE
        ) from None
    from galapagos.settings import remote_settings

    asyncio.run(serve_tools(remote_settings(), port))
