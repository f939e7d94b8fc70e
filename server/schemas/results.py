"""What runs have come to, as it is answered. Scores are raw."""

from pydantic import ConfigDict, Field

from evolution.evaluation import Verdict
from evolution.problem import Direction, FeatureAxis
from evolution.proposal import Operator, Refusal
from server.schemas.base import Answer, shown
from server.schemas.runs import Money

RECORD = {"number": 412, "score": 2.3471, "evaluations": 433, "seconds": 31.2, "micro_dollars": 0, "gpu_milliseconds": 0}


class Cell(Answer):
    """A filled cell of an archive and the program that holds it; `cell` has one index from 0 for each axis."""

    island: int
    cell: list[int]
    number: int
    score: float
    length: int
    literals: int
    event: int = Field(description="number of the event that put it there")


class ArchivePage(Answer):
    """A page of filled cells, with the axes of the grid."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra=shown(
            {
                "axes": [{"feature": "length", "low": 100.0, "high": 10000.0, "cells": 12, "scale": "log"}],
                "items": [
                    {"island": 0, "cell": [6], "number": 412, "score": 2.3471, "length": 1204, "literals": 17, "event": 866}
                ],
                "next": None,
            }
        ),
    )

    axes: list[FeatureAxis]
    items: list[Cell]
    next: str | None


class Record(Answer):
    """A best score when it was reached: after so many evaluations, seconds, micro-dollars and GPU milliseconds of the run.

    `micro_dollars` is null for who may not inspect.
    """

    model_config = ConfigDict(frozen=True, json_schema_extra=shown(RECORD))

    number: int
    score: float
    evaluations: int
    seconds: float
    micro_dollars: int | None
    gpu_milliseconds: int


class OperatorCounts(Answer):
    """How an operator fares: proposals asked and refused, programs evaluated, scored, and better than their parent."""

    operator: Operator
    asked: int
    refused: int
    evaluated: int
    scored: int
    improved: int


class RunCounts(Answer):
    """What became of a run's proposals up to event `as_of_event`; ask again until that is the newest one."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra=shown(
            {
                "as_of_event": 2044,
                "newest_event": 2044,
                "operators": [
                    {"operator": "mutate", "asked": 700, "refused": 80, "evaluated": 610, "scored": 420, "improved": 97}
                ],
                "verdicts": {"scored": 421, "crashed": 190},
                "refusals": {"duplicate": 80},
            }
        ),
    )

    as_of_event: int
    newest_event: int
    operators: list[OperatorCounts]
    verdicts: dict[Verdict, int]
    refusals: dict[Refusal, int]


class ModelSpend(Answer):
    """What the calls of one model brought; `failed` of the `calls` brought no answer."""

    model: str
    calls: int
    failed: int
    tokens_in: int
    tokens_out: int
    cost_micro_dollars: int
    mean_latency_s: float | None


class OperatorSpend(Answer):
    """What the calls that were made for one operator cost; an operator that needs no model has none."""

    operator: Operator
    calls: int
    tokens: int = Field(description="read and written")
    cost_micro_dollars: int


class Spend(Answer):
    """The money of a run, and what of it went to each model, and for which operator."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra=shown(
            {
                "money": {
                    "limit_micro_dollars": 5_000_000,
                    "spent_micro_dollars": 71_800,
                    "reserved_micro_dollars": 0,
                    "tokens_in": 310_000,
                    "tokens_out": 42_000,
                },
                "models": [
                    {
                        "model": "small",
                        "calls": 100,
                        "failed": 1,
                        "tokens_in": 310_000,
                        "tokens_out": 42_000,
                        "cost_micro_dollars": 71_800,
                        "mean_latency_s": 4.2,
                    }
                ],
                "operators": [{"operator": "diff", "calls": 100, "tokens": 352_000, "cost_micro_dollars": 71_800}],
            }
        ),
    )

    money: Money
    models: list[ModelSpend]
    operators: list[OperatorSpend]


class ComparedRun(Answer):
    """One of the runs that are compared, with its best-so-far curve."""

    run: int
    problem: str
    revision: str
    title: str
    direction: Direction
    records: list[Record]


class Comparison(Answer):
    """Several runs side by side. `same_problem` says whether their scores mean the same."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra=shown(
            {
                "same_problem": True,
                "runs": [
                    {
                        "run": 7,
                        "problem": "circle_packing_26",
                        "revision": "5f0c0cf1d6aa2a4f0e2f7f9e9c6c8f0d7b9f4b5f7a0d1c2b3a4958675645342f",
                        "title": "26 circles in the unit square",
                        "direction": "maximize",
                        "records": [RECORD],
                    }
                ],
            }
        ),
    )

    same_problem: bool
    runs: list[ComparedRun]
