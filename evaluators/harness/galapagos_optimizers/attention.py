"""Small networks with attention: pictures cut into patches, and a language of which the true probabilities are known."""

from dataclasses import dataclass

import numpy as np
from galapagos_optimizers.tasks import Data, Meta, Tensors, with_bias

EPSILON = 1e-5
SMALL = np.float32(1e-30)


@dataclass(slots=True)
class Passed:
    """What a forward pass leaves for the way back. Rows of all positions stand below each other: (replicas, rows, width)."""

    inputs: np.ndarray
    first: "Normed"
    query: np.ndarray
    key: np.ndarray
    value: np.ndarray
    weights: np.ndarray
    mixed: np.ndarray
    second: "Normed"
    inner: np.ndarray
    third: "Normed"
    answer: np.ndarray


@dataclass(frozen=True, slots=True)
class Normed:
    """Rows over their root mean square, with a column of ones; `scale` is what they were multiplied by."""

    rows: np.ndarray
    scale: np.ndarray

    @staticmethod
    def of(rows: np.ndarray) -> "Normed":
        """Normalise."""
        scale = 1 / np.sqrt((rows * rows).mean(axis=-1, keepdims=True) + EPSILON)
        return Normed(with_bias(rows * scale), scale)

    def back(self, slope: np.ndarray) -> np.ndarray:
        """The slope before the normalisation, from that behind it (without the column of ones)."""
        rows = self.rows[..., :-1]
        return self.scale * (slope - rows * (slope * rows).mean(axis=-1, keepdims=True))


