"""Tasks whose tensors each draw shows in another order and with other signs, so that weights trained before fit no draw."""

from dataclasses import dataclass

import numpy as np
from galapagos_optimizers.tasks import Instances, Meta, Task, Tensors


@dataclass(frozen=True, slots=True)
class Disguised:
    """A task whose tensors are shown with rows and columns in another order and with other signs, drawn for each tensor.

    A rule that treats all entries alike moves as it would without that, and so does one that takes matrices as a whole. What
    fits together in a trained network (the units of one layer and the next) does not when it is put in here.
    """

    task: Task

    @property
    def name(self) -> str:
        """The name of the task itself."""
        return self.task.name

    def draw(self, rng: np.random.Generator, seeds: int, steps: int, part: str) -> "DisguisedInstances":
        """Draw instances of the task, then orders and signs for each seed."""
        inner = self.task.draw(rng, seeds, steps, part)
        masks = [Mask.draw(rng, seeds, meta.shape) for meta in inner.metas]
        each = np.arange(seeds)
        start = [mask.shown(tensor, each) for mask, tensor in zip(masks, inner.start, strict=True)]
        return DisguisedInstances(inner.metas, start, inner, masks)


@dataclass(frozen=True, slots=True)
class Mask:
    """Entry i of a flattened tensor is `signs[i]` times the shown entry `places[i]`; `back` is the other way.

    All of shape (seeds, size).
    """

    places: np.ndarray
    back: np.ndarray
    signs: np.ndarray

    @staticmethod
    def draw(rng: np.random.Generator, seeds: int, shape: tuple[int, ...]) -> "Mask":
        """Vectors are mixed as a whole, of matrices rows and columns; the last row of a matrix is the bias and stays it."""
        places = np.arange(int(np.prod(shape))).reshape(shape)
        places = np.stack([places] * seeds)
        signs = np.ones(places.shape, np.float32)
        for seed in range(seeds):
            for axis, size in enumerate(shape):
                moved = size - 1 if axis == 0 and len(shape) > 1 else size
                order = np.append(rng.permutation(moved), np.arange(moved, size))
                places[seed] = places[seed].take(order, axis=axis)
                turned = np.append(rng.choice(np.array([-1, 1], np.float32), moved), np.ones(size - moved, np.float32))
                signs[seed] *= turned.reshape(-1, *[1] * (len(shape) - 1 - axis))
        flat = places.reshape(seeds, -1)
        return Mask(flat, flat.argsort(axis=1), signs.reshape(seeds, -1))

    def true(self, tensor: np.ndarray, seeds: np.ndarray) -> np.ndarray:
        """The tensor of the task, from the shown one: (replicas, ...)."""
        flat = tensor.reshape(len(tensor), -1)
        return (np.take_along_axis(flat, self.places[seeds], 1) * self.signs[seeds]).reshape(tensor.shape)

    def shown(self, tensor: np.ndarray, seeds: np.ndarray) -> np.ndarray:
        """The shown tensor, from that of the task."""
        flat = tensor.reshape(len(tensor), -1) * self.signs[seeds]
        return np.take_along_axis(flat, self.back[seeds], 1).reshape(tensor.shape)


@dataclass(frozen=True, slots=True)
class DisguisedInstances:
    """Instances of `Disguised`."""

    metas: list[Meta]
    start: Tensors
    inner: Instances
    masks: list[Mask]

    def gradients(self, step: int, params: Tensors, seeds: np.ndarray) -> Tensors:
        """Those of the task, shown as its tensors are."""
        slopes = self.inner.gradients(step, self._true(params, seeds), seeds)
        return [mask.shown(slope, seeds) for mask, slope in zip(self.masks, slopes, strict=True)]

    def losses(self, params: Tensors, seeds: np.ndarray) -> np.ndarray:
        """Those of the task."""
        return self.inner.losses(self._true(params, seeds), seeds)

    def _true(self, params: Tensors, seeds: np.ndarray) -> Tensors:
        return [mask.true(tensor, seeds) for mask, tensor in zip(self.masks, params, strict=True)]
