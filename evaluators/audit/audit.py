"""The audit of a problem: every probe that applies to it, in the real sandbox."""

from collections.abc import AsyncIterator, Callable, Collection
from pathlib import Path

from evaluators.audit import series
from evaluators.audit.answers import TABLE, applies, plan_of, rule_of
from evaluators.audit.programs import PROGRAMS, files_of
from evaluators.audit.rules import probed
from evaluators.audit.session import Function, NoAudit, Reply, Session, audited
from evaluators.audit.weaknesses import ADVICE, AuditReport, Probed, Weakness
from evaluators.environments import Environments, ResolutionError
from evaluators.faults import NotTheCandidate
from evaluators.sandbox import SandboxUnavailable, open_sandbox
from evolution.evaluation import Tier, Verdict
from evolution.problem import Problem

Progress = Callable[[AuditReport, Weakness], None]
_ABOUT_CONTENT = frozenset({Weakness.VALUES, Weakness.CONSTANTS})
_FEWEST_WORDS = 3
_ENOUGH = 5
_OF_PROGRAMS = frozenset({Weakness.BROKEN, Weakness.METAMORPHIC, Weakness.DETERMINISM})
_OF_INPUTS = frozenset({Weakness.ECHOES, Weakness.MEMORY, Weakness.COVERAGE})
_NOT_TRIED = {
    Weakness.DETERMINISM: "time is the score, which is never twice the same",
    Weakness.CLAIMS: "nothing in the answer equals the score",
    Weakness.WORDS: "no answer was refused by the judge itself",
}
_SERIES = {
    Weakness.MEMORY: (series.draws,),
    Weakness.CLAIMS: (series.claims,),
    Weakness.TOLERANCE: (series.tolerance, series.scale),
    Weakness.COVERAGE: (series.coverage,),
    Weakness.METAMORPHIC: (series.order,),
}


async def audit_problem(
    problem: Problem,
    tier: Tier,
    cache: Path,
    slot_folder: Path | None = None,
    progress: Progress | None = None,
    only: Collection[Weakness] = tuple(Weakness),
) -> AuditReport:
    """Try to fool the problem's judge; `progress` is called when a kind of weakness has been looked for.

    `only` these are looked for.

    Whatever is wrong with the problem or the machine is in the report's `errors`; nothing is raised for it.
    """
    report = AuditReport(tier)
    try:
        packages = await Environments(cache).prepare(problem.definition.environment)
        under_audit = audited(problem)
        sandbox = open_sandbox(tier, under_audit, packages, slot_folder)
        try:
            await sandbox.start()
            session = Session(sandbox, under_audit)
            await session.look()
            await _Battery(session, report, progress).run(only)
        finally:
            await sandbox.close()
    except (ResolutionError, SandboxUnavailable, NotTheCandidate, NoAudit) as error:
        report.errors.append(str(error))
    return report


