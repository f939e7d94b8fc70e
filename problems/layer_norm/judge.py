"""Scores a residual with layer normalisation and GELU by its processor time beside the plain one of the seed."""

import numpy as np
from galapagos_kernels.exactness import require_equal
from galapagos_kernels.judging import Judge, Shapes
from galapagos_kernels.roofline import Work
from galapagos_kernels.values import MIXES, floats
from galapagos_timing import Output, require_accuracy

_LEAST_VARIANCE = 1e-5
_STEEP = 1.702
"""GELU as z times the logistic function of 1.702 z: Hendrycks and Gimpel, arXiv 1606.08415."""


class LayerNorm:
    """s = x + r; y = GELU of gain (s - mean) / sqrt(variance + 1e-5) + shift along each row; a shape is (rows, columns)."""

    function = "layer_norm"
    mixes = MIXES

    def arguments(self, rng, shape, mix):
        rows, columns = shape
        gain, shift = floats(rng, (columns,)), floats(rng, (columns,))
        outputs = [Output(shape, np.float32), Output(shape, np.float32)]
        return [floats(rng, shape, mix), floats(rng, shape, mix), gain, shift, *outputs, rows, columns]

    def check(self, inputs, outputs):
        x, r, gain, shift = inputs[:4]
        total = x + r
        require_equal(outputs[0], total, "s = x + r")
        sums = total.astype(np.float64)
        mean = sums.mean(axis=1, keepdims=True)
        inverse = 1 / np.sqrt(sums.var(axis=1, keepdims=True) + _LEAST_VARIANCE)
        exact = _gelu(gain * (sums - mean) * inverse + shift, _STEEP)
        # What is subtracted from one another, and added: where a row is constant only rounding is left of it. GELU is no
        # steeper than 1.1.
        sizes = np.abs(sums)
        scale = np.abs(gain) * (sizes + sizes.mean(axis=1, keepdims=True)) * inverse + np.abs(shift)
        require_accuracy(outputs[1], exact, _plain(total, gain, shift), scale)

    def work(self, shape):
        # An addition, two for the mean and the variance each, two to scale and shift, and three for the power and a division.
        size = shape[0] * shape[1]
        return Work(16 * size, 10 * size)


def _plain(total, gain, shift):
    """In single precision, sums by one addition after another."""
    columns = np.float32(total.shape[1])
    centred = total - np.cumsum(total, axis=1)[:, -1:] / columns
    variance = np.cumsum(centred * centred, axis=1)[:, -1:] / columns
    scaled = centred / np.sqrt(variance + np.float32(_LEAST_VARIANCE)) * gain + shift
    return _gelu(scaled, np.float32(_STEEP))


def _gelu(z, steep):
    with np.errstate(over="ignore"):
        return z / (1 + np.exp(-steep * z))


_judge = Judge(
    LayerNorm(),
    Shapes(
        timed=[[(44, 52), (500, 530)], [(18, 22), (1150, 1250)]],
        checked=[(1, 1), (5, 1), (1, 7), (3, 31), (7, 17), (4, 64), (2, 257), (11, 101)],
        unseen=[[(240, 260), (90, 110)], [(3, 5), (5000, 5500)]],
        large=(1, 2_200_003),
        drawn=[(500, 32), (48, 512), (20, 1200), (3, 8000)],
    ),
)
evaluate, unseen, picture = _judge.evaluate, _judge.unseen, _judge.picture
