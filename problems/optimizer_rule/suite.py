"""Trains networks with a candidate's update rule and measures how many steps AdamW would have needed instead."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from galapagos_judge import Rejected
from tasks import OPEN, Instances, Task, Tensors

# Steps of one training run. The reference curves were made for this number: change both together.
STEPS = 100
WARM_UP = 0.05
# A loss this small counts as this large: below it single-precision noise decides.
FLOOR = 1e-9
# What a rule that diverges gets, in log2 steps; the curves end there too.
CLIP = 3.0


@dataclass(slots=True)
class Trial:
    """Replicas of one task that train side by side: replica r lives on seed `seeds[r]` and has peak rate `rates[r]`."""

    instances: Instances
    seeds: np.ndarray
    rates: np.ndarray
    params: Tensors = field(init=False)
    alive: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.params = [tensor[self.seeds] for tensor in self.instances.start]
        self.alive = np.ones(len(self.seeds), dtype=bool)

    def accept(self, params: Tensors) -> None:
        """Take the next parameters; a replica that is no longer finite, or is beyond 10^6, is out for good."""
        for tensor in params:
            inner = tuple(range(1, tensor.ndim))
            self.alive &= np.abs(tensor).max(axis=inner, initial=0.0) < 1e6
        for tensor in params:
            tensor[~self.alive] = 0
        self.params = params

    def log_losses(self) -> np.ndarray:
        """Natural logarithms of the losses on unseen data, infinite where training diverged, shape (replicas,)."""
        losses = self.instances.losses(self.params, self.seeds)
        losses = np.where(self.alive & np.isfinite(losses), np.maximum(losses, FLOOR), np.inf)
        return np.log(losses)


class Rule:
    """A candidate's rule, or a rule of ours: whatever answers `begin` and `step` as the seed's file does."""

    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call

    def declared_rate(self) -> float:
        """The rule's own `LR`.

        Raises:
            Rejected: it is not a positive number.
        """
        rate = self._call("declared_rate")
        if not isinstance(rate, float) or not 1e-9 <= rate <= 1e6:
            raise Rejected(f"LR must be a number between 1e-9 and 1e6, got {rate!r}")
        return rate

    def begin(self, trials: Sequence[Trial]) -> None:
        """Let the rule make its state for every replica of every tensor."""
        metas = [meta.plain() for trial in trials for meta in trial.instances.metas]
        self._call("begin", metas, [tensor for trial in trials for tensor in trial.params])

    def step(self, number: int, trials: Sequence[Trial], gradients: Tensors, steps: int) -> None:
        """One step of every replica; `number` counts from 1."""
        factor = schedule(number, steps)
        rates = [trial.rates * factor for trial in trials for _ in trial.params]
        params = [tensor for trial in trials for tensor in trial.params]
        answer = self._call("step", number, rates, params, gradients)
        if not isinstance(answer, list) or len(answer) != len(params):
            raise Rejected("the rule did not return one array for each tensor")
        for tensor, new in zip(params, answer, strict=True):
            if not isinstance(new, np.ndarray) or new.dtype != np.float32 or new.shape != tensor.shape:
                raise Rejected(f"update must return an array of the shape of p, {tensor.shape[1:]}")
        offset = 0
        for trial in trials:
            trial.accept([np.array(tensor) for tensor in answer[offset : offset + len(trial.params)]])
            offset += len(trial.params)


class AdamW:
    """The reference: decoupled weight decay and bias correction (Loshchilov and Hutter 2019)."""

    def __init__(self, beta1: float, beta2: float, epsilon: float, decay: float) -> None:
        self._settings = beta1, beta2, epsilon, decay
        self._moments: list[tuple[np.ndarray, np.ndarray]] = []

    def begin(self, trials: Sequence[Trial]) -> None:
        """Moments start at zero."""
        self._moments = [(np.zeros_like(p), np.zeros_like(p)) for trial in trials for p in trial.params]

    def step(self, number: int, trials: Sequence[Trial], gradients: Tensors, steps: int) -> None:
        """One step of every replica."""
        beta1, beta2, epsilon, decay = self._settings
        factor, slot = schedule(number, steps), 0
        for trial in trials:
            new: Tensors = []
            for tensor in trial.params:
                mean, square = self._moments[slot]
                gradient = gradients[slot]
                mean += (1 - beta1) * (gradient - mean)
                square += (1 - beta2) * (gradient * gradient - square)
                rate = (trial.rates * factor).astype(np.float32).reshape(-1, *[1] * (tensor.ndim - 1))
                move = mean / (1 - beta1**number) / (np.sqrt(square / (1 - beta2**number)) + epsilon)
                new.append(tensor - rate * (move + decay * tensor))
                slot += 1
            trial.accept(new)


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

    def steps(self, difference: np.ndarray) -> np.ndarray:
        """log2 of (steps that AdamW needs / STEPS), for log losses relative to AdamW's own at STEPS; within ±CLIP."""
        own = np.interp(0.0, self.log2_steps, self.log_losses)
        falling = np.minimum.accumulate(self.log_losses) - own - 1e-6 * self.log2_steps
        return np.interp(-difference, -falling, self.log2_steps)


