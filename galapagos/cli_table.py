"""The command that compares the reference programs of a problem."""

import asyncio
import hashlib
import json
import os
import sys
import time
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.status import Status

from evaluators.cascade import Candidate, judge
from evaluators.environments import Environments, ResolutionError
from evaluators.faults import NotTheCandidate
from evaluators.gpu_stages import GpuStages, gpu_stages_of, own_gpus
from evaluators.gpus import Gpus
from evaluators.probe import require
from evaluators.sandbox import open_sandbox
from evolution.evaluation import Outcome, Purpose, Tier, Verdict
from evolution.evolve_blocks import EvolveBlockError
from evolution.problem import Problem
from galapagos import options
from galapagos.cli_run import tier_of
from galapagos.failures import ExitCode, Failure
from galapagos.problem_folder import find_problem_folder, read_problem_folder
from galapagos.progress import duration_text
from galapagos.reference_table import ReferenceTable, Row, with_spread
from galapagos.references import reference_programs, whole_program
from galapagos.settings import command_settings
from galapagos.slots import slot_service

FilesArgument = Annotated[
    list[Path] | None,
    typer.Argument(metavar="[PROGRAM]...", help="Programs to compare too: whole files, or what stands between the markers."),
]
RepetitionsOption = Annotated[int, typer.Option("--repetitions", min=1, help="How often each is verified, on other seeds.")]
OnlyOption = Annotated[list[str] | None, typer.Option("--only", metavar="NAME", help="Only this reference. Repeatable.")]
MetricOption = Annotated[
    list[str] | None,
    typer.Option("--metric", metavar="NAME", help="A column for a metric, of a hidden stage as STAGE:NAME. Repeatable."),
]
SlotsOption = Annotated[
    int | None, typer.Option("--slots", min=1, help="How many are verified at a time. [default: one for each processor]")
]
OutputOption = Annotated[
    Path | None, typer.Option("--output", metavar="FILE", help="Where to write: *.json as JSON, all else as Markdown.")
]


def table(
    problem: options.ProblemArgument,
    programs: FilesArgument = None,
    *,
    repetitions: RepetitionsOption = 3,
    only: OnlyOption = None,
    metric: MetricOption = None,
    output: OutputOption = None,
    slots: SlotsOption = None,
    tier: options.TierOption = None,
    plain: options.PlainOption = False,
    as_json: options.JsonOption = False,
) -> None:
    """Verify the reference programs of a problem as champions are verified, and print them with their spread."""
    chosen = read_problem_folder(find_problem_folder(problem))
    compared = _chosen(chosen, only) | _given(chosen, programs or [])
    chosen_tier = tier_of(tier, plain)
    require(chosen_tier, chosen.definition.language, chosen.definition.gpus)
    console = Console(stderr=True)
    try:
        found = asyncio.run(_verify(_Comparison(chosen, compared, repetitions, chosen_tier, slots or _processors()), console))
    except ResolutionError as error:
        raise Failure(str(error), ExitCode.BAD_INPUT) from None
    except NotTheCandidate as error:
        raise Failure(str(error), ExitCode.MACHINE) from None
    hidden = [stage.name for stage in chosen.definition.stages if stage.hidden]
    rows = [Row(name, outcomes, chosen.definition.score.sign) for name, outcomes in found.items()]
    made = ReferenceTable(rows, hidden)
    markdown = made.as_markdown(metric or [])
    told: dict[str, Any] = {
        "problem": chosen.definition.name,
        "revision": chosen.revision,
        "tier": chosen_tier.value,
        "repetitions": repetitions,
        "rows": made.as_json(),
    }
    text = json.dumps(told, ensure_ascii=False)
    # Before the file, which may be impossible to write: minutes of work would be lost.
    sys.stdout.write(text + "\n" if as_json else markdown)
    if output is not None:
        _write(output, text + "\n" if output.suffix == ".json" else markdown)


@dataclass(frozen=True, slots=True)
class _Comparison:
    problem: Problem
    programs: Mapping[str, Mapping[str, str]]
    repetitions: int
    tier: Tier
    slots: int


