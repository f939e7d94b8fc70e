"""What a table of reference programs says: scores with their spread over repetitions, tasks, and who is ahead of whom."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median, stdev
from typing import Any

from evolution.evaluation import Outcome, StageResult, Verdict

TASK = "task."
"""Metrics that begin so are the scores of tasks, and their mean is the score."""


@dataclass(frozen=True, slots=True)
class Row:
    """One program, verified once for each repetition; `sign` turns its scores (higher is better) into the problem's unit."""

    name: str
    outcomes: Sequence[Outcome]
    sign: float

    @property
    def scored(self) -> bool:
        """Whether every repetition gave a score."""
        return all(outcome.verdict is Verdict.SCORED for outcome in self.outcomes)

    @property
    def goodness(self) -> list[float]:
        """The score of each repetition, higher better."""
        return [outcome.score for outcome in self.outcomes if outcome.score is not None]

    @property
    def scores(self) -> list[float]:
        """The score of each repetition in the problem's unit."""
        return [self.sign * score for score in self.goodness]

    @property
    def tasks(self) -> dict[str, float]:
        """The score of each task, mean over the repetitions."""
        means = self.metrics
        return {name.removeprefix(TASK): means[name] for name in means if name.startswith(TASK)}

    @property
    def metrics(self) -> dict[str, float]:
        """The metrics of the public stages, means over the repetitions."""
        return _means([outcome.metrics for outcome in self.outcomes])

    def hidden(self, stage: str) -> list[StageResult]:
        """What the hidden stage of that name found in each repetition."""
        return [found for outcome in self.outcomes for found in outcome.stages if found.hidden and found.stage == stage]

    @property
    def left_out(self) -> dict[str, float]:
        """The score without the task of that name."""
        tasks = self.tasks
        return (
            {name: fmean(value for other, value in tasks.items() if other != name) for name in tasks} if len(tasks) > 1 else {}
        )


@dataclass(frozen=True, slots=True)
class Lead:
    """How a program stands against the next one on the same instances: mean and spread of the paired difference."""

    over: str
    mean: float
    spread: float
    repetitions_ahead: int


class ReferenceTable:
    """Rows by their mean score, the best first; those that some repetition refused come last."""

    def __init__(self, rows: Iterable[Row], hidden_stages: Sequence[str]) -> None:
        self.rows = sorted(rows, key=lambda row: (not row.scored, -fmean(row.goodness) if row.scored else 0.0))
        self._hidden = hidden_stages

    def lead(self, place: int) -> Lead | None:
        """The lead of the row at `place` over the one below it; None where one of them has no score."""
        if place + 1 >= len(self.rows) or not self.rows[place + 1].scored:
            return None
        upper, lower = self.rows[place], self.rows[place + 1]
        gaps = [mine - other for mine, other in zip(upper.goodness, lower.goodness, strict=True)]
        return Lead(lower.name, fmean(gaps), _spread(gaps), sum(gap > 0 for gap in gaps))

    def as_json(self) -> list[dict[str, Any]]:
        """The rows as JSON objects."""
        return [self._row_json(place, row) for place, row in enumerate(self.rows)]

    def _row_json(self, place: int, row: Row) -> dict[str, Any]:
        if not row.scored:
            return {"name": row.name, "verdicts": [outcome.verdict.value for outcome in row.outcomes]}
        lead, tasks = self.lead(place), row.tasks
        return {
            "name": row.name,
            "verdicts": [outcome.verdict.value for outcome in row.outcomes],
            "score": fmean(row.scores),
            "spread": _spread(row.scores),
            "scores": row.scores,
            "tasks": tasks,
            "median": median(tasks.values()) if tasks else None,
            "left_out": row.left_out,
            "hidden": {
                stage: {
                    "verdicts": [found.verdict.value for found in row.hidden(stage)],
                    "scores": [row.sign * found.score for found in row.hidden(stage) if found.score is not None],
                    "metrics": _means([found.metrics for found in row.hidden(stage)]),
                }
                for stage in self._hidden
            },
            "ahead_of": None
            if lead is None
            else {"name": lead.over, "mean": lead.mean, "spread": lead.spread, "repetitions": lead.repetitions_ahead},
            "metrics": row.metrics,
            "cpu_s": fmean(sum(stage.cpu_s for stage in outcome.stages) for outcome in row.outcomes),
        }

    def as_markdown(self, metrics: Sequence[str]) -> str:
        """The table as Markdown, with a column for each of these metrics of a public or a hidden stage (`stage:metric`)."""
        tasks = list(dict.fromkeys(name for row in self.rows for name in row.tasks))
        heads = ["program", "score", *tasks]
        if len(tasks) > 1:
            heads += ["least without one", "median"]
        heads += [*(stage.replace("_", " ") for stage in self._hidden), *metrics, "ahead of the next"]
        lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
        for place, row in enumerate(self.rows):
            if row.scored:
                lines.append(f"| {row.name} | {' | '.join(self._cells(place, row, tasks, metrics))} |")
            else:
                told = ", ".join(outcome.verdict.value for outcome in row.outcomes)
                lines.append(f"| {row.name} | {told}{' |' * (len(heads) - 1)}")
        return "\n".join(lines) + "\n"

    def _cells(self, place: int, row: Row, tasks: Sequence[str], metrics: Sequence[str]) -> list[str]:
        own, left_out, lead = row.tasks, row.left_out, self.lead(place)
        cells = [with_spread(row.scores), *(_number(own[task]) if task in own else "" for task in tasks)]
        if left_out:
            # The smallest in the problem's unit where more is better, else the largest: what is left without its best task.
            worst = min(left_out, key=lambda name: row.sign * left_out[name])
            cells += [f"{_number(left_out[worst])} ({worst})", _number(median(own.values()))]
        elif len(tasks) > 1:
            cells += ["", ""]
        for stage in self._hidden:
            found = row.hidden(stage)
            scores = [row.sign * result.score for result in found if result.score is not None]
            refused = [result.verdict.value for result in found if result.score is None]
            cells.append(", ".join(refused) if refused else with_spread(scores))
        cells += [self._metric(row, name) for name in metrics]
        if lead is None:
            return [*cells, ""]
        of = f"{lead.repetitions_ahead} of {len(row.outcomes)}"
        return [*cells, f"{with_spread_of(lead.mean, lead.spread, len(row.outcomes))}, {of}"]

    def _metric(self, row: Row, name: str) -> str:
        stage, colon, metric = name.partition(":")
        table = _means([found.metrics for found in row.hidden(stage)]) if colon else row.metrics
        found = table.get(metric if colon else name)
        return "" if found is None else f"{found:.3g}"


def with_spread(values: Sequence[float]) -> str:
    """Mean and standard deviation of a sample, as text."""
    return with_spread_of(fmean(values), _spread(values), len(values)) if values else ""


def with_spread_of(mean: float, spread: float, count: int) -> str:
    """The same for a mean and a standard deviation of `count` values."""
    return f"{_number(mean)} ± {_number(spread)}" if count > 1 else _number(mean)


def _number(value: float) -> str:
    return f"{value:.2f}" if value == 0 or 0.1 <= abs(value) < 1000 else f"{value:.2g}" if abs(value) < 0.1 else f"{value:.6g}"


def _spread(values: Sequence[float]) -> float:
    return stdev(values) if len(values) > 1 else 0.0


def _means(tables: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Of the names that all tables have, the means."""
    if not tables:
        return {}
    return {name: fmean(table[name] for table in tables) for name in tables[0] if all(name in table for table in tables)}
