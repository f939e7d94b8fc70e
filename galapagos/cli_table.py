"""The command that compares the reference programs of a problem."""

import asyncio
import hashlib
import json
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from evaluators.cascade import Candidate, judge
from evaluators.environments import Environments, ResolutionError
from evaluators.faults import NotTheCandidate
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
    tier: options.TierOption = None,
    plain: options.PlainOption = False,
    as_json: options.JsonOption = False,
) -> None:
    """Verify the reference programs of a problem as champions are verified, and print them with their spread."""
    chosen = read_problem_folder(find_problem_folder(problem))
    compared = _chosen(chosen, only) | _given(chosen, programs or [])
    chosen_tier = tier_of(tier, plain)
    require(chosen_tier, chosen.definition.language)
    console = Console(stderr=True)
    try:
        found = asyncio.run(_verify(_Comparison(chosen, compared, repetitions, chosen_tier), console))
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
    if output is not None:
        _write(output, text + "\n" if output.suffix == ".json" else markdown)
    sys.stdout.write(text + "\n" if as_json else markdown)


@dataclass(frozen=True, slots=True)
class _Comparison:
    problem: Problem
    programs: Mapping[str, Mapping[str, str]]
    repetitions: int
    tier: Tier


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
    problem, names = comparison.problem, list(comparison.programs)
    packages = await Environments(command_settings(None).cache).prepare(problem.definition.environment)
    found: dict[str, list[Outcome]] = {name: [] for name in names}
    begun = time.monotonic()
    async with slot_service(comparison.tier) as folder:
        sandbox = open_sandbox(comparison.tier, problem, packages, folder)
        await sandbox.start()
        try:
            with console.status("") as status:
                for number, name in enumerate(names):
                    for repetition in range(comparison.repetitions):
                        status.update(_standing(comparison, number, repetition, time.monotonic() - begun))
                        secret = hashlib.sha256(str(repetition).encode()).digest()
                        candidate = Candidate(comparison.programs[name], Purpose.VERIFY, secret)
                        found[name].append((await judge(sandbox, problem, candidate)).outcome)
                    console.print(
                        f"{number + 1}/{len(names)}  {_brief(problem, name, found[name])}", highlight=False, markup=False
                    )
        finally:
            await sandbox.close()
    return found


def _standing(comparison: _Comparison, number: int, repetition: int, seconds: float) -> str:
    done = number * comparison.repetitions + repetition
    left = seconds / done * (len(comparison.programs) * comparison.repetitions - done) if done else 0.0
    name = list(comparison.programs)[number]
    ahead = f", {duration_text(left)} left" if done else ""
    return f"{name}, repetition {repetition + 1} of {comparison.repetitions}{ahead}"


def _brief(problem: Problem, name: str, outcomes: list[Outcome]) -> str:
    if all(outcome.verdict is Verdict.SCORED for outcome in outcomes):
        row = Row(name, outcomes, problem.definition.score.sign)
        return f"{name}  {with_spread(row.scores)} {problem.definition.score.unit}".rstrip()
    refused = next(outcome for outcome in outcomes if outcome.verdict is not Verdict.SCORED)
    return f"{name}  {refused.verdict.value}: {refused.stages[-1].feedback[:200]}"


def _write(place: Path, text: str) -> None:
    try:
        place.write_text(text)
    except OSError as error:
        why = error.strerror or str(error)
        raise Failure(f"{place} cannot be written: {why}; name another file with --output", ExitCode.BAD_INPUT) from None
