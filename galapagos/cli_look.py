"""The commands that look at runs and problems: runs, show, report, export, problems."""

import json
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from database import run_lists
from database.for_people import raw, told_why_damaged
from database.run_lists import RunLine
from evolution.problem import Direction
from galapagos import options
from galapagos.export import ExportFormat, export_run
from galapagos.failures import ExitCode, Failure
from galapagos.ground import Ground, NothingHere, visit
from galapagos.library import listed_problems
from galapagos.progress import NOT_ISOLATED, dollars_text, duration_text, gpu_text, panel
from galapagos.standing import StandingReader

OutputOption = Annotated[
    Path | None, typer.Option("--output", metavar="FILE", help="Where to write. [default: beside the run]")
]
FormatOption = Annotated[ExportFormat, typer.Option("--format", help="jsonl or parquet.")]
WIDE_TABLE = 90
"""Columns of the terminal at which the list of runs tells everything."""


def list_runs(data: options.DataOption = None, as_json: options.JsonOption = False) -> None:
    """List the runs of the data folder, newest first."""

    async def work(ground: Ground) -> list[RunLine]:
        async with ground.database.begin() as connection:
            return await run_lists.list_runs(connection)

    try:
        found = visit(data, work)
    except NothingHere:
        found = []
    if as_json:
        _print_json({"runs": [_run_json(line) for line in found]})
        return
    console = Console()
    console.print(_table(found, console.width) if found else "no runs here yet; galapagos run PROBLEM starts one")
    if not all(line.score_isolated for line in found):
        console.print(f"* {NOT_ISOLATED}")


def _table(runs: list[RunLine], width: int) -> Table:
    """The runs as a table; a narrow terminal gets fewer columns, since a number that is cut says something else."""
    table = Table(box=None, pad_edge=False)
    for head in ("run", "problem", "state", "best", "verified", "evaluations", "time"):
        table.add_column(head, no_wrap=head not in {"problem", "state"}, overflow="fold")
    wide = width >= WIDE_TABLE
    for head in ("spent", "started") if wide else ():
        table.add_column(head, no_wrap=True)
    for line in runs:
        table.add_row(
            str(line.id),
            Text(line.problem),
            line.stop_reason.value if line.stop_reason else line.state.value,
            _brief(line.best_score, line),
            _brief(line.verified_score, line),
            f"{line.evaluations:,}",
            duration_text(line.active_s),
            *((_spent(line), f"{line.created_at:%m-%d %H:%M}") if wide else ()),
        )
    return table


def show(number: options.RunArgument, data: options.DataOption = None, as_json: options.JsonOption = False) -> None:
    """Show how a run stands, beside its process or after it."""

    async def work(ground: Ground) -> Any:
        return await StandingReader(ground.database, number).read()

    standing = visit(data, work)
    if not as_json:
        Console().print(panel(standing))
        return
    _print_json(
        {
            "run": standing.run,
            "problem": standing.problem,
            "state": standing.state.value,
            "stop_reason": standing.stop_reason,
            "stop_detail": standing.stop_detail,
            "tier": standing.tier,
            "score_isolated": standing.score_isolated,
            "seed_score": standing.seed_score,
            "best_score": standing.best_score,
            "verified_score": standing.verified_score,
            "evaluations": standing.evaluations,
            "evaluations_per_second": standing.rate,
            "programs": standing.programs,
            "seconds": standing.seconds,
            "spent": standing.micro_dollars / 1_000_000,
            "gpu_seconds": standing.gpu_milliseconds / 1000,
            "cells": standing.cells_filled,
            "islands": standing.islands,
            "operators": {
                item.name: {"asked": item.asked, "refused": item.refused, "scored": item.scored, "improved": item.improved}
                for item in standing.operators
            },
        }
    )


def report(
    number: options.RunArgument,
    output: OutputOption = None,
    data: options.DataOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """Write the report of a run as it is now: one HTML file that needs nothing else."""
    # Imported here: no other command needs its templates in memory.
    from galapagos.report.page import write_report

    async def work(ground: Ground) -> Path:
        async with told_why_damaged(ground.database, number):
            place = output or ground.folder_of(number) / "report.html"
        with _writing(place):
            return await write_report(ground.database, number, place)

    path = visit(data, work)
    _print_json({"run": number, "report": str(path)}) if as_json else _print(str(path))


def export(
    number: options.RunArgument,
    format_: FormatOption = ExportFormat.JSONL,
    output: OutputOption = None,
    data: options.DataOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """Write every program with its evaluation, and every prompt with its answer, to a file."""

    async def work(ground: Ground) -> tuple[Path, int]:
        path = output or ground.folder_of(number) / f"run-{number}.{format_.value}"
        async with told_why_damaged(ground.database, number):
            with _writing(path):
                return path, await export_run(ground.database, number, path, format_)

    path, rows = visit(data, work)
    _print_json({"run": number, "file": str(path), "rows": rows}) if as_json else _print(f"{path} ({rows:,} rows)")


def list_problems(as_json: options.JsonOption = False) -> None:
    """List the built-in problems: kind, cost of an evaluation, best known value and what was reached here."""
    listed = listed_problems()
    if as_json:
        _print_json({"problems": [item.as_json() for item in listed]})
        return
    console = Console()
    wide = console.width >= WIDE_TABLE
    table = Table(box=None, pad_edge=False)
    for head in ("problem", "kind", "cost", "best known", "ours", *(("what",) if wide else ())):
        table.add_column(head, no_wrap=head != "what", overflow="fold")
    for item in listed:
        score = item.definition.score
        arrow = "\N{UPWARDS ARROW}" if score.direction is Direction.MAXIMIZE else "\N{DOWNWARDS ARROW}"
        table.add_row(
            item.definition.name,
            item.kind,
            f"{item.cost_ms:.0f} ms {item.hardware}",
            f"{arrow} {_number(item.best_known)}",
            _number(item.our_best),
            *((Text(item.definition.title),) if wide else ()),
        )
    console.print(table)


@contextmanager
def _writing(path: Path) -> Generator[None]:
    """Within the block `path` is written.

    Raises:
        Failure: it cannot be written there.
    """
    try:
        yield
    except OSError as error:
        why = error.strerror or str(error)
        raise Failure(f"{path} cannot be written: {why}; name another file with --output", ExitCode.BAD_INPUT) from None


def _brief(score: float | None, line: RunLine) -> str:
    return "-" if score is None else f"{line.sign * score:.6g}{'' if line.score_isolated else ' *'}"


def _spent(line: RunLine) -> str:
    money = dollars_text(line.spent_micro_dollars)
    return f"{money}, {gpu_text(line.gpu_milliseconds)}" if line.gpu_milliseconds else money


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.9g}"


def _run_json(line: RunLine) -> dict[str, Any]:
    return {
        "run": line.id,
        "problem": line.problem,
        "state": line.state.value,
        "stop_reason": line.stop_reason.value if line.stop_reason else None,
        "tier": line.tier.value,
        "score_isolated": line.score_isolated,
        "best_score": raw(line.best_score, line.sign),
        "verified_score": raw(line.verified_score, line.sign),
        "evaluations": line.evaluations,
        "seconds": line.active_s,
        "spent": line.spent_micro_dollars / 1_000_000,
        "gpu_seconds": line.gpu_milliseconds / 1000,
        "created_at": line.created_at.isoformat(),
    }


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")


def _print_json(answer: dict[str, Any]) -> None:
    _print(json.dumps(answer, ensure_ascii=False))
