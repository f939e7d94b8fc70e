"""Scores a histogram of bytes by its processor time beside the plain one of the seed."""

import numpy as np
from galapagos_kernels.exactness import require_equal
from galapagos_kernels.judging import Judge, Shapes
from galapagos_kernels.roofline import Work
from galapagos_timing import Output

VALUES = 256


class Histogram:
    """How often each of 256 values is there; a shape is (size,)."""

    function = "histogram"
    mixes = ("skewed", "uniform", "constant", "runs", "ends")

    def arguments(self, rng, shape, mix):
        return [_bytes(rng, shape[0], mix), Output(VALUES, np.uint32)]

    def check(self, inputs, outputs):
        require_equal(outputs[0], np.bincount(inputs[0], minlength=VALUES).astype(np.uint32), "counts")

    def work(self, shape):
        return Work(shape[0] + 4 * VALUES)


def _bytes(rng, size, mix):
    drawn = np.frombuffer(rng.bytes(3 * size), np.uint8).reshape(3, size)
    if mix == "skewed":
        # Every bit is set in one of eight values: a third of all are zero.
        return drawn[0] & drawn[1] & drawn[2]
    if mix == "constant":
        return np.full(size, drawn[0, 0])
    if mix == "runs":
        return np.repeat(drawn[0], 1 + drawn[1] % 40)[:size]
    if mix == "ends":
        return np.where(drawn[0] < 128, np.uint8(0), np.uint8(VALUES - 1))
    return drawn[0]


_judge = Judge(
    Histogram(),
    Shapes(
        timed=[[(240_000, 260_000)], [(115_000, 125_000)]],
        checked=[(size,) for size in (1, 2, 3, 7, 16, 17, 31, 64, 101, 255, 256, 257, 1009, 4096, 65_537, 300_007)],
        unseen=[[(60_000, 70_000)], [(390_000, 400_000)]],
        large=(9_000_011,),
        drawn=[(30_000,), (64_000,), (120_011,), (250_000,)],
    ),
)
evaluate, unseen, picture = _judge.evaluate, _judge.unseen, _judge.picture
