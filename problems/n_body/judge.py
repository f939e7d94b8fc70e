"""Scores gravity between all pairs by its processor time beside the plain one of the seed."""

import numpy as np
from galapagos_kernels.judging import Judge, Shapes
from galapagos_kernels.roofline import Work
from galapagos_kernels.values import MIXES, floats
from galapagos_timing import Output, require_accuracy

_SOFT = 0.01
_FACTOR = 8.0
"""Of the plain error: with few bodies that is one of a few terms, each of them ten operations long."""


class Gravity:
    """Accelerations of all bodies by all; a shape is (bodies,)."""

    function = "accelerations"
    mixes = MIXES

    def arguments(self, rng, shape, mix):
        bodies = np.empty((*shape, 4), np.float32)
        bodies[:, :3] = floats(rng, (*shape, 3), mix)
        bodies[:, 3] = np.abs(floats(rng, shape))
        return [bodies, Output((*shape, 3), np.float32)]

    def check(self, inputs, outputs):
        exact, scale = _pulled(inputs[0].astype(np.float64))
        require_accuracy(outputs[0], exact, _pulled(inputs[0])[0], scale, _FACTOR)

    def work(self, shape):
        # Each pair once: three differences, their squares and the softening, a root, a product, two divisions, and for either
        # body three products and additions, which take one operation each where they are joined as in a product of matrices.
        pairs = shape[0] * (shape[0] - 1) // 2
        return Work(28 * shape[0], 20 * pairs)


def _pulled(bodies):
    """Accelerations, and the sums of the sizes of their terms; a sum goes from body to body as in a plain program."""
    places, masses = bodies[:, :3], bodies[:, 3]
    apart = [places[:, None, axis] - places[None, :, axis] for axis in range(3)]
    squares = apart[0] * apart[0] + apart[1] * apart[1] + apart[2] * apart[2] + bodies.dtype.type(_SOFT)
    forces = masses[:, None] / (squares * np.sqrt(squares))
    sums, sizes = np.empty_like(places), np.empty_like(places)
    for axis in range(3):
        terms = forces * apart[axis]
        # Down the columns numpy adds one row after another.
        terms.sum(axis=0, out=sums[:, axis])
        np.abs(terms).sum(axis=0, out=sizes[:, axis])
    return sums, sizes


_judge = Judge(
    Gravity(),
    Shapes(
        timed=[[(172, 188)], [(227, 239)]],
        checked=[(1,), (2,), (3,), (7,), (16,), (17,), (31,), (64,), (101,)],
        unseen=[[(120, 130)], [(320, 330)]],
        large=(1_500,),
        drawn=[(100,), (180,), (233,), (400,)],
    ),
)
evaluate, unseen, picture = _judge.evaluate, _judge.unseen, _judge.picture
