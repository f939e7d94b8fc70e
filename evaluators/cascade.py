"""The evaluation cascade: one loop over the stages of a problem for one candidate."""

import hashlib
import hmac
import math
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter

from evaluators.faults import HostFault, JudgeFault, bounded, verdict_of
from evaluators.gpu_stages import GpuPlace, GpuStages
from evaluators.sandbox import Cause, Job, JobResult, Judged, Sandbox
from evolution.evaluation import Outcome, Purpose, StageResult, Twin, Verdict
from evolution.gpu import GpuUse
from evolution.problem import Gate, Problem, Stage

FEATURES_OF_SOURCE = frozenset({"length", "literals"})
"""Features that the service takes from the source itself; every other axis is the judge's to fill."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One program to be judged: its evolvable files, why it is judged, and the run's secret that seeds the judge.

    Every `series` has other seeds: verifications of one program are numbered from 0.
    """

    files: Mapping[str, str]
    purpose: Purpose
    secret: bytes
    series: int = 0


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a cascade yields: the outcome, the picture (SVG) of a verified candidate, and why there is none.

    `fingerprint` is what the judge said of the program's behaviour (SHA-256 with the stage's name), None where it said
    nothing. With `twin` the stages behind were not run: they are those of the program of this number.
    """

    outcome: Outcome
    picture: str | None = None
    picture_fault: str = ""
    fingerprint: bytes | None = None
    twin: int | None = None


Twins = Callable[[bytes], Awaitable[Twin | None]]
"""Finds the program with this fingerprint, if there is one."""


def judge_seed(secret: bytes, revision: str, purpose: Purpose, stage: str, repeat: int, series: int = 0) -> bytes:
    """HMAC-SHA256 (32 bytes): parent and child meet the same seeds, a verification meets others, nobody can guess them."""
    again = f"|{series}" if series else ""
    return hmac.digest(secret, f"{revision}|{purpose.value}|{stage}|{repeat}{again}".encode(), "sha256")


async def judge(
    sandbox: Sandbox,
    problem: Problem,
    candidate: Candidate,
    gpu_stages: GpuStages | None = None,
    twins: Twins | None = None,
) -> Judgement:
    """Run the public stages in order until one is not passed; for a verification also the hidden ones, and the picture.

    Stages with a GPU run where `gpu_stages` say, all others in `sandbox`. A hidden stage that the candidate does not pass is
    recorded and changes neither verdict nor score. In a search, the first fingerprint that a stage before the last public one
    gives is looked up in `twins`, and what the twin's further stages found is taken over; a verification runs everything.

    Raises:
        NotTheCandidate: the judge or this machine failed; there is no outcome.
    """
    definition = problem.definition
    places = _Places(sandbox, gpu_stages)
    public = [stage for stage in definition.stages if not stage.hidden]
    verify = candidate.purpose is Purpose.VERIFY
    results: list[StageResult] = []
    picture, picture_fault, fingerprint = None, "", None
    for stage in public:
        repeats = stage.repeats * (definition.verification.repeats if verify else 1)
        draw = definition.picture if verify and stage is public[-1] else None
        measured = await _measure(places, problem, candidate, stage, repeats, draw)
        results.append(_stage_result(problem, stage, measured))
        picture, picture_fault = measured.picture, measured.picture_fault
        if results[-1].verdict is not Verdict.SCORED:
            return Judgement(_outcome(results), fingerprint=fingerprint)
        if not verify and fingerprint is None and stage is not public[-1]:
            fingerprint = _fingerprint(stage, measured.values)
            twin = await twins(fingerprint) if twins and fingerprint else None
            if twin is not None:
                return Judgement(_outcome([*results, *_of_twin(twin, stage)]), fingerprint=fingerprint, twin=twin.number)
    outcome = _outcome(results)
    _check_features(problem, outcome.features, public[-1])
    if verify:
        for stage in definition.stages:
            if stage.hidden:
                measured = await _measure(places, problem, candidate, stage, stage.repeats, None)
                results.append(_stage_result(problem, stage, measured))
        outcome = _outcome(results)
    return Judgement(outcome, picture, picture_fault, fingerprint)


def _fingerprint(stage: Stage, values: Sequence[Judged]) -> bytes | None:
    """SHA-256 of the stage's name and what each of its repeats gave; None if one of them gave nothing."""
    given = [value.fingerprint for value in values]
    return hashlib.sha256("\n".join([stage.name, *given]).encode()).digest() if all(given) else None


def _of_twin(twin: Twin, stage: Stage) -> list[StageResult]:
    """What the twin's public stages behind this one found; this program spent nothing on them."""
    names = [found.stage for found in twin.stages]
    return [
        replace(
            found,
            duration_s=0.0,
            cpu_s=0.0,
            gpu_s=0.0,
            gpu=None,
            peak_memory_mib=0.0,
            feedback=bounded(f"this program behaves exactly as program {twin.number}, whose result this is: {found.feedback}"),
            log_tail="",
        )
        for found in twin.stages[names.index(stage.name) + 1 :]
    ]


@dataclass(slots=True)
class _Measured:
    """The repeats of one stage. `failure` is the verdict of the repeat that ended them early."""

    results: list[JobResult]
    failure: Verdict | None = None
    picture: str | None = None
    picture_fault: str = ""
    gpu_s: float = 0.0
    gpu: GpuUse | None = None

    @property
    def values(self) -> list[Judged]:
        return [result.value for result in self.results if result.value is not None]


@dataclass(frozen=True, slots=True)
class _Places:
    """Where stages run: those that hold a GPU, and all others."""

    sandbox: Sandbox
    gpu_stages: GpuStages | None

    def with_gpu(self, stage: Stage) -> GpuStages:
        if self.gpu_stages is None:
            raise HostFault(f"stage {stage.name!r} needs a GPU; whoever judged it has none: start an evaluator where one is")
        return self.gpu_stages


