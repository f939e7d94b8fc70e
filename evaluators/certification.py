"""Prove a construction twice, each time in a box: by the problem's judge, then by its second verifier."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluators.faults import HostFault, bounded
from evaluators.sandbox import Cause, Job, JobResult, Packages, open_sandbox
from evolution.evaluation import Purpose, Tier
from evolution.problem import Certificate, Problem

_MADE_FOR_IT = "galapagos_certificate"
# What follows the verifier's own text in the file that takes the judge's place.
_CALLS_IT = f'''

def {_MADE_FOR_IT}_score(candidate, context):
    return {{"score": 0}}


def {_MADE_FOR_IT}_word(candidate, context):
    import json
    from galapagos_recheck import Disproved

    try:
        return json.dumps({{"exact": verify(json.loads((context.data / "{_MADE_FOR_IT}.json").read_text()))}})
    except Disproved as disproved:
        return json.dumps({{"disproved": str(disproved)}})
'''


class NotCertified(Exception):
    """There is no certificate for this construction. The text says who refused it, and why."""


@dataclass(frozen=True, slots=True)
class Proved:
    """What the judge proved, in the words of its function `artifact`, and the second verifier confirmed.

    `construction` is plain data that has exactly the value that the text `exact` says; `score` is the nearest double;
    `method` says in words how the judge proves it.
    """

    construction: Any
    exact: str
    score: float
    method: str


def answering(problem: Problem, construction: object) -> dict[str, str]:
    """A program that returns this construction, as files of the problem's seed."""
    certificate = _certificate(problem)
    text = json.dumps(construction)
    program = f"import json\n\n\ndef {certificate.function}():\n    return json.loads({text!r})\n"
    return {**problem.seed_files, problem.definition.seed[0]: program}


async def prove_twice(
    problem: Problem, files: Mapping[str, str], tier: Tier, packages: Packages, slot_folder: Path | None
) -> Proved:
    """Let the judge prove what a program constructs, and the second verifier prove the same again.

    Raises:
        NotCertified: the program fails, one of them refuses the construction, or they do not agree.
        SandboxUnavailable: a box does not start.
        HostFault: one was lost.
    """
    certificate = _certificate(problem)
    stage = [stage for stage in problem.definition.stages if not stage.hidden][-1]
    job = Job(
        files=files,
        entry=stage.entry,
        purpose=Purpose.VERIFY,
        stage=stage.name,
        repeat=0,
        seed=bytes(32),
        timeout_s=stage.timeout_s,
        limits=problem.definition.limits,
        picture=certificate.artifact,
    )
    proved = _proved(await _run(problem, job, tier, packages, slot_folder), certificate)
    again = Job(
        files=problem.seed_files,
        entry=f"{_MADE_FOR_IT}_score",
        purpose=Purpose.VERIFY,
        stage=stage.name,
        repeat=0,
        seed=bytes(32),
        timeout_s=max(60.0, stage.timeout_s),
        limits=problem.definition.limits,
        picture=f"{_MADE_FOR_IT}_word",
    )
    judged_by_verifier = _with_verifier(problem, certificate, proved.construction)
    result = await _run(judged_by_verifier, again, tier, packages, slot_folder)
    if result.value is None or result.value.picture is None:
        raise NotCertified(f"expected the second verifier ({certificate.verifier}) to end; it failed: {result.message}")
    word: dict[str, Any] = json.loads(result.value.picture)
    if "disproved" in word:
        raise NotCertified(
            f"the two verifiers do not agree: the judge proves {proved.exact[:200]}, and {certificate.verifier} says: "
            f"{word['disproved'][:1000]}; one of them is wrong: no certificate is written"
        )
    if word["exact"] != proved.exact:
        raise NotCertified(
            f"the two verifiers do not agree: the judge proves {proved.exact[:200]}, and {certificate.verifier} proves "
            f"{str(word['exact'])[:200]}; one of them is wrong: no certificate is written"
        )
    return proved


def _certificate(problem: Problem) -> Certificate:
    if problem.definition.certificate is None:
        raise NotCertified(
            f"expected a problem with a table [certificate] in problem.toml; {problem.definition.name} has none, so its "
            "constructions cannot be certified"
        )
    return problem.definition.certificate


def _with_verifier(problem: Problem, certificate: Certificate, construction: object) -> Problem:
    """The same problem with the second verifier in the judge's place, and the construction beside it."""
    files = {
        **problem.files,
        f"{_MADE_FOR_IT}.py": problem.files[certificate.verifier] + _CALLS_IT.encode(),
        f"{_MADE_FOR_IT}.json": json.dumps(construction).encode(),
    }
    definition = problem.definition.model_copy(update={"judge": f"{_MADE_FOR_IT}.py"})
    return Problem(definition=definition, files=files, revision=problem.revision)


async def _run(problem: Problem, job: Job, tier: Tier, packages: Packages, slot_folder: Path | None) -> JobResult:
    sandbox = open_sandbox(tier, problem, packages, slot_folder)
    try:
        await sandbox.start()
        result = await sandbox.run(job)
    finally:
        await sandbox.close()
    if result.cause is Cause.HOST_FAULT:
        raise HostFault(bounded(f"the sandbox failed: {result.message}"))
    return result


def _proved(result: JobResult, certificate: Certificate) -> Proved:
    if result.cause is Cause.REJECTED:
        raise NotCertified(f"the judge refuses the construction: {result.message}")
    if result.value is None or result.value.picture is None:
        raise NotCertified(
            f"expected the program to give a construction and the judge to prove it; got {result.cause}: {result.message}"
        )
    try:
        told: dict[str, Any] = json.loads(result.value.picture)
        proved = Proved(told["construction"], str(told["exact"]), float(told["score"]), str(told["method"]))
    except (ValueError, KeyError, TypeError) as error:
        raise NotCertified(
            f"expected the judge's function {certificate.artifact!r} to return JSON text with construction, exact, score and "
            f"method; got something else ({error}); docs/problems.md says how"
        ) from None
    if proved.score != result.value.score:
        raise NotCertified(
            f"expected the judge to prove the score that it gives; it gives {result.value.score!r} and proves {proved.score!r}"
        )
    return proved
