"""A small convolutional network on pictures of digits."""

from dataclasses import dataclass

import numpy as np
from galapagos_optimizers.attention import cross_entropies, softmax_error
from galapagos_optimizers.tasks import Data, Meta, Tensors, with_bias
from numpy.lib.stride_tricks import sliding_window_view


def windows(pictures: np.ndarray) -> np.ndarray:
    """All 3 x 3 windows: (replicas, batch, h, w, channels) to (replicas, batch * (h - 2) * (w - 2), 9 * channels)."""
    found = sliding_window_view(pictures, (3, 3), axis=(2, 3))
    return np.ascontiguousarray(found).reshape(len(pictures), -1, found.shape[4] * 9)


def gathered(slope: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The slope at pictures of this shape, from that at their windows."""
    replicas, batch, height, width, channels = shape
    parts = slope.reshape(replicas, batch, height - 2, width - 2, channels, 3, 3)
    found = np.zeros(shape, np.float32)
    for row in range(3):
        for column in range(3):
            found[:, :, row : row + height - 2, column : column + width - 2] += parts[..., row, column]
    return found


@dataclass(frozen=True, slots=True)
class Convolution:
    """Two convolutions of 3 x 3, the second one's mean over places, and a head. Each draw turns or mirrors the pictures."""

    data: Data
    name: str = "cnn"
    channels: tuple[int, int] = (8, 16)
    batch: int = 32
    noise: float = 0.5

    def draw(self, rng: np.random.Generator, seeds: int, steps: int, part: str) -> "ConvolutionInstances":
        """Draw widths, turns, labels, rows, noise and starting weights (He normal, biases 0)."""
        data = self.data
        share = rng.uniform(0.75, 1.25)
        first, second = (max(2, round(size * share)) for size in self.channels)
        pictures = data.features.reshape(-1, 8, 8)
        turns = [(int(rng.integers(4)), bool(rng.integers(2))) for _ in range(seeds)]
        turned = [np.rot90(pictures, turn, axes=(1, 2)) for turn, _ in turns]
        inputs = np.stack([seen[:, ::-1] if mirrored else seen for seen, (_, mirrored) in zip(turned, turns, strict=True)])
        targets = data.one_hot(rng, seeds)
        rows, unseen = data.split(rng, part)
        picks = rng.choice(rows, size=(steps, seeds, self.batch))
        noise = self.noise * rng.standard_normal((64, self.batch, 8, 8, 1), dtype=np.float32)
        start: Tensors = []
        for fan_in, fan_out in ((9, first), (9 * first, second), (second, data.classes)):
            weights = rng.standard_normal((seeds, fan_in + 1, fan_out)) * np.sqrt(2 / fan_in)
            weights[:, -1] = 0
            start.append(weights.astype(np.float32))
        kinds = ("hidden", "hidden", "head")
        metas = [Meta(kind, w.shape[1:], w.shape[1], w.shape[2]) for kind, w in zip(kinds, start, strict=True)]
        return ConvolutionInstances(metas, start, inputs[..., None], targets, picks, noise, unseen[:320])


@dataclass(frozen=True, slots=True)
class ConvolutionInstances:
    """Instances of `Convolution`."""

    metas: list[Meta]
    start: Tensors
    inputs: np.ndarray
    targets: np.ndarray
    picks: np.ndarray
    noise: np.ndarray
    unseen: np.ndarray

    def gradients(self, step: int, params: Tensors, seeds: np.ndarray) -> Tensors:
        """Gradients of the mean cross-entropy on a batch with noise."""
        rows = self.picks[step]
        each = np.arange(len(rows))[:, None]
        seen = (self.inputs[each, rows] + self.noise[step % len(self.noise)])[seeds]
        outer, middle, inner, places, mean, answer = self._forward(params, seen)
        error = softmax_error(answer, self.targets[each, rows][seeds])
        count = places.shape[1] // mean.shape[1]
        slope = np.repeat(error @ params[2][:, :-1].swapaxes(1, 2) / np.float32(count), count, axis=1) * (places > 0)
        below = gathered((slope @ params[1][:, :-1].swapaxes(1, 2)), middle.shape) * (middle > 0)
        flat = below.reshape(len(below), -1, middle.shape[-1])
        return [outer.swapaxes(1, 2) @ flat, inner.swapaxes(1, 2) @ slope, mean.swapaxes(1, 2) @ error]

    def losses(self, params: Tensors, seeds: np.ndarray) -> np.ndarray:
        """Mean cross-entropies on unseen rows."""
        answer = self._forward(params, self.inputs[:, self.unseen][seeds])[-1]
        return cross_entropies(answer, self.targets[:, self.unseen][seeds])

    def _forward(self, params: Tensors, pictures: np.ndarray) -> tuple[np.ndarray, ...]:
        """Windows, first layer, its windows, second layer, its means with ones, answers."""
        replicas, batch = pictures.shape[:2]
        outer = with_bias(windows(pictures))
        middle = np.maximum(outer @ params[0], 0).reshape(replicas, batch, 6, 6, -1)
        inner = with_bias(windows(middle))
        places = np.maximum(inner @ params[1], 0)
        mean = with_bias(places.reshape(replicas, batch, 16, -1).mean(axis=2))
        return outer, middle, inner, places, mean, mean @ params[2]