async def _measure(
    places: _Places, problem: Problem, candidate: Candidate, stage: Stage, repeats: int, draw: str | None
) -> _Measured:
    if not stage.gpus:
        return await _measure_in(places.sandbox, problem, candidate, stage, repeats, draw)
    async with places.with_gpu(stage).stage() as place:
        measured = await _measure_in(place, problem, candidate, stage, repeats, draw)
    measured.gpu_s, measured.gpu = place.seconds, place.use
    return measured


async def _measure_in(
    place: Sandbox | GpuPlace, problem: Problem, candidate: Candidate, stage: Stage, repeats: int, draw: str | None
) -> _Measured:
    measured = _Measured([])
    for repeat in range(repeats):
        job = Job(
            files=candidate.files,
            entry=stage.entry,
            purpose=candidate.purpose,
            stage=stage.name,
            repeat=repeat,
            seed=judge_seed(candidate.secret, problem.revision, candidate.purpose, stage.name, repeat, candidate.series),
            timeout_s=stage.timeout_s,
            limits=problem.definition.limits,
            picture=draw if repeat == 0 else None,
        )
        result = await place.run(job)
        if job.picture is not None:
            result = await _without_picture(place, job, result, measured)
        verdict = verdict_of(result, f"stage {stage.name!r}, repeat {repeat}")
        measured.results.append(result)
        if verdict is not Verdict.SCORED:
            measured.failure = verdict
            break
    return measured


async def _without_picture(place: Sandbox | GpuPlace, job: Job, result: JobResult, measured: _Measured) -> JobResult:
    """Keep the picture of a good result; a bad one is measured again undrawn, for a picture must decide no verdict."""
    if result.value is not None:
        measured.picture = result.value.picture
        return result
    undrawn = await place.run(replace(job, picture=None))
    if undrawn.cause is Cause.OK:
        measured.picture_fault = bounded(f"{job.picture}: {result.message}")
    return undrawn


def _stage_result(problem: Problem, stage: Stage, measured: _Measured) -> StageResult:
    sign = problem.definition.score.sign
    values = measured.values
    metrics = _means(value.metrics for value in values)
    samples = tuple(sign * float(value.score) for value in values)
    verdict = measured.failure or Verdict.SCORED
    texts = [value.feedback for value in values]
    if measured.failure is not None:
        texts = [measured.results[-1].message]
    elif unmet := _unmet(stage, metrics | {"score": sign * _mean(samples)}):
        verdict = Verdict.GATED
        texts.insert(0, unmet)
    return StageResult(
        stage=stage.name,
        verdict=verdict,
        score=_mean(samples) if verdict is Verdict.SCORED else None,
        metrics=metrics,
        features=_means(value.features for value in values),
        samples=samples,
        duration_s=sum(map(attrgetter("duration_s"), measured.results)),
        cpu_s=sum(map(attrgetter("cpu_s"), measured.results)),
        peak_memory_mib=max(map(attrgetter("peak_memory_mib"), measured.results)),
        feedback=bounded("\n".join(dict.fromkeys(text for text in texts if text))),
        log_tail=bounded(measured.results[-1].log_tail),
        hidden=stage.hidden,
        gpu_s=measured.gpu_s,
        gpu=measured.gpu,
    )


def _unmet(stage: Stage, metrics: Mapping[str, float]) -> str:
    """What keeps a candidate from passing the stage's gates; the name `score` stands for the raw score."""
    return "\n".join(filter(None, (_unmet_gate(stage, gate, metrics) for gate in stage.gates)))


def _unmet_gate(stage: Stage, gate: Gate, metrics: Mapping[str, float]) -> str:
    if gate.metric not in metrics:
        raise JudgeFault(
            f"stage {stage.name!r} has a gate on the metric {gate.metric!r}; the judge returned "
            f"{sorted(metrics)}: return it in metrics, or correct the gate in problem.toml"
        )
    value = metrics[gate.metric]
    if gate.at_least is not None and value < gate.at_least:
        return f"stage {stage.name!r} needs {gate.metric} of at least {gate.at_least:g}; got {value:.6g}"
    if gate.at_most is not None and value > gate.at_most:
        return f"stage {stage.name!r} needs {gate.metric} of at most {gate.at_most:g}; got {value:.6g}"
    return ""


def _check_features(problem: Problem, features: Mapping[str, float], stage: Stage) -> None:
    wanted = {axis.feature for axis in problem.definition.axes} - FEATURES_OF_SOURCE
    if missing := sorted(wanted - features.keys()):
        raise JudgeFault(
            f"the axes of problem.toml need the features {missing} from stage {stage.name!r}; the judge returned "
            f"{sorted(features)}: return them in features, or correct the axes"
        )


def _outcome(results: list[StageResult]) -> Outcome:
    public = [result for result in results if not result.hidden]
    metrics: dict[str, float] = {}
    for result in public:
        metrics |= result.metrics
    last = public[-1]
    return Outcome(last.verdict, last.score, metrics, last.features, tuple(results))


def _means(tables: Iterable[Mapping[str, float]]) -> dict[str, float]:
    columns: dict[str, list[float]] = {}
    for table in tables:
        for name, number in table.items():
            columns.setdefault(name, []).append(number)
    return {name: _mean(numbers) for name, numbers in columns.items()}


def _mean(numbers: Iterable[float]) -> float:
    column = [float(number) for number in numbers]
    try:
        return math.fsum(column) / len(column)
    except OverflowError:
        return math.fsum(number / len(column) for number in column)
