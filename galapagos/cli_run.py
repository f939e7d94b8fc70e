"""The commands that run something: run, resume, check, verify."""

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import typer
from rich.console import Console

from database import problems, runs
from evaluators.check import CheckReport, check_problem
from evaluators.probe import probe, require
from evolution.evaluation import Outcome, Tier
from evolution.examination import examine
from evolution.models import Model, leaving_room
from evolution.peers.translation import Imported
from evolution.problem import Known, Problem
from evolution.run import Order, RunConfig, StrategyName
from evolution.vocabulary import vocabulary_warnings
from galapagos import options
from galapagos.adaption import about, adapted, by_treatment, models_toml
from galapagos.conclusion import Conclusion, conclude
from galapagos.failures import ExitCode, Failure
from galapagos.ground import Ground, own_ground, require_runs, visited_ground
from galapagos.problem_folder import find_problem_folder, open_problem_folder
from galapagos.progress import NOT_ISOLATED, dollars_text, duration_text, gpu_text, progress_for, score_text
from galapagos.running import close_others, create_run, models_for, reopen_run, serve_run
from galapagos.settings import CommandSettings, command_settings
from galapagos.slots import own_slot_folder, slot_service
from galapagos.supervisor import Plan


def run(
    context: typer.Context,
    problem: options.ProblemArgument,
    *,
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
    data: options.DataOption = None,
    tier: options.TierOption = None,
    plain: options.PlainOption = False,
    as_json: options.JsonOption = False,
) -> None:
    """Evolve a problem until a limit is reached, then verify the best and write the report."""
    settings = command_settings(data)
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
    opened = open_problem_folder(find_problem_folder(problem))
    notes: tuple[str, ...] = ()
    if isinstance(opened, Imported):
        asked = adapted(opened, config, seed, options.given(context), os.environ)
        config, seed, notes = asked.config, asked.seed, asked.notes
        _write_models(_named_models(settings, opened.problem), asked.models)
    chosen = opened.problem if isinstance(opened, Imported) else opened
    examine(chosen)
    config = options.config_for(config, chosen.definition.language)
    chosen_tier = tier_of(tier, plain)
    with own_slot_folder(chosen_tier) as slots:
        config, plan = _plan(chosen, config, chosen_tier, settings, slots)
        conclusion = asyncio.run(_run(settings, chosen, config, seed, plan, Console(stderr=as_json), notes))
    _finish(conclusion, as_json)