@dataclass(frozen=True, slots=True)
class Reference:
    """AdamW's settings, tuned for the mean over the search tasks, and its curves by task name."""

    settings: tuple[float, float, float, float]
    curves: dict[str, Curve]


def load_reference(folder: Path) -> Reference:
    """Read curves.json."""
    stored = json.loads((folder / "curves.json").read_text())
    curves = {
        name: Curve(np.array(curve["log2_steps"]), np.array(curve["log_losses"]), np.array(curve["rates"]))
        for name, curve in stored["curves"].items()
    }
    beta1, beta2, epsilon, decay = (stored["adamw"][key] for key in ("beta1", "beta2", "epsilon", "decay"))
    return Reference((beta1, beta2, epsilon, decay), curves)


def schedule(number: int, steps: int) -> float:
    """Factor on the peak rate at step `number` (from 1): linear warm-up over 5 %, then a cosine to 0."""
    warm = max(1.0, WARM_UP * steps)
    return min(1.0, number / warm) * 0.5 * (1 + float(np.cos(np.pi * number / (steps + 1))))


def train(rule: Rule | AdamW, trials: Sequence[Trial], steps: int) -> None:
    """Train all replicas of all trials in lockstep."""
    with np.errstate(all="ignore"):
        rule.begin(trials)
        for number in range(1, steps + 1):
            gradients = [g for trial in trials for g in trial.instances.gradients(number - 1, trial.params, trial.seeds)]
            rule.step(number, trials, gradients, steps)


def tuned_rates(rule: Rule, tasks: Sequence[Task], rng: np.random.Generator) -> np.ndarray:
    """The best peak rate for each task, on seeds that are used for nothing else.

    Decades from LR / 100 to 100 LR on one seed with half the steps, half decades around the best on two seeds with
    all steps, then the vertex of a parabola through log loss over log rate.
    """
    declared = rule.declared_rate()
    coarse = declared * 10.0 ** np.arange(-2, 3)
    trials = [Trial(task.draw(rng, 1, STEPS // 2, OPEN), np.zeros(5, dtype=int), coarse) for task in tasks]
    train(rule, trials, STEPS // 2)
    best = [coarse[int(np.argmin(trial.log_losses()))] for trial in trials]
    fine = 10.0 ** np.arange(-0.5, 0.6, 0.5)
    seeds = np.repeat(np.arange(2), 3)
    trials = [
        Trial(task.draw(rng, 2, STEPS, OPEN), seeds, np.tile(rate * fine, 2)) for task, rate in zip(tasks, best, strict=True)
    ]
    train(rule, trials, STEPS)
    with np.errstate(invalid="ignore"):
        return np.array(
            [
                rate * 10 ** (0.5 * vertex(t.log_losses().reshape(2, 3).mean(axis=0)))
                for t, rate in zip(trials, best, strict=True)
            ]
        )


def vertex(values: np.ndarray) -> float:
    """Where a parabola through (-1, 0, 1) has its minimum; the best point itself if that is not between them."""
    best = int(np.argmin(values))
    if best != 1 or not np.isfinite(values).all():
        return float(best - 1)
    bend = values[0] - 2 * values[1] + values[2]
    return float(0.5 * (values[0] - values[2]) / bend) if bend > 0 else 0.0


def equivalent_steps(
    rule: Rule, tasks: Sequence[Task], reference: Reference, rng: np.random.Generator, seeds: int, part: str
) -> tuple[np.ndarray, np.ndarray]:
    """log2 of (steps that AdamW needs / steps taken) per task and seed, shape (tasks, seeds), and the tuned rates.

    Each is measured against AdamW on the same instance, which takes out what makes one instance harder than another.
    """
    rates = tuned_rates(rule, tasks, rng)
    drawn = [task.draw(rng, seeds, STEPS, part) for task in tasks]
    index = np.arange(seeds)
    trials = [Trial(instances, index, np.full(seeds, rate)) for instances, rate in zip(drawn, rates, strict=True)]
    train(rule, trials, STEPS)
    curves = [reference.curves[task.name] for task in tasks]
    rivals = [Trial(instances, index, np.full(seeds, curve.rate(0.0))) for instances, curve in zip(drawn, curves, strict=True)]
    train(AdamW(*reference.settings), rivals, STEPS)
    steps = [
        curve.steps(trial.log_losses() - rival.log_losses()) for curve, trial, rival in zip(curves, trials, rivals, strict=True)
    ]
    return np.array(steps), rates
