"""The tasks on which update rules are compared: seeded instances, hand-written gradients, losses on unseen data.

Every draw hides what a rule could know beforehand: the quadratic's centre and axes, the rotation of the features, the
order of the labels, the widths. All arrays carry a leading axis of replicas; replicas of one seed share
data, start and batch order, so that rates and rules are compared on the same instance.
"""

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

Tensors = list[np.ndarray]
# Rows for training and for judging while one searches, split anew in every draw; and rows that only judge champions.
OPEN, SEALED = "open", "sealed"
TRAIN_SHARE, SEALED_SHARE = 0.5, 0.18
NOISE_ROWS = 1024


@dataclass(frozen=True, slots=True)
class Meta:
    """What a rule may know of a tensor. The last row of a matrix is the bias."""

    kind: str
    shape: tuple[int, ...]
    fan_in: int
    fan_out: int

    def plain(self) -> dict[str, object]:
        """As it travels to the candidate."""
        return {"kind": self.kind, "shape": list(self.shape), "fan_in": self.fan_in, "fan_out": self.fan_out}


class Instances(Protocol):
    """Several seeds of one task. `seeds[r]` says which of them replica r lives on."""

    @property
    def metas(self) -> list[Meta]:
        """What a rule may know of each tensor."""
        ...

    @property
    def start(self) -> Tensors:
        """The parameters at the start, with a leading axis of seeds."""
        ...

    def gradients(self, step: int, params: Tensors, seeds: np.ndarray) -> Tensors:
        """Gradients of the loss on batch `step` (from 0), each of shape (replicas, *tensor)."""
        ...

    def losses(self, params: Tensors, seeds: np.ndarray) -> np.ndarray:
        """Losses on data that no batch contains, shape (replicas,)."""
        ...


class Task(Protocol):
    """A family of instances."""

    @property
    def name(self) -> str:
        """For people, and for curves.json."""
        ...

    def draw(self, rng: np.random.Generator, seeds: int, steps: int, part: str) -> Instances:
        """Draw `seeds` instances with `steps` batches each, judged on `part` of the unseen data."""
        ...


@dataclass(frozen=True, slots=True)
class Data:
    """Features (n, d), labels (n,) or None. The last rows are sealed."""

    features: np.ndarray
    labels: np.ndarray | None
    classes: int

    def split(self, rng: np.random.Generator, part: str) -> tuple[np.ndarray, np.ndarray]:
        """Rows to train on, drawn at random from the open ones, and rows to be judged on, none of them in both."""
        count = len(self.features)
        sealed = round(count * (1 - SEALED_SHARE))
        train, unseen = np.split(rng.permutation(sealed), [round(count * TRAIN_SHARE)])
        return train, np.arange(sealed, count) if part == SEALED else unseen

    def one_hot(self, rng: np.random.Generator, seeds: int) -> np.ndarray:
        """Labels as rows of zeros with a one, their order permuted anew for each seed, shape (seeds, n, classes).

        Raises:
            ValueError: the data have no labels.
        """
        if self.labels is None:
            raise ValueError("expected data with labels")
        rows = np.eye(self.classes, dtype=np.float32)
        return np.stack([rows[rng.permutation(self.classes)[self.labels]] for _ in range(seeds)])


class Quadratic:
    """A noisy quadratic bowl with a condition number of 10^4, rotated, around a hidden centre."""

    name = "quad"
    size, condition, noise = 64, 1e4, 0.03

    def draw(self, rng: np.random.Generator, seeds: int, steps: int, part: str) -> "QuadraticInstances":  # noqa: ARG002 - exact losses: no data to split
        """Exact losses: there is no data to split."""
        size = round(self.size * rng.uniform(0.75, 1.25))
        spectrum = np.logspace(0, -np.log10(self.condition), size, dtype=np.float32)
        axes = np.stack([rotation(rng, size) for _ in range(seeds)])
        centre = rng.standard_normal((seeds, size)).astype(np.float32)
        start = rng.standard_normal((seeds, size)).astype(np.float32)
        noise = self.noise * rng.standard_normal((steps, seeds, size)).astype(np.float32) * np.sqrt(spectrum)
        return QuadraticInstances([Meta("vector", (size,), size, 1)], [start], spectrum, axes, centre, noise)


