"""The judge of an optimiser: the functions that a problem's judge needs."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from galapagos_judge import Candidate, Context
from galapagos_optimizers.behaviour import Clocked, behaviour, fingerprint
from galapagos_optimizers.changes import changed
from galapagos_optimizers.tasks import OPEN, SEALED, Task
from galapagos_optimizers.training import STEPS, Level, Rule, Trial, train
from galapagos_optimizers.yardstick import CLIP, equivalent_steps, load_reference

SCREEN_STEPS = 50
SCREENED = "mlp"
SEEDS = {"search": 3, "verify": 6}


class Judge:
    """The functions `screen`, `evaluate`, `held_out`, `changes` and `picture`.

    Made when the judge's module is imported: each evaluation is a fresh process that finds tasks and curves read.
    `folder` holds curves.json; SCREENED must be one of `tasks`.
    """

    def __init__(self, folder: Path, level: Level, tasks: Sequence[Task], held_out: Sequence[Task]) -> None:
        self._level = level
        self._tasks = tasks
        self._held_out = held_out
        self._reference = load_reference(folder)
        self._screened = next(task for task in tasks if task.name == SCREENED)
        self._last: dict[str, float] = {}

    def screen(self, candidate: Candidate, context: Context) -> dict[str, object]:
        """A short look: half a training run of one task at five rates, and the processor time of its steps.

        `gain` is ln(AdamW's loss / the candidate's) at its best rate; `cost` the processor time of a step relative to AdamW's.
        Who has the same `fingerprint` has the same score in a search: all meet the same instances there.
        """
        rule = Clocked(candidate, self._level, every=5)
        instances = self._screened.draw(context.rng, 1, SCREEN_STEPS, OPEN)
        declared = rule.declared_rate()
        rates = declared * 10.0 ** np.arange(-2, 3)
        trial = Trial(instances, np.zeros(5, dtype=int), rates)
        train(rule, [trial], SCREEN_STEPS)
        rival_rate = self._reference.curves[SCREENED].rate(float(np.log2(SCREEN_STEPS / STEPS)))
        rival = Trial(instances, np.zeros(1, dtype=int), np.array([rival_rate]))
        train(self._reference.adamw(), [rival], SCREEN_STEPS)
        gain = max(float(rival.log_losses()[0] - trial.log_losses().min()), -20.0)
        searched = context.purpose == "search"
        return {
            "score": gain,
            "metrics": {"gain": gain, "cost": rule.cost()},
            "features": {},
            "feedback": f"after {SCREEN_STEPS} steps the loss of a small network is {np.exp(-gain):.3g} times AdamW's",
            "fingerprint": fingerprint(candidate, self._level, context.rng, declared, trial.params) if searched else "",
        }

    def evaluate(self, candidate: Candidate, context: Context) -> dict[str, object]:
        """The score: mean over the search tasks of log2(steps that AdamW needs / steps taken)."""
        part = SEALED if context.purpose == "verify" else OPEN
        features = behaviour(candidate, self._level, context.rng)
        return self._judged(candidate, context, self._tasks, part, features)

    def held_out(self, candidate: Candidate, context: Context) -> dict[str, object]:
        """The same on tasks that no search has seen."""
        return self._judged(candidate, context, self._held_out, SEALED, {})

    def changes(self, candidate: Candidate, context: Context) -> dict[str, object]:
        """What is left under changes of horizon, rate and scale: the mean over the changes."""
        rule = Rule(candidate, self._level)
        found, diverged = changed(rule, self._tasks, self._screened, self._reference, context.rng)
        score = float(np.mean(list(found.values())))
        told = ", ".join(f"{name} {value:+.2f}" for name, value in found.items())
        return {
            "score": score,
            "metrics": {**found, "diverged": diverged},
            "features": {},
            "feedback": f"log2 of AdamW-equivalent steps under changes: {told}. Runs that diverged: {diverged}.",
        }

    def picture(self, _candidate: Candidate, _context: Context) -> str:
        """Bars as SVG: log2 AdamW-equivalents of every task, as `evaluate` has just measured them in this process."""
        return drawn(self._last)

    def _judged(
        self, candidate: Candidate, context: Context, tasks: Sequence[Task], part: str, features: Mapping[str, float]
    ) -> dict[str, object]:
        clock = Clocked(candidate, self._level, every=25) if context.purpose == "verify" else None
        rule = clock or Rule(candidate, self._level)
        steps, rates = equivalent_steps(rule, tasks, self._reference, context.rng, SEEDS[context.purpose], part)
        by_task = {task.name: float(row.mean()) for task, row in zip(tasks, steps, strict=True)}
        score = float(steps.mean())
        self._last = {**by_task, "mean": score}
        notes = [f"{name} {value:+.2f} (rate {rate:.3g})" for (name, value), rate in zip(by_task.items(), rates, strict=True)]
        diverged = int((steps <= -CLIP).sum())
        above = sum(value > 0 for value in by_task.values())
        in_time = {} if clock is None else {"in_time": score - float(np.log2(clock.cost()))}
        return {
            "score": score,
            "metrics": {f"task.{name}": value for name, value in by_task.items()}
            | {"diverged": diverged, "above": above}
            | in_time,
            "features": dict(features),
            "feedback": (
                f"log2 of AdamW-equivalent steps, by task: {', '.join(notes)}. Mean {score:+.3f}, that is {2**score:.2f} times "
                f"the steps; above AdamW on {above} of {len(tasks)} tasks. Runs that diverged or did not learn: {diverged} of "
                f"{steps.size}."
            ),
        }


def drawn(scores: Mapping[str, float]) -> str:
    """Horizontal bars around 0 as SVG text."""
    rows: list[str] = []
    for row, (name, value) in enumerate(scores.items()):
        end = 200 + 60 * value
        rows.append(
            f'<text x="8" y="{row * 30 + 44}">{name}</text>'
            f'<rect x="{min(200, end):.1f}" y="{row * 30 + 30}" width="{abs(end - 200):.1f}" height="20" fill="#2e86c1"/>'
            f'<text x="390" y="{row * 30 + 44}">{value:+.2f}</text>'
        )
    height = 30 * len(rows) + 40
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 440 {height}" font-family="sans-serif" font-size="12">'
        '<text x="8" y="16">log2 of AdamW-equivalent steps (0 = AdamW)</text>'
        f'{"".join(rows)}<line x1="200" y1="24" x2="200" y2="{height}" stroke="#333"/></svg>'
    )
