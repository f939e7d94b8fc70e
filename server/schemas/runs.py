"""Runs as they are asked for and answered. Scores are raw."""

from datetime import datetime
from typing import Annotated

from pydantic import ConfigDict, Field

from evolution.commands import Command, CommandState
from evolution.evaluation import Tier
from evolution.problem import Direction, Known
from evolution.run import Budget, ModelChoice, RunConfig, RunState, StopReason
from server.schemas.base import LARGEST_ID, Answer, Body, Id, Number, shown

CONFIG = RunConfig(budget=Budget(evaluations=5000, seconds=3600)).model_dump(mode="json")
LINE = {
    "id": 7,
    "project": 1,
    "problem": "circle_packing_26",
    "revision": "5f0c0cf1d6aa2a4f0e2f7f9e9c6c8f0d7b9f4b5f7a0d1c2b3a4958675645342f",
    "title": "26 circles in the unit square",
    "state": "running",
    "stop_reason": None,
    "tier": "namespaces",
    "score_isolated": True,
    "created_at": "2026-03-01T12:00:00Z",
    "finished_at": None,
    "seconds": 61.5,
    "evaluations": 812,
    "best_score": 2.3471,
    "verified_score": 2.3398,
    "spent_micro_dollars": 0,
    "limit_micro_dollars": None,
    "limit_evaluations": 5000,
    "limit_seconds": 3600.0,
    "gpus": 0,
    "gpu_milliseconds": 0,
    "limit_gpu_milliseconds": None,
    "direction": "maximize",
    "unit": "",
    "seed_score": 0.9598,
    "best_known": 2.635977,
}
Seed = Annotated[int, Field(ge=0, le=LARGEST_ID)]


class RunRequest(Body):
    """A run to start. `problem` is a revision, or a name: then its newest revision that the project knows."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra=shown({"problem": "circle_packing_26", "config": {"budget": {"evaluations": 5000}}, "seed": 1}),
    )

    problem: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,64}$")]
    project: Id = 1
    config: RunConfig = Field(default=RunConfig(), description="what is left out gets its default and is echoed")
    seed: Seed | None = Field(default=None, description="of all choices; drawn if left out")


class ForkRequest(Body):
    """A run whose seed program is a program of another run. Without `config` it has that of the other run."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra=shown({"program": 412}))

    program: Number
    config: RunConfig | None = None
    seed: Seed | None = None


class ModelsRequest(Body):
    """The models that a run asks from now on."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_extra=shown({"models": [{"name": "small", "weight": 3}, {"name": "large"}]})
    )

    models: Annotated[tuple[ModelChoice, ...], Field(max_length=64)]


class BudgetRequest(Body):
    """The limits of a run from now on, counted from its beginning; what is left out has no limit."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_extra=shown({"budget": {"evaluations": 20000, "micro_dollars": 5_000_000}})
    )

    budget: Budget


class PriorityRequest(Body):
    """The share of a run among the runs of its project; others have 1."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra=shown({"priority": 4.0}))

    priority: Annotated[float, Field(ge=0.001, le=1000)]


class RunPriority(Answer):
    """The share that a run has now."""

    model_config = ConfigDict(frozen=True, json_schema_extra=shown({"run": 7, "priority": 4.0}))

    run: int
    priority: float


class RunLine(Answer):
    """A run in a list. Null for who may not inspect: `spent_micro_dollars` and `limit_micro_dollars`."""

    model_config = ConfigDict(frozen=True, json_schema_extra=shown(LINE))

    id: int
    project: int
    problem: str
    revision: str
    title: str
    state: RunState
    stop_reason: StopReason | None
    tier: Tier
    score_isolated: bool
    created_at: datetime
    finished_at: datetime | None
    seconds: float = Field(description="of active time: under a controller, and not paused")
    evaluations: int
    best_score: float | None
    verified_score: float | None
    spent_micro_dollars: int | None
    limit_micro_dollars: int | None
    limit_evaluations: int | None
    limit_seconds: float | None
    gpus: int = Field(description="that an evaluation holds for itself in some stage; 0: none")
    gpu_milliseconds: int = Field(description="for how long evaluations held GPUs, all of them")
    limit_gpu_milliseconds: int | None
    direction: Direction
    unit: str
    seed_score: float | None
    best_known: float | None = Field(description="the best of the values that the problem names for comparison")


class Origin(Answer):
    """The program of another run that is the seed program of this one."""

    run: int
    program: int


class Money(Answer):
    """Money in micro-dollars, and tokens; `reserved` belongs to calls that are under way."""

    limit_micro_dollars: int | None
    spent_micro_dollars: int
    reserved_micro_dollars: int
    tokens_in: int
    tokens_out: int


class Removal(Answer):
    """What a run lost by its project's retention: so many sources, and prompts with their answers. No end: it goes on."""

    began_at: datetime
    ended_at: datetime | None
    programs: int
    prompts: int


class RunDetail(RunLine):
    """A run as it stands now. Null for who may not inspect: `money` and what is in micro-dollars.

    `config` is complete and in force; `rate` is evaluations per second over the last minute; `cells` counts the filled cells
    of the archive by island. `best` and `verified` are numbers of programs, `champion` that of the verified best at the end.
    """

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra=shown(
            LINE
            | {
                "config": CONFIG,
                "seed": 1,
                "priority": 1.0,
                "known": [{"name": "AlphaEvolve", "value": 2.635, "source": "a paper", "date": "2025-05", "recomputed": False}],
                "stop_detail": None,
                "as_of_event": 2044,
                "programs": 815,
                "rate": 13.2,
                "best": 790,
                "verified": 655,
                "champion": None,
                "cells": {"0": 41},
                "origin": None,
                "started_by": 1,
                "money": {
                    "limit_micro_dollars": None,
                    "spent_micro_dollars": 0,
                    "reserved_micro_dollars": 0,
                    "tokens_in": 0,
                    "tokens_out": 0,
                },
                "removal": None,
            }
        ),
    )

    config: RunConfig
    seed: int
    priority: float = Field(description="its share of slots and model calls among the runs of its project")
    known: list[Known] = Field(description="values of the score that the problem names for comparison")
    stop_detail: str | None
    as_of_event: int = Field(description="number of the newest event of its log")
    programs: int
    rate: float
    best: int | None
    verified: int | None
    champion: int | None
    cells: dict[int, int]
    origin: Origin | None
    started_by: int | None = Field(description="id of a person; null is the command line")
    money: Money | None
    removal: Removal | None = Field(description="null: the run has all its texts")


class AskedCommand(Answer):
    """Something that a run was told. `event` is the number of the event that it became."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra=shown(
            {
                "id": 31,
                "run": 7,
                "kind": "pause",
                "command": {"kind": "pause"},
                "person": 1,
                "state": "waiting",
                "detail": None,
                "event": None,
                "created_at": "2026-03-01T12:01:00Z",
            }
        ),
    )

    id: int
    run: int
    kind: str
    command: Command | None = Field(description="null if this version does not know it")
    person: int | None
    state: CommandState
    detail: str | None = Field(description="why it was refused")
    event: int | None
    created_at: datetime