@dataclass(frozen=True, slots=True)
class Block:
    """One block of a transformer of width `width` over `length` positions, with an embedding before and a head behind.

    `causal`: a position sees itself and those before it, and each has an answer; else their mean has one.
    """

    length: int
    inputs: int
    width: int
    inner: int
    outputs: int
    causal: bool

    def start(self, rng: np.random.Generator, seeds: int) -> Tensors:
        """Normal weights of variance 1 / inputs, positions 0.4 of a standard normal, biases 0; the head starts small."""
        width = self.width
        sizes = [(self.inputs, width), *[(width, width)] * 4, (width, self.inner), (self.inner, width), (width, self.outputs)]
        tensors: Tensors = [(0.4 * rng.standard_normal((seeds, self.length * width))).astype(np.float32)]
        for fan_in, fan_out in sizes:
            weights = rng.standard_normal((seeds, fan_in + 1, fan_out)) * np.sqrt(1 / fan_in)
            weights[:, -1] = 0
            tensors.append(weights.astype(np.float32))
        tensors[-1] *= np.float32(0.3)
        return tensors

    def metas(self, start: Tensors) -> list[Meta]:
        """Positions are a vector, the rest matrices."""
        size = start[0].shape[1]
        matrices = [tensor.shape[1:] for tensor in start[1:]]
        kinds = [*["hidden"] * (len(matrices) - 1), "head"]
        return [
            Meta("vector", (size,), size, 1),
            *(Meta(kind, shape, shape[0], shape[1]) for kind, shape in zip(kinds, matrices, strict=True)),
        ]

    def forward(self, params: Tensors, inputs: np.ndarray) -> Passed:
        """`inputs` of shape (replicas, batch, length, inputs)."""
        positions, embed, query, key, value, out, widen, narrow, head = params
        replicas, batch = inputs.shape[:2]
        flat = with_bias(inputs.reshape(replicas, -1, self.inputs))
        rows = flat @ embed + np.tile(positions.reshape(replicas, self.length, self.width), (1, batch, 1))
        first = Normed.of(rows)
        turned = [self._by_picture(first.rows @ matrix) for matrix in (query, key, value)]
        weights = self._weights(turned[0], turned[1])
        mixed = with_bias((weights @ turned[2]).reshape(replicas, -1, self.width))
        rows = rows + mixed @ out
        second = Normed.of(rows)
        inner = with_bias(np.maximum(second.rows @ widen, 0))
        third = Normed.of(rows + inner @ narrow)
        answer = self._pooled(third.rows) @ head
        return Passed(flat, first, turned[0], turned[1], turned[2], weights, mixed, second, inner, third, answer)

    def backward(self, params: Tensors, passed: Passed, error: np.ndarray) -> Tensors:
        """Gradients of all tensors from the slope at the answers."""
        _, _, query, key, value, out, widen, narrow, head = params
        slope = self._spread(error @ _weights_of(head), passed.third.rows.shape[1])
        rows = passed.third.back(slope)
        inner = (rows @ _weights_of(narrow)) * (passed.inner[..., :-1] > 0)
        below = rows + passed.second.back(inner @ _weights_of(widen))
        mixed = self._by_picture(below @ _weights_of(out))
        weights = mixed @ passed.value.swapaxes(-1, -2)
        scores = passed.weights * (weights - (weights * passed.weights).sum(axis=-1, keepdims=True))
        scores *= np.float32(self.width**-0.5)
        turned = [scores @ passed.key, scores.swapaxes(-1, -2) @ passed.query, passed.weights.swapaxes(-1, -2) @ mixed]
        flat = [slopes.reshape(below.shape) for slopes in turned]
        seen = sum(
            (slopes @ _weights_of(matrix) for slopes, matrix in zip(flat, (query, key, value), strict=True)), np.float32(0)
        )
        bottom = below + passed.first.back(np.asarray(seen))
        replicas = len(bottom)
        positions = bottom.reshape(replicas, -1, self.length * self.width).sum(axis=1)
        first = passed.first.rows.swapaxes(-1, -2)
        return [
            positions,
            passed.inputs.swapaxes(-1, -2) @ bottom,
            *(first @ slopes for slopes in flat),
            passed.mixed.swapaxes(-1, -2) @ below,
            passed.second.rows.swapaxes(-1, -2) @ inner,
            passed.inner.swapaxes(-1, -2) @ rows,
            self._pooled(passed.third.rows).swapaxes(-1, -2) @ error,
        ]

    def _by_picture(self, rows: np.ndarray) -> np.ndarray:
        return rows.reshape(len(rows), -1, self.length, self.width)

    def _weights(self, query: np.ndarray, key: np.ndarray) -> np.ndarray:
        scores = query @ key.swapaxes(-1, -2) * np.float32(self.width**-0.5)
        if self.causal:
            scores = np.where(np.tri(self.length, dtype=bool), scores, np.float32(-1e9))
        powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
        return powers / powers.sum(axis=-1, keepdims=True)

    def _pooled(self, rows: np.ndarray) -> np.ndarray:
        return rows if self.causal else rows.reshape(len(rows), -1, self.length, rows.shape[-1]).mean(axis=2)

    def _spread(self, slope: np.ndarray, rows: int) -> np.ndarray:
        return slope if self.causal else np.repeat(slope / np.float32(self.length), rows // slope.shape[1], axis=1)


def _weights_of(matrix: np.ndarray) -> np.ndarray:
    """Transposed, without the row of biases."""
    return matrix[:, :-1].swapaxes(-1, -2)


def softmax_error(answer: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """The slope of the mean cross-entropy at the answers."""
    powers = np.exp(answer - answer.max(axis=-1, keepdims=True))
    return (powers / powers.sum(axis=-1, keepdims=True) - targets) / np.float32(answer.shape[1])


def cross_entropies(answer: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Mean cross-entropy of each replica."""
    answer = answer - answer.max(axis=-1, keepdims=True)
    return (np.log(np.exp(answer).sum(axis=-1)) - (answer * targets).sum(axis=-1)).mean(axis=-1)


@dataclass(frozen=True, slots=True)
class Patches:
    """Digits cut into 16 patches of 2 x 2, in an order and with labels that each draw permutes."""

    data: Data
    name: str = "vit"
    width: int = 16
    inner: int = 32
    batch: int = 32
    noise: float = 0.5

    def draw(self, rng: np.random.Generator, seeds: int, steps: int, part: str) -> "BlockInstances":
        """Draw widths, orders, labels, rows, noise and starting weights."""
        data = self.data
        width = max(4, round(self.width * rng.uniform(0.75, 1.25)))
        block = Block(16, 4, width, 2 * width, data.classes, causal=False)
        cut = data.features.reshape(-1, 4, 2, 4, 2).swapaxes(2, 3).reshape(-1, 16, 4)
        signs = rng.choice(np.array([-1, 1], np.float32), (seeds, 16, 4))
        orders = [rng.permutation(16) for _ in range(seeds)]
        inputs = np.stack([cut[:, order] * sign for order, sign in zip(orders, signs, strict=True)])
        targets = data.one_hot(rng, seeds)
        rows, unseen = data.split(rng, part)
        picks = rng.choice(rows, size=(steps, seeds, self.batch))
        noise = self.noise * rng.standard_normal((64, self.batch, 16, 4), dtype=np.float32)
        start = block.start(rng, seeds)
        return BlockInstances(block.metas(start), start, block, inputs, targets, picks, noise, unseen[:320])


@dataclass(frozen=True, slots=True)
class BlockInstances:
    """Instances of `Patches`."""

    metas: list[Meta]
    start: Tensors
    block: Block
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
        passed = self.block.forward(params, seen)
        return self.block.backward(params, passed, softmax_error(passed.answer, self.targets[each, rows][seeds]))

    def losses(self, params: Tensors, seeds: np.ndarray) -> np.ndarray:
        """Mean cross-entropies on unseen rows."""
        passed = self.block.forward(params, self.inputs[:, self.unseen][seeds])
        return cross_entropies(passed.answer, self.targets[:, self.unseen][seeds])


@dataclass(frozen=True, slots=True)
class Language:
    """Texts of a random language, in which the two last words decide on the next; the loss is what exceeds its entropy."""

    name: str = "lm"
    words: int = 12
    length: int = 12
    width: int = 16
    batch: int = 32

    def draw(self, rng: np.random.Generator, seeds: int, steps: int, part: str) -> "LanguageInstances":  # noqa: ARG002 - texts never end: no data to split
        """Draw languages, texts for all steps and for judging, widths, and starting weights."""
        width = max(4, round(self.width * rng.uniform(0.75, 1.25)))
        block = Block(self.length, self.words, width, 2 * width, self.words, causal=True)
        shape = (seeds, self.words, self.words)
        # A word follows from the last one, and less from the one before it.
        logits = 1.5 * rng.standard_normal((seeds, 1, self.words, self.words)) + rng.standard_normal((*shape, self.words))
        table = np.exp(logits)
        table = (table / table.sum(axis=-1, keepdims=True)).astype(np.float32)
        texts = self._texts(rng, table, steps * self.batch).reshape(seeds, steps, self.batch, -1)
        start = block.start(rng, seeds)
        return LanguageInstances(block.metas(start), start, block, table, texts, self._texts(rng, table, 128))

    def _texts(self, rng: np.random.Generator, table: np.ndarray, count: int) -> np.ndarray:
        """Texts of length + 1 words, shape (seeds, count, length + 1)."""
        seeds = len(table)
        sums = table.cumsum(axis=-1)
        each = np.arange(seeds)[:, None]
        texts = rng.integers(self.words, size=(seeds, count, self.length + 1))
        for place in range(2, self.length + 1):
            chances = sums[each, texts[..., place - 2], texts[..., place - 1]]
            texts[..., place] = (rng.random((seeds, count, 1)) > chances[..., :-1]).sum(axis=-1)
        return texts


@dataclass(frozen=True, slots=True)
class LanguageInstances:
    """Instances of `Language`."""

    metas: list[Meta]
    start: Tensors
    block: Block
    table: np.ndarray
    texts: np.ndarray
    judged: np.ndarray

    def gradients(self, step: int, params: Tensors, seeds: np.ndarray) -> Tensors:
        """Gradients of the mean cross-entropy of the words that follow; the first has no two before it and does not count."""
        texts = self.texts[:, step][seeds]
        passed = self.block.forward(params, self._inputs(texts))
        targets = np.eye(self.block.outputs, dtype=np.float32)[texts[..., 1:]].reshape(*passed.answer.shape)
        error = softmax_error(passed.answer, targets)
        error.reshape(len(seeds), -1, self.block.length, self.block.outputs)[:, :, 0] = 0
        return self.block.backward(params, passed, error)

    def losses(self, params: Tensors, seeds: np.ndarray) -> np.ndarray:
        """Mean divergence of what is foretold from the language's own probabilities."""
        texts = self.judged[seeds]
        answer = self.block.forward(params, self._inputs(texts)).answer
        answer = answer - answer.max(axis=-1, keepdims=True)
        foretold = answer - np.log(np.exp(answer).sum(axis=-1, keepdims=True))
        foretold = foretold.reshape(len(seeds), -1, self.block.length, self.block.outputs)[:, :, 1:]
        true = self.table[seeds][np.arange(len(seeds))[:, None, None], texts[..., :-2], texts[..., 1:-1]]
        return (true * (np.log(true + SMALL) - foretold)).sum(axis=-1).mean(axis=(1, 2))

    def _inputs(self, texts: np.ndarray) -> np.ndarray:
        return np.eye(self.block.inputs, dtype=np.float32)[texts[..., :-1]]
