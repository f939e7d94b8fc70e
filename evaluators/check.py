"""Check a problem without a database: whether its packages install, and what its judge says of its own seed."""

import secrets
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from evaluators.cascade import Candidate, Judgement, judge
from evaluators.environments import Environments, ResolutionError
from evaluators.faults import NotTheCandidate
from evaluators.gpu_stages import GpuStages, gpu_stages_of, own_gpus
from evaluators.sandbox import Packages, Sandbox, SandboxUnavailable, open_sandbox
from evolution.evaluation import Outcome, Purpose, StageResult, Tier, Verdict
from evolution.problem import FeatureAxis, Problem


@dataclass(slots=True)
class CheckReport:
    """What a check found. The problem is usable if `errors` is empty; `warnings` are worth a look before a long run.

    `search` and `verify` are the seed's two evaluations, as in a run; `spread` maps each public stage to the largest less
    the smallest score among all its repeats; `deterministic` says whether equal seeds gave equal scores, None
    where there was no score to compare.
    """

    tier: Tier
    errors: list[str] = field(default_factory=list[str])
    warnings: list[str] = field(default_factory=list[str])
    search: Outcome | None = None
    verify: Outcome | None = None
    picture: str | None = None
    deterministic: bool | None = None
    spread: dict[str, float] = field(default_factory=dict[str, float])

    @property
    def usable(self) -> bool:
        """Whether a run of this problem could start."""
        return not self.errors


async def check_problem(problem: Problem, tier: Tier, cache: Path, slot_folder: Path | None = None) -> CheckReport:
    """Install the problem's packages below `cache` and judge its seed twice as in a search and once as a champion.

    Whatever is wrong with the problem or the machine is in the report's `errors`; nothing is raised for it.
    """
    report = CheckReport(tier)
    try:
        packages = await Environments(cache).prepare(problem.definition.environment)
        await _judge_seed(problem, packages, report, slot_folder)
    except (ResolutionError, SandboxUnavailable, NotTheCandidate) as error:
        report.errors.append(str(error))
    return report


async def _judge_seed(problem: Problem, packages: Packages, report: CheckReport, slot_folder: Path | None) -> None:
    async with (
        own_gpus(report.tier, problem) as gpus,
        gpu_stages_of(gpus, report.tier, problem, packages, slot_folder) as gpu_stages,
    ):
        sandbox = open_sandbox(report.tier, problem, packages, slot_folder)
        judged = partial(_judge, sandbox, gpu_stages, problem, secrets.token_bytes(32))
        try:
            if not problem.definition.always_gpu:
                await sandbox.start()
            first = await judged(Purpose.SEARCH)
            report.search = first.outcome
            if first.outcome.verdict is not Verdict.SCORED:
                report.errors.append(_no_score(first.outcome, "the search"))
                return
            again = await judged(Purpose.SEARCH)
            verified = await judged(Purpose.VERIFY)
        finally:
            await sandbox.close()
    report.verify, report.picture = verified.outcome, verified.picture
    report.deterministic = _samples(first.outcome) == _samples(again.outcome)
    report.spread = _spread(first.outcome, again.outcome, verified.outcome)
    if verified.outcome.verdict is not Verdict.SCORED:
        report.errors.append(_no_score(verified.outcome, "verification"))
    report.warnings += _warnings(problem, report, verified)


async def _judge(
    sandbox: Sandbox, gpu_stages: GpuStages | None, problem: Problem, secret: bytes, purpose: Purpose
) -> Judgement:
    return await judge(sandbox, problem, Candidate(problem.seed_files, purpose, secret), gpu_stages)


def _samples(outcome: Outcome) -> list[tuple[float, ...]]:
    return [stage.samples for stage in outcome.stages if not stage.hidden]


def _spread(*outcomes: Outcome) -> dict[str, float]:
    samples: dict[str, list[float]] = {}
    for outcome in outcomes:
        for stage in outcome.stages:
            if not stage.hidden:
                samples.setdefault(stage.stage, []).extend(stage.samples)
    return {stage: max(values) - min(values) for stage, values in samples.items() if values}


def _no_score(outcome: Outcome, when: str) -> str:
    last: StageResult = next(stage for stage in reversed(outcome.stages) if not stage.hidden)
    return (
        f"the seed program must be scored; in {when} its verdict in stage {last.stage!r} was {last.verdict.value}: "
        f"{last.feedback or last.log_tail or 'nothing was said'}"
    )


def _warnings(problem: Problem, report: CheckReport, verified: Judgement) -> list[str]:
    warnings: list[str] = []
    if not report.deterministic:
        warnings.append(
            "equal seeds gave unequal scores: take all randomness from context.rng, or raise repeats if the score is a timing"
        )
    warnings += [text for axis in problem.definition.axes if (text := _outside(axis, verified.outcome))]
    warnings += [
        f"the seed does not pass the hidden stage {stage.stage!r} ({stage.verdict.value}): {stage.feedback}"
        for stage in verified.outcome.stages
        if stage.hidden and stage.verdict is not Verdict.SCORED
    ]
    if verified.picture_fault:
        warnings.append(f"the champion's picture could not be drawn: {verified.picture_fault}")
    return warnings


def _outside(axis: FeatureAxis, outcome: Outcome) -> str:
    value = outcome.features.get(axis.feature)
    if value is None or axis.low <= value <= axis.high:
        return ""
    return (
        f"the seed's {axis.feature} is {value:g}, outside of its axis ({axis.low:g} to {axis.high:g}): it is put into "
        f"the outermost cell; widen the axis if programs near the seed should differ there"
    )