@dataclass(frozen=True, slots=True)
class QuadraticInstances:
    """Instances of `Quadratic`: loss = ½ Σ spectrum · (axesᵀ (p - centre))²."""

    metas: list[Meta]
    start: Tensors
    spectrum: np.ndarray
    axes: np.ndarray
    centre: np.ndarray
    noise: np.ndarray

    def gradients(self, step: int, params: Tensors, seeds: np.ndarray) -> Tensors:
        """Gradients with noise whose covariance is proportional to the curvature, as in least squares."""
        along = self._along(params[0], seeds) * self.spectrum + self.noise[step][seeds]
        return [np.einsum("rij,rj->ri", self.axes[seeds], along)]

    def losses(self, params: Tensors, seeds: np.ndarray) -> np.ndarray:
        """Noiseless losses."""
        return 0.5 * (self.spectrum * self._along(params[0], seeds) ** 2).sum(axis=1)

    def _along(self, points: np.ndarray, seeds: np.ndarray) -> np.ndarray:
        return np.einsum("rij,ri->rj", self.axes[seeds], points - self.centre[seeds])


@dataclass(frozen=True, slots=True)
class Network:
    """A dense network on given data. `hidden` are mean widths; each draw scales them by 0.75 to 1.25.

    With labels the loss is cross-entropy, without them it is the error of reconstruction relative to the mean square
    of the data. `noise` is the standard deviation of what is added to the features of each batch: with it a few
    hundred rows are enough for training to go on getting better.
    """

    name: str
    data: Data
    hidden: tuple[int, ...]
    smooth: bool
    noise: float = 0.0
    rotate: bool = True
    batch: int = 128

    def draw(self, rng: np.random.Generator, seeds: int, steps: int, part: str) -> "NetworkInstances":
        """Rotate features, permute labels, draw widths, starting weights (He or Glorot normal, biases 0) and batches."""
        data, inputs = self.data, self.data.features.shape[1]
        width = rng.uniform(0.75, 1.25)
        outputs = data.classes or inputs
        sizes = [inputs, *(max(2, round(size * width)) for size in self.hidden), outputs]
        turns = [rotation(rng, inputs) if self.rotate else np.eye(inputs, dtype=np.float32) for _ in range(seeds)]
        features = np.stack([with_bias(data.features @ turn) for turn in turns])
        targets = features[..., :-1]
        if data.labels is not None:
            targets = np.stack([np.eye(outputs, dtype=np.float32)[rng.permutation(outputs)[data.labels]] for _ in turns])
        rows, unseen = data.split(rng, part)
        batches = rng.choice(rows, size=(steps, seeds, self.batch))
        noise = with_bias(self.noise * rng.standard_normal((NOISE_ROWS, inputs), dtype=np.float32))
        noise[:, -1] = 0
        picks = rng.integers(NOISE_ROWS, size=batches.shape)
        gains = [np.sqrt((1.0 if self.smooth else 2.0) / fan_in) for fan_in in sizes[:-1]]
        start: Tensors = []
        for gain, fan_in, fan_out in zip(gains, sizes[:-1], sizes[1:], strict=True):
            weights = gain * rng.standard_normal((seeds, fan_in + 1, fan_out)).astype(np.float32)
            weights[:, -1] = 0
            start.append(weights.astype(np.float32))
        metas = [
            Meta("head" if layer == len(start) - 1 else "hidden", weights.shape[1:], weights.shape[1], weights.shape[2])
            for layer, weights in enumerate(start)
        ]
        return NetworkInstances(
            metas, start, features, targets, batches, noise, picks, unseen, self.smooth, data.labels is not None
        )


