"""Scores a convolution with 3 x 3 filters by its processor time beside the plain one of the seed."""

import numpy as np
from galapagos_kernels.judging import Judge, Shapes
from galapagos_kernels.roofline import Work
from galapagos_kernels.values import LEAST, MIXES, beside, floats
from galapagos_timing import Output, require_accuracy

SIDE = 3


class Convolution:
    """y[o] = sum over c of w[o, c] * x[c], zero outside; a shape is (inputs, outputs, height, width)."""

    function = "convolve"
    mixes = MIXES

    def arguments(self, rng, shape, mix):
        inputs, outputs, height, width = shape
        filters = floats(rng, (outputs, inputs, SIDE, SIDE), beside(mix))
        return [floats(rng, (inputs, height, width), mix), filters, Output((outputs, height, width), np.float32), *shape]

    def check(self, inputs, outputs):
        x, w = inputs[:2]
        finer, filters = _patches(x.astype(np.float64)), w.reshape(len(w), -1)
        shape = (len(w), *x.shape[1:])
        exact = (filters.astype(np.float64) @ finer).reshape(shape)
        scale = (np.abs(filters.astype(np.float64)) @ np.abs(finer)).reshape(shape) + filters.shape[1] * LEAST
        require_accuracy(outputs[0], exact, (filters @ _patches(x)).reshape(shape), scale)

    def work(self, shape):
        inputs, outputs, height, width = shape
        # Terms beyond the border need not be computed.
        terms = inputs * outputs * (SIDE * height - 2) * (SIDE * width - 2)
        return Work(4 * ((inputs + outputs) * height * width + inputs * outputs * SIDE**2), 2 * terms)


def _patches(x):
    """What each place of the image sees, one column for each: a matrix of 9 channels x places."""
    channels, height, width = x.shape
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1)))
    seen = np.stack([padded[:, u : u + height, v : v + width] for u in range(SIDE) for v in range(SIDE)], axis=1)
    return seen.reshape(channels * SIDE**2, height * width)


_judge = Judge(
    Convolution(),
    Shapes(
        timed=[[(4, 4), (8, 8), (30, 34), (38, 42)], [(6, 6), (6, 6), (35, 39), (29, 33)]],
        checked=[(1, 1, 1, 1), (2, 1, 1, 5), (1, 3, 7, 1), (3, 2, 2, 2), (1, 5, 3, 17), (5, 3, 11, 16), (3, 7, 13, 37)],
        unseen=[[(3, 3), (13, 13), (17, 19), (50, 56)], [(11, 11), (3, 3), (61, 67), (15, 17)]],
        large=(24, 20, 130, 1_000),
        drawn=[(1, 8, 48, 48), (4, 8, 32, 40), (6, 6, 37, 31), (16, 16, 14, 14)],
    ),
)
evaluate, unseen, picture = _judge.evaluate, _judge.unseen, _judge.picture
