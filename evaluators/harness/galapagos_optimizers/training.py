"""Trains tasks with a candidate's optimiser, all replicas in lockstep, and finds each task's rate."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol, cast

import numpy as np
from galapagos_judge import Candidate, Rejected
from galapagos_optimizers.tasks import OPEN, Instances, Task, Tensors

# Steps of one training run. The reference curves were made for this number: change both together.
STEPS = 100
WARM_UP = 0.05
# A loss this small counts as this large: below it single-precision noise decides.
FLOOR = 1e-9
LARGEST = 1e6


class Level(Enum):
    """How much of an optimiser a candidate writes, and what it sees beside parameters and gradients.

    RULE: one tensor, and rates that are already scheduled. SCHEDULE: one tensor, peak rates, and the number of all steps.
    NETWORK: all tensors of a network at once, and scheduled rates.
    """

    RULE = "rule"
    SCHEDULE = "schedule"
    NETWORK = "network"


@dataclass(slots=True)
class Trial:
    """Replicas of one task that train side by side: replica r lives on seed `seeds[r]` and has peak rate `rates[r]`.

    A replica with a parameter beyond `largest` has diverged.
    """

    instances: Instances
    seeds: np.ndarray
    rates: np.ndarray
    largest: float = LARGEST
    params: Tensors = field(init=False)
    alive: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.params = [tensor[self.seeds] for tensor in self.instances.start]
        self.alive = np.ones(len(self.seeds), dtype=bool)

    def accept(self, params: Tensors) -> None:
        """Take the next parameters; a replica that is no longer finite, or too large, is out for good."""
        for tensor in params:
            inner = tuple(range(1, tensor.ndim))
            self.alive &= np.abs(tensor).max(axis=inner, initial=0.0) < self.largest
        for tensor in params:
            tensor[~self.alive] = 0
        self.params = params

    def log_losses(self) -> np.ndarray:
        """Natural logarithms of the losses on unseen data, infinite where training diverged, shape (replicas,)."""
        losses = self.instances.losses(self.params, self.seeds)
        losses = np.where(self.alive & np.isfinite(losses), np.maximum(losses, FLOOR), np.inf)
        return np.log(losses)


class Optimizer(Protocol):
    """What trains."""

    def begin(self, trials: Sequence[Trial], steps: int) -> None:
        """Forget everything, and prepare for runs of so many steps."""
        ...

    def step(self, number: int, trials: Sequence[Trial], gradients: Tensors, steps: int) -> None:
        """One step of every replica; `number` counts from 1."""
        ...


class Rule:
    """A candidate's optimiser: what answers `begin` and `step` as the frame of the problem's seed does.

    With `timed`, `seconds` adds up the processor time of its steps, measured outside of it.
    """

    def __init__(self, candidate: Candidate, level: Level = Level.RULE, *, timed: bool = False) -> None:
        self._candidate = candidate
        self._level = level
        self._timed = timed
        self.seconds = 0.0

    def declared_rate(self) -> float:
        """The optimiser's own `LR`.

        Raises:
            Rejected: it is not a positive number.
        """
        rate = self._candidate.call("declared_rate")
        if not isinstance(rate, float) or not 1e-9 <= rate <= 1e6:
            raise Rejected(f"LR must be a number between 1e-9 and 1e6, got {rate!r}")
        return rate

    def begin(self, trials: Sequence[Trial], steps: int) -> None:
        """Let it make its state for every replica of every tensor."""
        metas = [meta.plain() for trial in trials for meta in trial.instances.metas]
        params = [tensor for trial in trials for tensor in trial.params]
        self.begin_with(metas, params, [len(trial.params) for trial in trials], steps)

    def begin_with(self, metas: list[dict[str, object]], params: Tensors, networks: list[int], steps: int) -> None:
        """The same for tensors with a leading axis of replicas; `networks` are the numbers of tensors of each network."""
        more: dict[Level, list[object]] = {Level.RULE: [], Level.SCHEDULE: [steps], Level.NETWORK: [networks]}
        self._candidate.call("begin", metas, params, *more[self._level])

    def step(self, number: int, trials: Sequence[Trial], gradients: Tensors, steps: int) -> None:
        """One step of every replica; `number` counts from 1."""
        factor = 1.0 if self._level is Level.SCHEDULE else schedule(number, steps)
        rates = [trial.rates * factor for trial in trials for _ in trial.params]
        params = [tensor for trial in trials for tensor in trial.params]
        answer = checked(self._answer(number, rates, params, gradients), params)
        offset = 0
        for trial in trials:
            trial.accept([np.array(tensor) for tensor in answer[offset : offset + len(trial.params)]])
            offset += len(trial.params)

    def _answer(self, *arguments: object) -> Any:
        if not self._timed:
            return self._candidate.call("step", *arguments)
        answers, seconds = self._candidate.time("step", [arguments])
        self.seconds += seconds
        return answers[0]


def checked(answer: object, params: Tensors) -> Tensors:
    """What a candidate returned for a step.

    Raises:
        Rejected: it is not one array of single precision for each tensor, of its shape.
    """
    if not isinstance(answer, list):
        raise Rejected("expected a list with one array for each tensor")
    tensors = cast("list[object]", answer)
    if len(tensors) != len(params):
        raise Rejected(f"expected one array for each of {len(params)} tensors; got {len(tensors)}")
    found: Tensors = []
    for tensor, new in zip(params, tensors, strict=True):
        array = cast("np.ndarray", new)
        if not isinstance(new, np.ndarray) or array.dtype != np.float32 or array.shape != tensor.shape:
            raise Rejected(f"update must return an array of the shape of p, {tensor.shape[1:]}")
        found.append(array)
    return found


class AdamW:
    """The reference: decoupled weight decay and bias correction (Loshchilov and Hutter 2019)."""

    def __init__(self, beta1: float, beta2: float, epsilon: float, decay: float) -> None:
        self._settings = beta1, beta2, epsilon, decay
        self._moments: list[tuple[np.ndarray, np.ndarray]] = []

    def begin(self, trials: Sequence[Trial], steps: int) -> None:  # noqa: ARG002 - as every optimiser's
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


def schedule(number: int, steps: int) -> float:
    """Factor on the peak rate at step `number` (from 1): linear warm-up over 5 %, then a cosine to 0."""
    warm = max(1.0, WARM_UP * steps)
    return min(1.0, number / warm) * 0.5 * (1 + float(np.cos(np.pi * number / (steps + 1))))


def train(optimizer: Optimizer, trials: Sequence[Trial], steps: int) -> None:
    """Train all replicas of all trials in lockstep."""
    with np.errstate(all="ignore"):
        optimizer.begin(trials, steps)
        for number in range(1, steps + 1):
            gradients = [g for trial in trials for g in trial.instances.gradients(number - 1, trial.params, trial.seeds)]
            optimizer.step(number, trials, gradients, steps)


def tuned_rates(
    rule: Rule, tasks: Sequence[Task], rng: np.random.Generator, decades: int = 2, largest: float = LARGEST
) -> np.ndarray:
    """The best peak rate for each task, on seeds that are used for nothing else.

    Decades from LR / 100 to 100 LR (by default) on one seed with half the steps, half decades around the best on two
    seeds with all steps, then the vertex of a parabola through log loss over log rate.
    """
    coarse = rule.declared_rate() * 10.0 ** np.arange(-decades, decades + 1)
    zeros = np.zeros(len(coarse), dtype=int)
    trials = [Trial(task.draw(rng, 1, STEPS // 2, OPEN), zeros, coarse, largest) for task in tasks]
    train(rule, trials, STEPS // 2)
    best = np.array([coarse[int(np.argmin(trial.log_losses()))] for trial in trials])
    return near_rates(rule, tasks, best, rng, 2, STEPS, largest)


def near_rates(
    rule: Rule,
    tasks: Sequence[Task],
    rates: np.ndarray,
    rng: np.random.Generator,
    seeds: int,
    steps: int,
    largest: float = LARGEST,
) -> np.ndarray:
    """The best of each task's rate and half a decade to either side, moved to the vertex of the parabola through the three."""
    fine = 10.0 ** np.arange(-0.5, 0.6, 0.5)
    index = np.repeat(np.arange(seeds), 3)
    trials = [
        Trial(task.draw(rng, seeds, steps, OPEN), index, np.tile(rate * fine, seeds), largest)
        for task, rate in zip(tasks, rates, strict=True)
    ]
    train(rule, trials, steps)
    with np.errstate(invalid="ignore"):
        shifts = [vertex(trial.log_losses().reshape(seeds, 3).mean(axis=0)) for trial in trials]
    return rates * 10 ** (0.5 * np.array(shifts))


def vertex(values: np.ndarray) -> float:
    """Where a parabola through (-1, 0, 1) has its minimum; the best point itself if that is not between them."""
    best = int(np.argmin(values))
    if best != 1 or not np.isfinite(values).all():
        return float(best - 1)
    bend = values[0] - 2 * values[1] + values[2]
    return float(0.5 * (values[0] - values[2]) / bend) if bend > 0 else 0.0
