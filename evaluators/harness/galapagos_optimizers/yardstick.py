"""Measures an optimiser in steps that a tuned AdamW would need."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from galapagos_optimizers.tasks import Instances, Task
from galapagos_optimizers.training import LARGEST, STEPS, AdamW, Rule, Trial, train, tuned_rates

# What a rule that diverges gets, in log2 steps; the curves end there too.
CLIP = 3.0


@dataclass(frozen=True, slots=True)
class Curve:
    """How AdamW's loss on one task falls with the number of steps, its rate tuned anew at each number.

    `log2_steps` are log2(steps / STEPS), ascending; `log_losses` the means of the natural logarithm of the loss;
    `rates` the peak rates. Made by benchmarks/optimizer_curves.py.
    """

    log2_steps: np.ndarray
    log_losses: np.ndarray
    rates: np.ndarray

    def rate(self, log2_steps: float) -> float:
        """AdamW's tuned peak rate."""
        return float(np.exp(np.interp(log2_steps, self.log2_steps, np.log(self.rates))))

    def steps(self, difference: np.ndarray, taken: float = 0.0) -> np.ndarray:
        """log2 of (steps that AdamW needs / steps taken), where AdamW's own log losses after these are subtracted.

        `taken` is log2(steps taken / STEPS). Within ±CLIP, and within the curve.
        """
        own = np.interp(taken, self.log2_steps, self.log_losses)
        falling = np.minimum.accumulate(self.log_losses) - own - 1e-6 * self.log2_steps
        found = np.interp(-difference, -falling, self.log2_steps) - taken
        return np.clip(np.where(np.isposinf(difference), -CLIP, found), -CLIP, CLIP)


@dataclass(frozen=True, slots=True)
class Reference:
    """AdamW's settings, tuned for the mean over the search tasks, and its curves by task name."""

    settings: tuple[float, float, float, float]
    curves: dict[str, Curve]

    def adamw(self) -> AdamW:
        """The tuned AdamW."""
        return AdamW(*self.settings)


def load_reference(folder: Path) -> Reference:
    """Read curves.json."""
    stored = json.loads((folder / "curves.json").read_text())
    curves = {
        name: Curve(np.array(curve["log2_steps"]), np.array(curve["log_losses"]), np.array(curve["rates"]))
        for name, curve in stored["curves"].items()
    }
    beta1, beta2, epsilon, decay = (stored["adamw"][key] for key in ("beta1", "beta2", "epsilon", "decay"))
    return Reference((beta1, beta2, epsilon, decay), curves)


def rival_losses(
    reference: Reference, tasks: Sequence[Task], drawn: Sequence[Instances], seeds: int, steps: int = STEPS
) -> np.ndarray:
    """Log losses after `steps` on these instances of AdamW as tuned for STEPS, shape (tasks, seeds)."""
    index = np.arange(seeds)
    rates = [reference.curves[task.name].rate(0.0) for task in tasks]
    trials = [Trial(instances, index, np.full(seeds, rate)) for instances, rate in zip(drawn, rates, strict=True)]
    train(reference.adamw(), trials, steps)
    return np.array([trial.log_losses() for trial in trials])


def own_losses(
    rule: Rule, drawn: Sequence[Instances], rates: np.ndarray, seeds: int, steps: int = STEPS, largest: float = LARGEST
) -> np.ndarray:
    """The same for a candidate, with one rate for each task."""
    index = np.arange(seeds)
    trials = [Trial(instances, index, np.full(seeds, rate), largest) for instances, rate in zip(drawn, rates, strict=True)]
    train(rule, trials, steps)
    return np.array([trial.log_losses() for trial in trials])


def steps_needed(
    reference: Reference, tasks: Sequence[Task], own: np.ndarray, rival: np.ndarray, steps: int = STEPS
) -> np.ndarray:
    """log2 of (steps that AdamW needs / steps taken) per task and seed, from the log losses of both."""
    taken = float(np.log2(steps / STEPS))
    pairs = zip(tasks, own, rival, strict=True)
    return np.array([reference.curves[task.name].steps(mine - other, taken) for task, mine, other in pairs])


def equivalent_steps(
    rule: Rule, tasks: Sequence[Task], reference: Reference, rng: np.random.Generator, seeds: int, part: str
) -> tuple[np.ndarray, np.ndarray]:
    """log2 of (steps that AdamW needs / steps taken) per task and seed, shape (tasks, seeds), and the tuned rates.

    Each is measured against AdamW on the same instance, which takes out what makes one instance harder than another.
    """
    rates = tuned_rates(rule, tasks, rng)
    drawn = [task.draw(rng, seeds, STEPS, part) for task in tasks]
    own = own_losses(rule, drawn, rates, seeds)
    return steps_needed(reference, tasks, own, rival_losses(reference, tasks, drawn, seeds)), rates
