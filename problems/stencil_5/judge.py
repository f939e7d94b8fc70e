"""Scores ten steps of a five-point stencil by their processor time beside the plain ones of the seed."""

import numpy as np
from galapagos_kernels.judging import Judge, Shapes
from galapagos_kernels.roofline import Work
from galapagos_kernels.values import MIXES, floats
from galapagos_timing import Output, require_accuracy

STEPS = 10


class Stencil:
    """Ten steps of 0.2 times a cell and its four neighbours, borders fixed; a shape is (height, width)."""

    function = "stencil"
    mixes = MIXES

    def arguments(self, rng, shape, mix):
        return [floats(rng, shape, mix), Output(shape, np.float32), *shape]

    def check(self, inputs, outputs):
        x = inputs[0]
        exact = _after(x.astype(np.float64), np.float64(0.2))
        plain, scale = _after(np.stack([x, np.abs(x)]), np.float32(0.2))
        require_accuracy(outputs[0], exact, plain, scale.astype(np.float64))

    def work(self, shape):
        height, width = shape
        inner = max(0, height - 2) * max(0, width - 2)
        return Work(8 * height * width, 5 * STEPS * inner)


def _after(grids, fifth):
    """Grids after all steps, in the precision that they have; the last two axes are height and width."""
    for _ in range(STEPS):
        inner = grids[..., 1:-1, 1:-1] + grids[..., 1:-1, :-2]
        inner += grids[..., 1:-1, 2:]
        inner += grids[..., :-2, 1:-1]
        inner += grids[..., 2:, 1:-1]
        inner *= fifth
        grids = grids.copy()
        grids[..., 1:-1, 1:-1] = inner
    return grids


_judge = Judge(
    Stencil(),
    Shapes(
        timed=[[(92, 100), (124, 132)], [(59, 63), (199, 207)]],
        checked=[(1, 1), (1, 9), (2, 2), (7, 1), (3, 3), (3, 17), (19, 3), (16, 16), (31, 37), (23, 101)],
        unseen=[[(17, 19), (600, 700)], [(300, 340), (37, 41)]],
        large=(1_500, 1_700),
        drawn=[(96, 128), (61, 203), (18, 650), (160, 160)],
    ),
)
evaluate, unseen, picture = _judge.evaluate, _judge.unseen, _judge.picture
