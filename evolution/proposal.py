"""A request for one child: which parent, by which operator, chosen from which state of the archive."""

from dataclasses import dataclass
from enum import StrEnum


class Operator(StrEnum):
    """How a child is made. `SEED` is the problem's own program, number 0 of every run; `INJECT` is one that a person gave."""

    SEED = "seed"
    DIFF = "diff"
    REWRITE = "rewrite"
    CROSSOVER = "crossover"
    REPAIR = "repair"
    MUTATE = "mutate"
    TUNE = "tune"
    INJECT = "inject"


MODEL_OPERATORS = frozenset({Operator.DIFF, Operator.REWRITE, Operator.CROSSOVER, Operator.REPAIR})


class ProposalState(StrEnum):
    """`ANSWERED`: a program of it exists. `REFUSED`: it was answered, or given up, without one; the reason is stored."""

    QUEUED = "queued"
    LEASED = "leased"
    ANSWERED = "answered"
    REFUSED = "refused"


class Refusal(StrEnum):
    """Why a proposal brought no program to the sandbox. Each is counted, and the model is told."""

    NO_CHANGE = "no_change"
    DUPLICATE = "duplicate"
    OUTSIDE_EVOLVE_BLOCK = "outside_evolve_block"
    DID_NOT_APPLY = "did_not_apply"
    NO_ANSWER = "no_answer"
    SYNTAX_ERROR = "syntax_error"
    TOO_LONG = "too_long"
    NOTHING_TO_CHANGE = "nothing_to_change"
    MODEL_FAILED = "model_failed"
    BUDGET = "budget"
    WORKER_LOST = "worker_lost"
    HOST_FAULT = "host_fault"


@dataclass(frozen=True, slots=True)
class TuningStep:
    """Place of a proposal within a tuning session: candidate `index` of `population` in `generation`, all from 0.

    `session` is the number of the session's first proposal. The worker rebuilds the optimiser by replaying the
    session's earlier generations in index order, so a session has no state of its own.
    """

    session: int
    generation: int
    index: int
    population: int


@dataclass(frozen=True, slots=True)
class Propensity:
    """The probability with which each part of the choice was made, given the state that it was made from."""

    island: float
    parent: float
    operator: float
    model: float
    inspirations: float


@dataclass(frozen=True, slots=True)
class Choice:
    """What the rules of evolution decided for one proposal. Programs are named by their number within the run.

    `ideas` are the commands whose ideas a model is told, `injection` the command that holds the program of an `INJECT`.
    """

    operator: Operator
    island: int
    parent: int
    inspirations: tuple[int, ...]
    model: str | None
    tuning: TuningStep | None
    propensity: Propensity
    ideas: tuple[int, ...] = ()
    injection: int | None = None
