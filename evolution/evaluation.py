"""What one run of a program under the judge's eye yields."""

from dataclasses import dataclass
from enum import StrEnum

from evolution.gpu import GpuUse


class Verdict(StrEnum):
    """How an evaluation ended. Only `SCORED` carries a score; every other verdict is the candidate's own doing."""

    SCORED = "scored"
    GATED = "gated"
    WRONG = "wrong"
    CRASHED = "crashed"
    TIMED_OUT = "timed_out"
    OUT_OF_MEMORY = "out_of_memory"
    FORBIDDEN = "forbidden"


class Purpose(StrEnum):
    """Why a program is evaluated: to steer the search, or to verify a champion on fresh seeds and hidden stages."""

    SEARCH = "search"
    VERIFY = "verify"


class EvaluationState(StrEnum):
    """Where an evaluation stands in its queue. `ABANDONED`: the host failed too often; there is no verdict."""

    QUEUED = "queued"
    LEASED = "leased"
    FINISHED = "finished"
    ABANDONED = "abandoned"


class Tier(StrEnum):
    """How strongly a candidate was confined when its score was made."""

    NAMESPACES = "namespaces"
    CONTAINER = "container"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class StageResult:
    """One stage of the cascade.

    `metrics` are finite numbers in the problem's own units; `samples` holds the score of every repeat and `score` their
    mean, signed so that higher is better; `duration_s` is wall time and `cpu_s` the candidate's processor time, both
    summed over the repeats and measured outside the candidate; `gpu_s` is how long a GPU was held for the stage, `gpu` how
    it was before and after; `feedback` is what a language model may read, `log_tail` the last output of the candidate.
    Nothing of a stage that is `hidden` is ever shown to a language model.
    """

    stage: str
    verdict: Verdict
    score: float | None
    metrics: dict[str, float]
    features: dict[str, float]
    samples: tuple[float, ...]
    duration_s: float
    cpu_s: float
    peak_memory_mib: float
    feedback: str
    log_tail: str
    hidden: bool = False
    gpu_s: float = 0.0
    gpu: GpuUse | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The whole evaluation: the verdict of the last public stage that ran, and a score if, and only if, it is `SCORED`.

    `metrics` and `features` come from public stages only; what hidden stages measured is in `stages`.

    Raises:
        ValueError: a score without the verdict SCORED, or that verdict without a score.
    """

    verdict: Verdict
    score: float | None
    metrics: dict[str, float]
    features: dict[str, float]
    stages: tuple[StageResult, ...]

    @property
    def gpu_s(self) -> float:
        """Seconds for which a GPU was held, all stages together."""
        return sum(stage.gpu_s for stage in self.stages)

    def __post_init__(self) -> None:
        if (self.verdict is Verdict.SCORED) != (self.score is not None):
            raise ValueError(f"a score goes with the verdict scored and with no other: got {self.verdict} and {self.score}")


@dataclass(frozen=True, slots=True)
class Twin:
    """An earlier program of the run, by its number, that behaved in a stage as another one does; and what its stages found."""

    number: int
    stages: tuple[StageResult, ...]