def _chosen(problem: Problem, only: list[str] | None) -> dict[str, Mapping[str, str]]:
    found = reference_programs(problem)
    if missing := sorted(set(only or []) - found.keys()):
        raise Failure(
            f"--only {missing[0]}: expected the name of a reference of {problem.definition.name}; it has {', '.join(found)}",
            ExitCode.BAD_INPUT,
        )
    return {name: files for name, files in found.items() if not only or name in only}


def _given(problem: Problem, paths: list[Path]) -> dict[str, Mapping[str, str]]:
    first = problem.definition.seed[0]
    frame = problem.seed_files[first]
    try:
        return {
            str(path): {
                **problem.seed_files,
                first: whole_program(frame, (path / first if path.is_dir() else path).read_text()),
            }
            for path in paths
        }
    except (OSError, UnicodeDecodeError, EvolveBlockError) as error:
        raise Failure(f"expected to read a program, or a folder with {first}: {error}", ExitCode.BAD_INPUT) from None


async def _verify(comparison: _Comparison, console: Console) -> dict[str, list[Outcome]]:
    """Verify every program with the same secrets, so that all of them meet the same instances."""
    problem, repetitions = comparison.problem, comparison.repetitions
    packages = await Environments(command_settings(None).cache).prepare(problem.definition.environment)
    waiting = [(name, repetition) for name in comparison.programs for repetition in range(repetitions)]
    work = iter(waiting)
    found: dict[str, dict[int, Outcome]] = {name: {} for name in comparison.programs}
    begun = time.monotonic()

    async def serve(gpus: Gpus | None, folder: Path | None, status: Status) -> None:
        async with gpu_stages_of(gpus, comparison.tier, problem, packages, folder) as gpu_stages:
            await serve_with(gpu_stages, folder, status)

    async def serve_with(gpu_stages: GpuStages | None, folder: Path | None, status: Status) -> None:
        sandbox = open_sandbox(comparison.tier, problem, packages, folder)
        await sandbox.start()
        try:
            for name, repetition in work:
                status.update(_standing(name, sum(map(len, found.values())), len(waiting), time.monotonic() - begun))
                secret = hashlib.sha256(str(repetition).encode()).digest()
                candidate = Candidate(comparison.programs[name], Purpose.VERIFY, secret)
                found[name][repetition] = (await judge(sandbox, problem, candidate, gpu_stages)).outcome
                if len(found[name]) == repetitions:
                    console.print(_brief(problem, name, [*found[name].values()]), highlight=False, markup=False, soft_wrap=True)
        finally:
            await sandbox.close()

    async with own_gpus(comparison.tier, problem) as gpus, slot_service(comparison.tier) as folder:
        with console.status("") as status:
            await at_once([serve(gpus, folder, status) for _ in range(min(comparison.slots, len(waiting)))])
    return {name: [by_number[number] for number in sorted(by_number)] for name, by_number in found.items()}


async def at_once(parts: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Run all of them; the first failure ends the others and is raised."""
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _standing(name: str, done: int, total: int, seconds: float) -> str:
    left = f", {duration_text(seconds / done * (total - done))} left" if done else ""
    return f"{name}; {done} of {total} verifications{left}"


def _brief(problem: Problem, name: str, outcomes: list[Outcome]) -> str:
    if all(outcome.verdict is Verdict.SCORED for outcome in outcomes):
        row = Row(name, outcomes, problem.definition.score.sign)
        return f"{name}  {with_spread(row.scores)} {problem.definition.score.unit}".rstrip()
    refused = next(outcome for outcome in outcomes if outcome.verdict is not Verdict.SCORED)
    return f"{name}  {refused.verdict.value}: {refused.stages[-1].feedback[:200]}"


def _processors() -> int:
    return len(os.sched_getaffinity(0))


def _write(place: Path, text: str) -> None:
    try:
        place.write_text(text)
    except OSError as error:
        why = error.strerror or str(error)
        raise Failure(f"{place} cannot be written: {why}; name another file with --output", ExitCode.BAD_INPUT) from None