def resume(
    number: options.RunArgument,
    *,
    seconds: options.SecondsOption = None,
    evaluations: options.EvaluationsOption = None,
    budget: options.BudgetOption = None,
    tokens: options.TokensOption = None,
    gpu_seconds: options.GpuSecondsOption = None,
    target: options.TargetOption = None,
    data: options.DataOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """Let a run go on that was interrupted, or that ended, under the limits given here."""
    settings = command_settings(data)
    limits = options.budget_of(seconds, evaluations, budget, tokens, gpu_seconds, target)
    require_runs(settings)

    async def work() -> Conclusion:
        async with own_ground(settings) as ground:
            async with ground.database.begin() as connection:
                row = await runs.load(connection, number)
                problem = await problems.load(connection, row.problem)
            with own_slot_folder(row.tier) as slots:
                _, plan = _plan(problem, row.config, row.tier, settings, slots)
                await reopen_run(ground, number, limits)
                return await _serve(ground, number, plan, Console(stderr=as_json))

    _finish(asyncio.run(work()), as_json)


def check(
    problem: options.ProblemArgument,
    tier: options.TierOption = None,
    plain: options.PlainOption = False,
    as_json: options.JsonOption = False,
) -> None:
    """Validate a problem folder and score its seed, twice as in a search and once as a champion."""
    settings = command_settings(None)
    opened = open_problem_folder(find_problem_folder(problem))
    chosen = opened.problem if isinstance(opened, Imported) else opened
    examine(chosen)
    chosen_tier = tier_of(tier, plain)
    require(chosen_tier, chosen.definition.language, chosen.definition.gpus)
    found = asyncio.run(_check(chosen, chosen_tier, settings.cache))
    if isinstance(opened, Imported):
        found.warnings[:0] = [about(opened), *by_treatment(opened.findings, opened.settings), *opened.notes]
    found.warnings += [*vocabulary_warnings(chosen), *options.language_warnings(chosen.definition.language)]
    if as_json:
        _print(json.dumps(_check_json(chosen, found), ensure_ascii=False))
    else:
        _print(_check_text(chosen, found))
    raise typer.Exit(ExitCode.DONE if found.usable else ExitCode.FAILED)


def verify(number: options.RunArgument, data: options.DataOption = None, as_json: options.JsonOption = False) -> None:
    """Make every choice of a run again from its log, and compare the archive's table with the fold of the log."""
    # Imported here: a run, which stays in memory for long, needs none of it.
    from galapagos.verification import LogCheck, verify_run

    async def work() -> LogCheck:
        async with visited_ground(command_settings(data)) as ground:
            return await verify_run(ground.database, number)

    found = asyncio.run(work())
    if as_json:
        _print(json.dumps(asdict(found) | {"honest": not found.differences}, ensure_ascii=False))
    else:
        _print(
            "\n".join(
                [
                    f"run {found.run}: {found.events} events, {found.proposals} proposals, {found.elites} elites",
                    *([found.removed] if found.removed else []),
                    *found.differences,
                ]
            )
        )
        _print(
            "every choice follows from the log, and the tables equal its fold"
            if not found.differences
            else "the run is NOT what its log says"
        )
    raise typer.Exit(ExitCode.DONE if not found.differences else ExitCode.FAILED)


def tier_of(asked: Tier | None, plain: bool) -> Tier:
    """The tier that was asked for, else the strongest that this machine offers; never plain unless it was asked for."""
    if plain and asked not in {None, Tier.PLAIN}:
        raise Failure(f"expected --plain or --tier {asked}; got both; leave one out", ExitCode.BAD_INPUT)
    if plain or asked is not None:
        return Tier.PLAIN if plain else asked or Tier.NAMESPACES
    return Tier.CONTAINER if probe().tier is Tier.CONTAINER else Tier.NAMESPACES


def refuse_gpus(problem: Problem, command: str) -> None:
    """Refuse a problem that holds GPUs, for a command whose boxes have none.

    Raises:
        Failure: it does.
    """
    if problem.definition.gpus:
        raise Failure(
            f"expected a problem whose stages hold no GPU; {problem.definition.name} has some with gpus = 1, and the boxes of "
            f"{command} have none; check it with galapagos check",
            ExitCode.BAD_INPUT,
        )


async def _check(problem: Problem, tier: Tier, cache: Path) -> CheckReport:
    async with slot_service(tier) as folder:
        return await check_problem(problem, tier, cache, folder)


async def _run(
    settings: CommandSettings,
    problem: Problem,
    config: RunConfig,
    seed: int | None,
    plan: Plan,
    console: Console,
    notes: Sequence[str],
) -> Conclusion:
    async with own_ground(settings) as ground:
        number = await create_run(ground, problem, config, seed, plan.tier)
        return await _serve(ground, number, plan, console, notes)


async def _serve(ground: Ground, number: int, plan: Plan, console: Console, notes: Sequence[str] = ()) -> Conclusion:
    progress = progress_for(console)
    for note in notes:
        progress.note(note)
    if plan.tier is Tier.PLAIN:
        progress.note("tier plain: candidates run WITHOUT isolation; scores are marked reduced")
    elif plan.tier is Tier.CONTAINER:
        progress.note(f"tier container: {'; '.join(probe().reasons) or 'as asked for'}")
    for other in await close_others(ground, number):
        progress.note(
            f"run {other} was left unfinished here and is being stopped; galapagos resume {other} lets it go on later"
        )
    async with ground.database.begin() as connection:
        limited = (await runs.load(connection, number)).config.budget
    if all(limit is None for limit in (limited.seconds, limited.evaluations, limited.micro_dollars, limited.gpu_milliseconds)):
        progress.note("no limit of time, evaluations or money: the run goes on until Ctrl-C or its target")
    await serve_run(ground, number, plan, progress)
    return await conclude(ground, number)


def _plan(
    problem: Problem, config: RunConfig, tier: Tier, settings: CommandSettings, slots: Path | None
) -> tuple[RunConfig, Plan]:
    """The configuration, with room for others beside people who are asked, and what the processes are told."""
    require(tier, problem.definition.language, problem.definition.gpus)
    file = settings.models or _named_models(settings, problem)
    models = models_for(config, file if settings.models or file.exists() else None)
    keys = tuple(model.api_key_env for model in models if isinstance(model, Model) and model.api_key_env)
    plan = Plan(tier, models=file if models else None, key_variables=keys, own_slots=slots)
    return leaving_room(config, {model.name: model for model in models}), plan


def _named_models(settings: CommandSettings, problem: Problem) -> Path:
    """Where the models stand that the settings of another system's folder name; `resume` reads them there again."""
    return settings.data / "models" / f"{problem.revision[:16]}.toml"


def _write_models(path: Path, models: Sequence[Model]) -> None:
    if models:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(models_toml(models))


def _finish(conclusion: Conclusion, as_json: bool) -> None:
    _print(json.dumps(conclusion.as_json(), ensure_ascii=False) if as_json else _conclusion_text(conclusion))
    raise typer.Exit(conclusion.exit_code)


def _conclusion_text(end: Conclusion) -> str:
    lines = [
        f"run {end.run} {'ended' if end.state == 'finished' else 'is unfinished'}: {end.stop_detail or 'interrupted'}",
        f"  seed      {score_text(end.seed_score)}",
        f"  best      {score_text(end.best_score)}",
        f"  verified  {score_text(end.verified_score)}"
        + ("  (tier plain: reduced isolation)" if end.tier == "plain" else "")
        + ("" if end.score_isolated else f"  ({NOT_ISOLATED})"),
        f"  {end.evaluations} evaluations, {end.programs} programs, {duration_text(end.seconds)}, "
        f"{dollars_text(end.spent_micro_dollars)} spent"
        + (f", {gpu_text(end.gpu_milliseconds)}" if end.gpu_milliseconds else ""),
        f"  report    {end.report}",
    ]
    if end.best:
        lines += [f"  program   {Path(end.best) / name}" for name in end.files]
    if end.exit_code is ExitCode.INTERRUPTED:
        lines.append(f"  go on     galapagos resume {end.run}")
    return "\n".join(lines)


def _check_json(problem: Problem, found: CheckReport) -> dict[str, Any]:
    return {
        "problem": problem.definition.name,
        "revision": problem.revision,
        "tier": found.tier.value,
        "score_isolated": problem.definition.score_isolated,
        "usable": found.usable,
        "errors": found.errors,
        "warnings": found.warnings,
        "seed_score": _raw(problem, found.search),
        "verified_score": _raw(problem, found.verify),
        "deterministic": found.deterministic,
        "spread": found.spread,
        "known": [known.model_dump() for known in problem.definition.known],
    }


def _raw(problem: Problem, outcome: Outcome | None) -> float | None:
    return None if outcome is None or outcome.score is None else problem.definition.score.sign * outcome.score


def _check_text(problem: Problem, found: CheckReport) -> str:
    definition = problem.definition
    lines = [f"{definition.name}: {definition.title}", f"  revision  {problem.revision[:16]}  ({len(problem.files)} files)"]
    if found.search is not None:
        stages = ", ".join(f"{stage.stage} {stage.verdict.value} in {stage.duration_s:.2f} s" for stage in found.search.stages)
        lines.append(f"  seed      {score_text(_raw(problem, found.search), definition.score.unit)}  ({stages})")
    if found.verify is not None:
        lines.append(f"  verified  {score_text(_raw(problem, found.verify), definition.score.unit)}")
    lines += [f"  known     {_known_text(known, definition.score.unit)}" for known in definition.known]
    lines += [f"  warning   {text}" for text in found.warnings]
    lines += [f"  error     {text}" for text in found.errors]
    lines.append("usable" if found.usable else "NOT usable")
    return "\n".join(lines)


def _known_text(known: Known, unit: str) -> str:
    where = ", ".join(part for part in (known.source, known.date, "recomputed" if known.recomputed else "quoted") if part)
    return f"{score_text(known.value, unit)}  {known.name} ({where})"


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")
