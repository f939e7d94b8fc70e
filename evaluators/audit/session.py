"""One problem under audit: its judge with a go-between in the real sandbox, and the replies to one probe after another."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evaluators.cascade import Candidate, judge, judge_seed
from evaluators.faults import HostFault, JudgeFault, bounded
from evaluators.sandbox import Cause, Job, Sandbox
from evolution.evaluation import Purpose, Verdict
from evolution.language import LANGUAGES
from evolution.problem import Problem, Stage

_JUDGE = "galapagos_audit_judge.py"
_TEXT = """from pathlib import Path

from galapagos_audit import Audit

__getattr__ = Audit(Path(__file__).parent, {judge!r}).entry
"""
_UNCHANGED = "audit: nothing was there to change"
_TIMED_MARGIN = 0.5
_ROUNDING = 1e-9
_FEW = 8


class NoAudit(Exception):
    """The problem cannot be audited as it is. The text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the judge made of a probe: a verdict with its text and perhaps a score (higher is better), or its own fault."""

    verdict: Verdict | None
    score: float | None
    text: str

    @property
    def is_fault(self) -> bool:
        """Whether the judge failed."""
        return self.verdict is None

    @property
    def is_empty(self) -> bool:
        """Whether there was nothing to change, so that the reply says nothing of the judge."""
        return self.text == _UNCHANGED


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the candidate, as the judge uses it; see `_facts` of the go-between."""

    name: str
    calls: int
    timed: bool
    compared: bool
    fills: bool
    repeated: bool
    arguments: int
    given_numbers: int
    numbers: int
    nothing: bool
    inputs: frozenset[str]
    slices: tuple[tuple[str, tuple[int | None, int | None, int | None]], ...]
    claims: tuple[int, ...]
    alters: frozenset[str]

    @property
    def has_inputs(self) -> bool:
        """Whether it is given data, and not just a few numbers that say what is sought."""
        return self.given_numbers > _FEW or (self.given_numbers > 0 and len(self.inputs) > 1)


def audited(problem: Problem) -> Problem:
    """The same problem with the go-between in its judge's place. Evaluators of other systems are left alone."""
    definition = problem.definition
    if not definition.score_isolated:
        return problem
    files = {**problem.files, _JUDGE: _TEXT.format(judge=definition.judge).encode()}
    return Problem(definition=definition.model_copy(update={"judge": _JUDGE}), files=files, revision=problem.revision)


class Session:
    """Probes of one problem, one after another in one slot. Equal audits draw equal seeds."""

    def __init__(self, sandbox: Sandbox, problem: Problem) -> None:
        self._sandbox = sandbox
        self._problem = problem
        self.definition = problem.definition
        self.compiled = LANGUAGES[self.definition.language].compiler is not None
        self.seed_files = problem.seed_files
        self.functions: tuple[Function, ...] = ()
        self.other_draw: tuple[Function, ...] = ()
        self.seed = 0.0
        self.spread = 0.0

    @property
    def timed(self) -> bool:
        """Whether the judge times the candidate."""
        return any(function.timed for function in self.functions)

    @property
    def margin(self) -> float:
        """What a score may differ from the seed's and be the same all the same."""
        return max(_ROUNDING * abs(self.seed), 3 * self.spread, _TIMED_MARGIN * abs(self.seed) if self.timed else 0.0)

    @property
    def trivial(self) -> float:
        """What an answer without content may be worth: the seed's score, or the weakest of the known values if it is better."""
        sign = self.definition.score.sign
        return max(self.seed, min((sign * known.value for known in self.definition.known), default=self.seed))

    async def look(self) -> None:
        """Score the seed, twice alike and once on another draw, and see which functions the judge calls.

        Raises:
            NoAudit: the seed is not scored.
            NotTheCandidate: the judge or the sandbox failed.
        """
        first, again = await self.run(), await self.run()
        if first.score is None or again.score is None:
            verdict = first.verdict or again.verdict
            raise NoAudit(
                f"expected a seed program that is scored; it is {verdict.value if verdict else 'the judge fails'}: "
                f"{first.text or again.text}; galapagos check says more"
            )
        self.seed, self.spread = first.score, abs(first.score - again.score)
        if self.definition.score_isolated:
            self.functions = await self._survey(0)
            self.other_draw = await self._survey(1)

    async def run(self, plan: Mapping[str, Any] | None = None, files: Mapping[str, str] | None = None, draw: int = 0) -> Reply:
        """Judge a program (the seed if none is given), with its answers changed as `plan` says.

        Raises:
            HostFault: the sandbox failed.
        """
        stages = tuple(self._through(stage, plan or {"alter": "none", "function": ""}) for stage in self.definition.stages)
        problem = Problem(
            definition=self.definition.model_copy(update={"stages": stages}),
            files=self._problem.files,
            revision=self._problem.revision,
        )
        candidate = Candidate(files or self.seed_files, Purpose.SEARCH, self._secret(draw))
        try:
            outcome = (await judge(self._sandbox, problem, candidate)).outcome
        except JudgeFault as fault:
            return Reply(None, None, str(fault))
        last = outcome.stages[-1]
        return Reply(outcome.verdict, outcome.score, last.feedback or last.log_tail)

    def _through(self, stage: Stage, plan: Mapping[str, Any]) -> Stage:
        if not self.definition.score_isolated:
            return stage
        # Answers of another draw have to be made first.
        draws = 2 if plan["alter"] == "replayed" else 1
        return stage.model_copy(update={"entry": self._entry(stage, plan), "timeout_s": draws * stage.timeout_s})

    def _entry(self, stage: Stage, plan: Mapping[str, Any]) -> str:
        whole = {"by": 0.0, "places": [None, None, None], **plan, "entry": stage.entry, "compiled": self.compiled}
        return "audit:" + json.dumps(whole)

    def _secret(self, draw: int) -> bytes:
        return hashlib.sha256(f"audit|{self._problem.revision}|{draw}".encode()).digest()

    async def _survey(self, draw: int) -> tuple[Function, ...]:
        stage = [stage for stage in self.definition.stages if not stage.hidden][-1]
        job = Job(
            files=self.seed_files,
            entry=self._entry(stage, {}),
            purpose=Purpose.SEARCH,
            stage=stage.name,
            repeat=0,
            seed=judge_seed(self._secret(draw), self._problem.revision, Purpose.SEARCH, stage.name, 0),
            timeout_s=2 * stage.timeout_s,
            limits=self.definition.limits,
            picture="told",
        )
        result = await self._sandbox.run(job)
        if result.cause is Cause.HOST_FAULT:
            raise HostFault(bounded(f"the sandbox failed: {result.message}"))
        if result.value is None or result.value.picture is None:
            raise NoAudit(f"expected to see how the judge calls the seed; it ended as {result.cause}: {result.message}")
        return tuple(_function(name, facts) for name, facts in json.loads(result.value.picture).items())


def _function(name: str, facts: dict[str, Any]) -> Function:
    slices = tuple((words, tuple(bounds)) for words, *bounds in facts.pop("slices"))
    lists = {"inputs": frozenset(facts.pop("inputs")), "alters": frozenset(facts.pop("alters"))}
    return Function(name=name, slices=slices, claims=tuple(facts.pop("claims")), **lists, **facts)
