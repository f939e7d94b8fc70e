"""Scores softmax of rows by its processor time beside the plain one of the seed."""

import numpy as np
from galapagos_kernels.judging import Judge, Shapes
from galapagos_kernels.roofline import Work
from galapagos_kernels.values import MIXES, floats
from galapagos_timing import Output, require_accuracy

_SMALL = 1e-6
"""Share of a row's largest value below which errors are relative to the latter: single precision ends somewhere."""


class Softmax:
    """y = exp(x) over its sum along each row; a shape is (rows, columns)."""

    function = "softmax"
    mixes = (*MIXES, "spiked")

    def arguments(self, rng, shape, mix):
        rows, columns = shape
        values = _spiked(rng, shape) if mix == "spiked" else floats(rng, shape, mix)
        return [values, Output(shape, np.float32), rows, columns]

    def check(self, inputs, outputs):
        x = inputs[0]
        shifted = x - x.max(axis=1, keepdims=True)
        powers = np.exp(shifted)
        # One addition after another, as a plain program does, where np.sum adds up in pairs.
        plain = powers / np.cumsum(powers, axis=1)[:, -1:]
        finer = x.astype(np.float64)
        exact = np.exp(finer - finer.max(axis=1, keepdims=True))
        exact /= exact.sum(axis=1, keepdims=True)
        require_accuracy(outputs[0], exact, plain, exact + _SMALL * exact.max(axis=1, keepdims=True))

    def work(self, shape):
        # At the very least a subtraction, a multiplication for the power, an addition and a division for each value.
        size = shape[0] * shape[1]
        return Work(8 * size, 4 * size)


def _spiked(rng, shape):
    """One value of each row so far above the others that whoever does not subtract just this one gets an infinite power."""
    rows, columns = shape
    values = floats(rng, shape)
    places = rng.integers(0, columns, rows)
    # Loops that begin too late or end too early.
    places[rng.permutation(rows)[:2]] = np.array([0, columns - 1])[:rows]
    values[np.arange(rows), places] = rng.uniform(200, 2000, rows)
    return values


_judge = Judge(
    Softmax(),
    Shapes(
        timed=[[(60, 68), (480, 520)], [(14, 18), (1950, 2050)]],
        checked=[(1, 1), (5, 1), (1, 7), (3, 31), (7, 17), (4, 64), (2, 257), (11, 101)],
        unseen=[[(300, 340), (90, 110)], [(3, 5), (7000, 7500)]],
        large=(1, 2_200_003),
        drawn=[(1000, 16), (64, 500), (16, 2000), (2, 16000)],
    ),
)
evaluate, unseen, picture = _judge.evaluate, _judge.unseen, _judge.picture