@dataclass(frozen=True, slots=True)
class NetworkInstances:
    """Instances of `Network`."""

    metas: list[Meta]
    start: Tensors
    features: np.ndarray
    targets: np.ndarray
    batches: np.ndarray
    noise: np.ndarray
    picks: np.ndarray
    unseen: np.ndarray
    smooth: bool
    classify: bool

    def gradients(self, step: int, params: Tensors, seeds: np.ndarray) -> Tensors:
        """Back-propagation through all layers, averaged over the batch."""
        rows = self.batches[step]
        each = np.arange(len(rows))[:, None]
        seen = self.features[each, rows] + self.noise[self.picks[step]]
        layers = self._forward(params, seen[seeds])
        targets = self.targets[each, rows][seeds]
        error = self._error(layers.pop(), targets)
        gradients: Tensors = [error] * len(params)
        for layer in reversed(range(len(params))):
            values = layers[layer]
            gradients[layer] = values.transpose(0, 2, 1) @ error
            if layer:
                error = error @ params[layer][:, :-1].transpose(0, 2, 1)
                inner = values[..., :-1]
                error *= (1 - inner * inner) if self.smooth else (inner > 0)
        return gradients

    def losses(self, params: Tensors, seeds: np.ndarray) -> np.ndarray:
        """Mean cross-entropy, or mean squared error over the mean square of the targets, on unseen rows."""
        answer = self._forward(params, self.features[:, self.unseen][seeds])[-1]
        targets = self.targets[:, self.unseen][seeds]
        if self.classify:
            answer = answer - answer.max(axis=2, keepdims=True)
            chosen = (answer * targets).sum(axis=2)
            return (np.log(np.exp(answer).sum(axis=2)) - chosen).mean(axis=1)
        return ((answer - targets) ** 2).mean(axis=(1, 2)) / (targets**2).mean(axis=(1, 2))

    def _forward(self, params: Tensors, values: np.ndarray) -> Tensors:
        """The inputs of each layer (with a column of ones), then the output."""
        layers = [values]
        for weights in params[:-1]:
            product = layers[-1] @ weights
            layers.append(with_bias(np.tanh(product) if self.smooth else np.maximum(product, 0)))
        layers.append(layers[-1] @ params[-1])
        return layers

    def _error(self, answer: np.ndarray, targets: np.ndarray) -> np.ndarray:
        count = answer.shape[1]
        if self.classify:
            powers = np.exp(answer - answer.max(axis=2, keepdims=True))
            return (powers / powers.sum(axis=2, keepdims=True) - targets) / np.float32(count)
        return (answer - targets) * np.float32(2 / (count * answer.shape[2]))


class Teacher:
    """Regression of a random network on inputs whose scales span a factor of 100; fresh data for every draw."""

    name = "teacher"
    inputs, hidden, outputs, rows, batch = 24, (32, 16), 4, 1600, 128

    def draw(self, rng: np.random.Generator, seeds: int, steps: int, part: str) -> NetworkInstances:
        """A network with one layer more than the teacher learns from it."""
        scales = np.logspace(0.5, -1.5, self.inputs, dtype=np.float32)
        plain = rng.standard_normal((self.rows, self.inputs)).astype(np.float32)
        data = Data(plain * scales, None, 0)
        student = Network("teacher", data, self.hidden, smooth=True, batch=self.batch).draw(rng, seeds, steps, part)
        hidden = self.hidden[0]
        first = rng.standard_normal((seeds, self.inputs, hidden)).astype(np.float32) / np.sqrt(scales * self.inputs)[:, None]
        second = rng.standard_normal((seeds, hidden, self.outputs)).astype(np.float32) / np.float32(np.sqrt(hidden))
        head = student.start[-1][:, :, : self.outputs]
        return replace(
            student,
            metas=[*student.metas[:-1], Meta("head", head.shape[1:], head.shape[1], self.outputs)],
            start=[*student.start[:-1], head],
            targets=np.tanh(plain * scales @ first) @ second,
        )


def with_bias(values: np.ndarray) -> np.ndarray:
    """Append a column of ones."""
    grown = np.empty((*values.shape[:-1], values.shape[-1] + 1), dtype=np.float32)
    grown[..., :-1] = values
    grown[..., -1] = 1
    return grown


def rotation(rng: np.random.Generator, size: int) -> np.ndarray:
    """A uniformly random orthogonal matrix (QR of a Gaussian matrix, signs of R's diagonal made positive)."""
    turn, triangle = np.linalg.qr(rng.standard_normal((size, size)))
    return (turn * np.sign(np.diag(triangle))).astype(np.float32)
