"""Scores a matrix product in single precision by its processor time beside the plain one of the seed."""

import numpy as np
from galapagos_kernels.judging import Judge, Shapes
from galapagos_kernels.roofline import Work
from galapagos_kernels.values import MIXES, floats
from galapagos_timing import Output, require_accuracy


class Product:
    """c = a b, with a of n x k values and b of k x m; a shape is (n, k, m)."""

    function = "matmul"
    mixes = MIXES

    def arguments(self, rng, shape, mix):
        n, k, m = shape
        # Where all products were equal, their rounding would go one way, and sums in another order be much more exact.
        other = "normal" if mix == "constant" else mix
        return [floats(rng, (n, k), mix), floats(rng, (k, m), other), Output((n, m), np.float32), n, k, m]

    def check(self, inputs, outputs):
        a, b = inputs[:2]
        left, right = a.astype(np.float64), b.astype(np.float64)
        require_accuracy(outputs[0], left @ right, a @ b, np.abs(left) @ np.abs(right))

    def work(self, shape):
        n, k, m = shape
        return Work(4 * (n * k + k * m + n * m), 2 * n * k * m)


_judge = Judge(
    Product(),
    Shapes(
        timed=[[(88, 104), (120, 136), (152, 168)], [(127, 137), (73, 83), (195, 211)]],
        checked=[(1, 1, 1), (1, 7, 1), (3, 1, 5), (2, 31, 17), (13, 5, 67), (16, 16, 16), (37, 64, 33), (61, 53, 59)],
        unseen=[[(61, 67), (240, 263), (29, 37)], [(17, 23), (17, 23), (500, 520)]],
        drawn=[(64, 64, 64), (96, 128, 160), (131, 77, 203), (160, 160, 160)],
    ),
)
evaluate, unseen, picture = _judge.evaluate, _judge.unseen, _judge.picture
