"""All that a report is made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from database.archive import Elite, Record
from database.runs import RunRow
from evolution.evaluation import Outcome, Verdict
from evolution.problem import Problem
from evolution.proposal import Operator, Refusal


@dataclass(frozen=True, slots=True)
class Ancestor:
    """A program on the way from the seed to the best. `score` is recorded (higher is better); `model` made it, or None."""

    number: int
    operator: Operator
    model: str | None
    score: float | None
    files: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class OperatorCount:
    """How an operator fared: proposals asked and refused, programs evaluated and scored, those better than their parent."""

    operator: Operator
    asked: int
    refused: int
    evaluated: int
    scored: int
    improved: int


@dataclass(frozen=True, slots=True)
class ScoredPoint:
    """A scored program: its place among the admitted evaluations, its recorded score, and who made it."""

    evaluation: int
    score: float
    operator: Operator


@dataclass(frozen=True, slots=True)
class RunData:
    """A run as its report shows it. All scores are recorded ones: higher is better, whatever the problem's direction.

    `lineage` goes from the seed to the best; `best` is the champion, or the best so far. `verified` is the outcome of
    its verification, `picture` the SVG text that the judge drew then, `machine` the description of where.
    """

    row: RunRow
    problem: Problem
    evaluations: int
    programs: int
    seed_score: float | None
    best_score: float | None
    best: int | None
    points: Sequence[ScoredPoint]
    points_are_all: bool
    records: Sequence[Record]
    elites: Sequence[Elite]
    islands: int
    lineage: Sequence[Ancestor]
    verified: Outcome | None
    picture: str | None
    machine: Mapping[str, object]
    operators: Sequence[OperatorCount]
    refusals: Sequence[tuple[Refusal, Operator, int]]
    verdicts: Sequence[tuple[Verdict, int]]
