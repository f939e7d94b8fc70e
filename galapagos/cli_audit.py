"""The command that tries to fool a problem's judge before anybody relies on it."""

import asyncio
import json
import sys
from collections.abc import Collection
from typing import Annotated, Any

import typer

from evaluators.audit.audit import audit_problem
from evaluators.audit.weaknesses import AuditReport, Probed, Weakness
from evaluators.probe import require
from evolution.examination import examine
from evolution.problem import Problem
from galapagos import options
from galapagos.cli_run import refuse_gpus, tier_of
from galapagos.failures import ExitCode
from galapagos.problem_folder import find_problem_folder, read_problem_folder
from galapagos.settings import command_settings
from galapagos.slots import slot_service

OnlyOption = Annotated[
    list[Weakness] | None, typer.Option("--only", metavar="WEAKNESS", help="Look for this weakness only. Repeatable.")
]


def audit(
    problem: options.ProblemArgument,
    only: OnlyOption = None,
    tier: options.TierOption = None,
    plain: options.PlainOption = False,
    as_json: options.JsonOption = False,
) -> None:
    """Try to fool a problem's judge, with answers and programs made from its seed, and list the holes found."""
    chosen = read_problem_folder(find_problem_folder(problem))
    examine(chosen)
    chosen_tier = tier_of(tier, plain)
    refuse_gpus(chosen, "galapagos audit")
    require(chosen_tier, chosen.definition.language)
    progress = sys.stderr if as_json else sys.stdout
    progress.write(f"{chosen.definition.name}: {chosen.definition.title}\n")

    def told(report: AuditReport, weakness: Weakness) -> None:
        progress.write(_tally_text(report, weakness) + "\n")
        progress.flush()

    async def work() -> AuditReport:
        async with slot_service(chosen_tier) as folder:
            cache = command_settings(None).cache
            return await audit_problem(chosen, chosen_tier, cache, folder, told, _wanted(only))

    report = asyncio.run(work())
    if as_json:
        sys.stdout.write(json.dumps(_as_json(chosen, report), ensure_ascii=False) + "\n")
    else:
        sys.stdout.write(_as_text(report) + "\n")
    raise typer.Exit(ExitCode.FAILED if report.errors or report.holes else ExitCode.DONE)


def _wanted(only: list[Weakness] | None) -> Collection[Weakness]:
    return only or tuple(Weakness)


def _tally_text(report: AuditReport, weakness: Weakness) -> str:
    held, tried = report.tally(weakness)
    reason = report.left_out.get(weakness, "")
    text = f"{held} of {tried} held" if tried else "not tried"
    return f"  {weakness.value:12} {text}" + (f" ({reason})" if reason else "")


def _as_text(report: AuditReport) -> str:
    lines = [line for hole in report.holes for line in _hole_text(hole)]
    lines += [f"error: {text}" for text in report.errors]
    if report.strength is None and not report.errors:
        lines.append("nothing was tried, so nothing is known of this judge")
    elif report.strength is not None:
        holes = len(report.holes)
        what = "no hole found" if not holes else f"{holes} hole{'s' if holes > 1 else ''}"
        lines.append(
            f"judge strength {report.strength:.1%}: {len(report.probed) - holes} of {len(report.probed)} probes held; {what}"
        )
    return "\n".join(lines)


def _hole_text(hole: Probed) -> list[str]:
    return [
        f"HOLE ({hole.weakness.value})  {hole.probe}",
        f"  the judge  {hole.said}",
        f"  why        {hole.why}",
        f"  to do      {hole.do}",
    ]


def _as_json(problem: Problem, report: AuditReport) -> dict[str, Any]:
    tallies = {weakness: report.tally(weakness) for weakness in Weakness}
    return {
        "problem": problem.definition.name,
        "revision": problem.revision,
        "tier": report.tier.value,
        "seed_score": report.seed_score,
        "spread": report.spread,
        "strength": report.strength,
        "weaknesses": {
            weakness.value: {"held": held, "probes": tried, "left_out": report.left_out.get(weakness, "")}
            for weakness, (held, tried) in tallies.items()
        },
        "holes": [
            {"weakness": hole.weakness.value, "probe": hole.probe, "said": hole.said, "why": hole.why, "do": hole.do}
            for hole in report.holes
        ],
        "errors": report.errors,
    }