class _Battery:
    def __init__(self, session: Session, report: AuditReport, progress: Progress | None) -> None:
        self._session = session
        self._report = report
        self._progress = progress
        self._functions = [function for function in session.functions if not function.nothing]
        self._contents: list[Reply] = []
        self._refusals: list[tuple[str, Reply]] = []

    async def run(self, only: Collection[Weakness]) -> None:
        report, session = self._report, self._session
        report.seed_score, report.spread = session.definition.score.sign * session.seed, session.spread
        for weakness in [one for one in Weakness if one in only]:
            async for one in self._of(weakness):
                report.probed.append(one)
            if self._progress is not None:
                self._progress(report, weakness)

    async def _of(self, weakness: Weakness) -> AsyncIterator[Probed]:
        sources = [self._programs(weakness), self._answers(weakness)]
        sources += [kind(self._session, function) for function in self._functions for kind in _SERIES.get(weakness, ())]
        if weakness is Weakness.DETERMINISM:
            sources.append(series.determinism(self._session))
        for probes in sources:
            async for one in probes:
                yield one
        for one in self._in_hindsight(weakness):
            yield one
        self._leave_out(weakness)

    def _in_hindsight(self, weakness: Weakness) -> list[Probed]:
        """What many replies show together."""
        match weakness:
            case Weakness.CONSTANTS:
                return self._blind()
            case Weakness.WORDS:
                return self._words()
            case _:
                return []

    async def _programs(self, weakness: Weakness) -> AsyncIterator[Probed]:
        for program in PROGRAMS:
            files = files_of(program, self._session) if program.weakness is weakness else None
            if files is not None:
                reply = await self._session.run(files=files)
                yield probed(self._session, weakness, program.words, reply, program.rule)

    async def _answers(self, weakness: Weakness) -> AsyncIterator[Probed]:
        others = {function.name: function for function in self._session.other_draw}
        for function in self._functions:
            for row in TABLE:
                if row.weakness is weakness and applies(row, function, others.get(function.name)):
                    reply = await self._session.run(plan_of(row, function))
                    if reply.is_empty:
                        continue
                    probe = f"{function.name}: {row.words}"
                    if weakness in _ABOUT_CONTENT:
                        self._contents.append(reply)
                    if reply.verdict is Verdict.WRONG:
                        self._refusals.append((probe, reply))
                    yield probed(self._session, weakness, probe, reply, rule_of(row, function, self._session))

    def _blind(self) -> list[Probed]:
        """Whether any answer without content was worth something else than the seed's."""
        probe = "does the score depend on the answer at all?"
        said = "scored the seed without a call of any of its functions"
        if self._session.functions or not self._session.definition.score_isolated:
            if len(self._contents) < _ENOUGH:
                return []
            margin = self._session.margin
            alike = [reply.score is not None and abs(reply.score - self._session.seed) <= margin for reply in self._contents]
            if not all(alike):
                return [Probed(Weakness.CONSTANTS, probe, held=True)]
            said = f"all of {len(alike)} answers without content were scored as the seed"
        why = "the score does not depend on what the candidate returns"
        return [Probed(Weakness.CONSTANTS, probe, held=False, said=said, why=why, do=ADVICE[Weakness.CONSTANTS].do)]

    def _words(self) -> list[Probed]:
        if not self._refusals:
            return []
        probe = "does every refusal say what was expected?"
        short = [(tried, reply) for tried, reply in self._refusals if len(reply.text.split()) < _FEWEST_WORDS]
        if not short:
            return [Probed(Weakness.WORDS, probe, held=True)]
        tried, reply = short[0]
        said = f"to {len(short)} of {len(self._refusals)} refused answers, as {tried}, it said {reply.text!r}"
        advice = ADVICE[Weakness.WORDS]
        return [Probed(Weakness.WORDS, probe, held=False, said=said, why=advice.why, do=advice.do)]

    def _leave_out(self, weakness: Weakness) -> None:
        if reason := _left_out(self._session, self._functions, weakness, self._report.tally(weakness)[1]):
            self._report.left_out[weakness] = reason


def _left_out(session: Session, functions: list[Function], weakness: Weakness, tried: int) -> str:
    """Why nothing, or not everything, was tried of a weakness."""
    fixed_form = session.compiled or any(function.fills for function in functions)
    if not session.definition.score_isolated and weakness not in _OF_PROGRAMS:
        return "an evaluator of another system runs beside the candidate: its answers cannot be changed on their way"
    if fixed_form and weakness in {Weakness.VALUES, Weakness.SIZE, Weakness.BROKEN}:
        return "this program answers with arrays of given form: only numbers in them are changed"
    if tried:
        return ""
    if weakness in _OF_INPUTS and not any(function.has_inputs for function in functions):
        return "nothing is given to the program: what it returns is all there is"
    return _NOT_TRIED.get(weakness, "nothing of it applies to answers of this form")
