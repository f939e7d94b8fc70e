"""A run without workers and evaluators: children are drawn from a generator, in any order of completion."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.random import Generator

from evolution import loop
from evolution.evaluation import Verdict
from evolution.events import Event, Proposed
from evolution.loop import Evaluated
from evolution.problem import FeatureAxis, Scale
from evolution.proposal import MODEL_OPERATORS, Operator, Refusal
from evolution.run import Budget, ModelChoice, Order, RunConfig, StrategyName
from evolution.state import SearchState

AXES = (
    FeatureAxis(feature="length", low=100, high=1000, cells=5, scale=Scale.LOG),
    FeatureAxis(feature="speed", low=0, high=1, cells=4),
)
ALL = [(strategy, order, models) for strategy in StrategyName for order in Order for models in (False, True)]
MODELS = (ModelChoice(name="small"), ModelChoice(name="large", weight=2.0))


def config_of(**changes: object) -> RunConfig:
    return RunConfig.model_validate(
        {"islands": 2, "stagnation": 40, "in_flight": 6, "lag": 4, "budget": Budget(evaluations=200), **changes}
    )


@dataclass(frozen=True)
class Outcome:
    """What became of one proposal; `score` None with a verdict, or a refusal instead of both."""

    score: float | None
    verdict: Verdict
    refusal: Refusal | None
    length: int
    literals: int
    speed: float


def outcome_of(seed: int, number: int, operator: Operator, parent_score: float | None) -> Outcome:
    """A function of the proposal alone: completions in any order bring the same."""
    rng = np.random.default_rng([seed, number])
    kind = rng.random()
    length, literals, speed = int(rng.integers(80, 1200)), int(rng.integers(0, 12)), float(rng.uniform(-0.1, 1.1))
    if number == 0 or parent_score is None:
        return Outcome(0.0, Verdict.SCORED, None, 300, 4, 0.5)
    if kind < 0.15:
        refusals = [Refusal.DUPLICATE, Refusal.SYNTAX_ERROR, Refusal.WORKER_LOST]
        refusals += [Refusal.MODEL_FAILED, Refusal.BUDGET] if operator in MODEL_OPERATORS else []
        return Outcome(None, Verdict.CRASHED, refusals[int(rng.integers(len(refusals)))], length, literals, speed)
    if kind < 0.35:
        return Outcome(None, Verdict.CRASHED if kind < 0.3 else Verdict.WRONG, None, length, literals, speed)
    # Coarse scores and a ceiling, so that exact ties and stagnation happen often.
    score = min(3.0, round(parent_score + float(rng.normal(-0.2, 0.4)), 1))
    return Outcome(score, Verdict.SCORED, None, length, literals, speed)


@dataclass
class Run:
    """A simulated run: `log` is all its events. `order` draws which of the finished proposals is taken in next."""

    config: RunConfig
    seed: int = 7
    order: Generator = field(default_factory=lambda: np.random.default_rng(0))
    verification_delay: float = 0.5
    state: SearchState = field(init=False)
    log: list[Event] = field(default_factory=list[Event])
    on_step: Callable[["Run"], None] | None = None

    def __post_init__(self) -> None:
        self.state = SearchState.begin(self.config, AXES, self.seed)

    @property
    def proposed(self) -> list[Proposed]:
        return [event for event in self.log if isinstance(event, Proposed)]

    def close(self, number: int) -> None:
        pending = self.state.pending[number]
        out = outcome_of(self.seed, number, pending.operator, pending.parent_score)
        if pending.operator is Operator.TUNE and pending.parent_score is not None and out.score is not None:
            out = Outcome(out.score + 0.1, out.verdict, None, out.length, out.literals, out.speed)
        if out.refusal is not None:
            self.log += loop.refuse(self.state, number, out.refusal, 0 if out.refusal is Refusal.DUPLICATE else None)
            return
        features = {"speed": out.speed} if out.score is not None else {}
        found = Evaluated(number, number, number, out.verdict, out.score, features, out.length, out.literals)
        self.log += loop.admit(self.state, found)

    def verify_some(self) -> None:
        self.log += loop.verification_due(self.state)
        for number in sorted(self.state.verifying):
            if self.order.random() < self.verification_delay:
                shift = float(np.random.default_rng([self.seed, number, 1]).normal(0, 0.1))
                lost = math.fmod(number, 5) == 4
                score = None if lost else shift
                self.log += loop.verified(self.state, number, number, None if lost else Verdict.SCORED, score)

    def step(self) -> None:
        """One pass of a controller: close some that are in flight, ask for more, verify."""
        waiting = list(self.state.pending)
        self.order.shuffle(waiting)
        for number in waiting[: int(self.order.integers(1, len(waiting) + 1))] if waiting else []:
            if loop.may_close(self.state, number):
                self.close(number)
        if self.state.stopping is None:
            reason = loop.stop_reason(self.state, 0.0, 0, 1.0)
            if reason is not None:
                self.log += loop.stop(self.state, *reason)
        self.log += loop.propose(self.state, int(self.order.integers(1, 6)), loop.progress_of(self.state, 0.0, 0))
        self.verify_some()
        self.log += loop.finish(self.state)
        if self.on_step is not None:
            self.on_step(self)

    def go(self, limit: int = 20_000) -> "Run":
        for _ in range(limit):
            if self.state.finished:
                return self
            self.step()
        raise AssertionError(f"the run did not end: {self.state.evaluations} evaluations, {len(self.state.pending)} open")
