"""What is left of a rule where something changes that its search did not change: horizon, rate, scale of parameters."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from galapagos_optimizers.tasks import SEALED, Instances, Meta, Task, Tensors
from galapagos_optimizers.training import LARGEST, STEPS, Rule, tuned_rates
from galapagos_optimizers.yardstick import CLIP, Reference, own_losses, rival_losses, steps_needed

HORIZONS = (STEPS // 2, 2 * STEPS)
QUARTER_DECADE = 10**0.25
SCALE = 1e3
# Plain gradient descent needs a rate that is SCALE squared times as large.
RESCALED_DECADES = 7
SEEDS = 2


@dataclass(frozen=True, slots=True)
class Rescaled:
    """A task whose parameters are `scale` times as large: the loss of q is that of q / scale."""

    task: Task
    scale: float

    @property
    def name(self) -> str:
        """The name of the task itself."""
        return self.task.name

    def draw(self, rng: np.random.Generator, seeds: int, steps: int, part: str) -> "RescaledInstances":
        """Draw instances of the task, and scale them."""
        inner = self.task.draw(rng, seeds, steps, part)
        start = [np.float32(self.scale) * tensor for tensor in inner.start]
        return RescaledInstances(inner.metas, start, inner, np.float32(self.scale))


@dataclass(frozen=True, slots=True)
class RescaledInstances:
    """Instances of `Rescaled`; `inner` are those of the task itself, for AdamW."""

    metas: list[Meta]
    start: Tensors
    inner: Instances
    scale: np.float32

    def gradients(self, step: int, params: Tensors, seeds: np.ndarray) -> Tensors:
        """Those of the task, over the scale."""
        return [tensor / self.scale for tensor in self.inner.gradients(step, self._inner(params), seeds)]

    def losses(self, params: Tensors, seeds: np.ndarray) -> np.ndarray:
        """Those of the task."""
        return self.inner.losses(self._inner(params), seeds)

    def _inner(self, params: Tensors) -> Tensors:
        return [tensor / self.scale for tensor in params]


def changed(
    rule: Rule, tasks: Sequence[Task], rescaled: Task, reference: Reference, rng: np.random.Generator
) -> tuple[dict[str, float], int]:
    """The score under each change, mean over tasks and seeds, by the change's name; and how many runs diverged.

    `rate.lower` and `rate.higher`: a quarter of a decade beside the tuned rates. `steps.50` and `steps.200`: other numbers of
    steps at the rates of the usual one, as AdamW's are. `scale.up` and `scale.down`: the
    parameters of one task a thousand times as large or as small, the rate sought over 15 decades.
    """
    rates = tuned_rates(rule, tasks, rng)
    scores: dict[str, np.ndarray] = {}
    drawn = [task.draw(rng, SEEDS, STEPS, SEALED) for task in tasks]
    rival = rival_losses(reference, tasks, drawn, SEEDS)
    for name, factor in (("rate.lower", 1 / QUARTER_DECADE), ("rate.higher", QUARTER_DECADE)):
        scores[name] = steps_needed(reference, tasks, own_losses(rule, drawn, rates * factor, SEEDS), rival)
    for steps in HORIZONS:
        drawn = [task.draw(rng, SEEDS, steps, SEALED) for task in tasks]
        rival = rival_losses(reference, tasks, drawn, SEEDS, steps)
        own = own_losses(rule, drawn, rates, SEEDS, steps)
        scores[f"steps.{steps}"] = steps_needed(reference, tasks, own, rival, steps)
    for name, scale in (("scale.up", SCALE), ("scale.down", 1 / SCALE)):
        scores[name] = _scaled(rule, Rescaled(rescaled, scale), reference, rng)
    diverged = sum(int((found <= -CLIP).sum()) for found in scores.values())
    return {name: float(found.mean()) for name, found in scores.items()}, diverged


def _scaled(rule: Rule, task: Rescaled, reference: Reference, rng: np.random.Generator) -> np.ndarray:
    largest = LARGEST * max(1.0, task.scale)
    rates = tuned_rates(rule, [task], rng, RESCALED_DECADES, largest)
    drawn = task.draw(rng, SEEDS, STEPS, SEALED)
    own = own_losses(rule, [drawn], rates, SEEDS, largest=largest)
    return steps_needed(reference, [task], own, rival_losses(reference, [task], [drawn.inner], SEEDS))
