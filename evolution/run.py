"""What a run was asked to do, and what it may spend."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class RunState(StrEnum):
    """`RUNNING` runs are served; `FINISHING` ones ask for nothing new and verify their champion; `FINISHED` ones rest.

    `PAUSED` ones ask for nothing new either, but take in what is in flight, and go on when somebody says so.
    """

    RUNNING = "running"
    PAUSED = "paused"
    FINISHING = "finishing"
    FINISHED = "finished"


class StopReason(StrEnum):
    """Why a run ended. `STOPPED` means that somebody asked; `SEED_FAILED` that the seed program has no score.

    `DAMAGED`: its stored state cannot be continued, so that its controller set it aside; the log does not tell of it.
    """

    EVALUATIONS = "evaluations"
    SECONDS = "seconds"
    MONEY = "money"
    TARGET = "target"
    STOPPED = "stopped"
    SEED_FAILED = "seed_failed"
    JUDGE_FAILED = "judge_failed"
    EXHAUSTED = "exhausted"
    DAMAGED = "damaged"
    GPU_SECONDS = "gpu_seconds"


class StrategyName(StrEnum):
    """Who is the parent, who inspires: one file each in `evolution.selection`."""

    ISLANDS = "islands"
    GREEDY = "greedy"
    SEQ_BEST_OF_N = "seq_best_of_n"
    IID_BEST_OF_N = "iid_best_of_n"


class Order(StrEnum):
    """When a proposal may be chosen.

    `AS_COMPLETED`: from the newest archive. `FIXED_LAG`: proposal k sees exactly the proposals up to k - lag,
    admitted in number order, so that the same completions and evaluations give the same archive at any timing.
    """

    AS_COMPLETED = "as-completed"
    FIXED_LAG = "fixed-lag"


class Budget(BaseModel):
    """What a run may spend; None is no limit. A run ends at the first limit that it reaches."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    evaluations: Annotated[int, Field(ge=1, lt=1 << 31)] | None = None
    seconds: Annotated[float, Field(gt=0, le=1e12, allow_inf_nan=False)] | None = None
    micro_dollars: Annotated[int, Field(ge=0, lt=1 << 62)] | None = None
    tokens: Annotated[int, Field(ge=0, lt=1 << 63)] | None = None
    gpu_milliseconds: Annotated[int, Field(ge=0, lt=1 << 62)] | None = None
    target: Annotated[float, Field(allow_inf_nan=False)] | None = None


class ModelChoice(BaseModel):
    """A configured model that this run may ask, by name, and how often against the others.

    Of proposals in flight at most `in_flight` are for it, where that is given: for whoever answers slowly.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    weight: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    in_flight: Annotated[int, Field(ge=1, le=1024)] | None = None


class RunConfig(BaseModel):
    """Every choice of a run, stored complete when it is created: a default that changes later changes no old run.

    `lag` counts proposals and is obeyed under `FIXED_LAG` only. `in_flight` bounds the proposals that are asked
    and not yet admitted. When the last `stagnation` evaluations of every island brought next to nothing, another one is
    founded, up to `max_islands`. `tune_share` is the share of evaluations that numeric tuning may take.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    strategy: StrategyName = StrategyName.ISLANDS
    order: Order = Order.AS_COMPLETED
    lag: Annotated[int, Field(ge=1, le=1024)] = 8
    in_flight: Annotated[int, Field(ge=1, le=1024)] = 32
    islands: Annotated[int, Field(ge=1, le=32)] = 1
    max_islands: Annotated[int, Field(ge=1, le=32)] = 8
    stagnation: Annotated[int, Field(ge=10, lt=1 << 31)] = 500
    epsilon: Annotated[float, Field(ge=0, le=1)] = 0.05
    inspirations: Annotated[int, Field(ge=0, le=8)] = 3
    models: tuple[ModelChoice, ...] = ()
    mutate: bool = True
    tune: bool = True
    tune_share: Annotated[float, Field(ge=0, le=1)] = 0.2
    budget: Budget = Budget()
