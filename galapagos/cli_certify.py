"""The command that certifies a construction."""

import asyncio
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from evaluators.certification import NotCertified, Proved, answering, prove_twice
from evaluators.environments import Environments, ResolutionError
from evaluators.faults import HostFault
from evaluators.probe import require
from evolution.evaluation import Tier
from evolution.problem import Problem
from galapagos import options
from galapagos.certificate import certificate_of, read_construction, written
from galapagos.cli_run import refuse_gpus, tier_of
from galapagos.failures import ExitCode, Failure
from galapagos.problem_folder import find_problem_folder, read_problem_folder
from galapagos.settings import command_settings
from galapagos.slots import slot_service

ArtifactArgument = Annotated[
    Path,
    typer.Argument(metavar="ARTIFACT", help="A program, a folder with one (as runs/N/best), or a certificate to prove again."),
]
ProblemOption = Annotated[
    str | None,
    typer.Option("--problem", metavar="PROBLEM", help="The problem that it solves. [default: that of the certificate]"),
]
OutputOption = Annotated[
    Path | None, typer.Option("--output", metavar="FILE", help="Where to write. [default: beside a program; else nowhere]")
]


def certify(
    artifact: ArtifactArgument,
    problem: ProblemOption = None,
    output: OutputOption = None,
    tier: options.TierOption = None,
    plain: options.PlainOption = False,
    as_json: options.JsonOption = False,
) -> None:
    """Prove what a program constructs, have a second verifier prove it again, and write a certificate."""
    chosen, files, is_program = _read(artifact, problem)
    keys = chosen.definition.certificate
    if keys is None:
        raise Failure(
            f"expected a problem whose constructions can be certified; {chosen.definition.name} has no table [certificate] "
            "in its problem.toml (docs/problem-format.md)",
            ExitCode.BAD_INPUT,
        )
    chosen_tier = tier_of(tier, plain)
    refuse_gpus(chosen, "galapagos certify")
    require(chosen_tier, chosen.definition.language)
    try:
        proved = asyncio.run(_prove(chosen, files, chosen_tier))
    except NotCertified as refusal:
        raise Failure(str(refusal), ExitCode.FAILED) from None
    except ResolutionError as error:
        raise Failure(str(error), ExitCode.BAD_INPUT) from None
    except HostFault as error:
        raise Failure(str(error), ExitCode.MACHINE) from None
    certificate = certificate_of(chosen, keys, proved, files if is_program else {}, chosen_tier)
    beside = artifact.resolve().parent / f"{chosen.definition.name}.certificate.json"
    place = output or (beside if is_program else artifact)
    if is_program or output is not None:
        _write(place, written(certificate))
    left_out = {"construction", "program"}
    told = {key: value for key, value in certificate.items() if key not in left_out} | {"certificate": str(place)}
    sys.stdout.write((json.dumps(told) if as_json else _text(told)) + "\n")


def _read(artifact: Path, name: str | None) -> tuple[Problem, Mapping[str, str], bool]:
    """The problem, a program whose answer is to be certified, and whether it was given (or made from a certificate)."""
    if not artifact.exists():
        raise Failure(f"{artifact}: expected a program, a folder with one, or a certificate; there is none", ExitCode.BAD_INPUT)
    certified = None if artifact.is_dir() else read_construction(artifact)
    if certified is not None:
        problem = read_problem_folder(find_problem_folder(name or certified[0]))
        return problem, answering(problem, certified[1]), False
    if name is None:
        raise Failure(
            f"{artifact}: expected the problem that it solves; name it with --problem (`galapagos problems` lists them)",
            ExitCode.BAD_INPUT,
        )
    problem = read_problem_folder(find_problem_folder(name))
    seeds = problem.definition.seed
    paths = {seed: artifact / seed for seed in seeds} if artifact.is_dir() else {seeds[0]: artifact}
    try:
        return problem, {**problem.seed_files, **{seed: path.read_text() for seed, path in paths.items()}}, True
    except (OSError, UnicodeDecodeError) as error:
        wanted = ", ".join(str(path) for path in paths.values())
        name = problem.definition.name
        raise Failure(f"expected to read {wanted}, the files of a program for {name}: {error}", ExitCode.BAD_INPUT) from None


def _write(place: Path, text: str) -> None:
    try:
        place.write_text(text)
    except OSError as error:
        why = error.strerror or str(error)
        raise Failure(f"{place} cannot be written: {why}; name another file with --output", ExitCode.BAD_INPUT) from None


async def _prove(problem: Problem, files: Mapping[str, str], tier: Tier) -> Proved:
    packages = await Environments(command_settings(None).cache).prepare(problem.definition.environment)
    async with slot_service(tier) as folder:
        return await prove_twice(problem, files, tier, packages, folder)


def _text(told: dict[str, Any]) -> str:
    exact = told["exact"] if len(told["exact"]) <= 100 else f"{told['exact'][:100]}..."
    lines = [
        f"{told['problem']}: {told['score']:.12g} {told['unit']}".rstrip(),
        f"  exact      {exact}",
        f"  method     {told['method']}",
        f"  confirmed  by {told['confirmed_by']}, on another way",
    ]
    for known in told["compared"]:
        word = "as" if known["this_is"] == "equal" else "than"
        lines.append(f"  {known['this_is']:9}  {word} {known['name']}, {known['value']:.12g}")
    if told["compared"] and all(known["this_is"] == "better" for known in told["compared"]):
        lines.append("  better than all that is listed: look for newer values before you call it a record")
    return "\n".join([*lines, told["certificate"]])
