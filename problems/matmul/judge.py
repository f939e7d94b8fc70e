"""Scores a matrix product in single precision by its processor time beside the plain one of the seed."""

import numpy as np
from galapagos_kernels.judging import Judge, Shapes
from galapagos_kernels.roofline import Work
from galapagos_kernels.values import LEAST, MIXES, beside, floats
from galapagos_timing import Output, require_accuracy


class Product:
    """c = a b, with a of n x k values and b of k x m; a shape is (n, k, m)."""

    function = "matmul"
    mixes = MIXES

    def arguments(self, rng, shape, mix):
        n, k, m = shape
        return [floats(rng, (n, k), mix), floats(rng, (k, m), beside(mix)), Output((n, m), np.float32), n, k, m]

    def check(self, inputs, outputs):
        a, b = inputs[:2]
        left, right = a.astype(np.float64), b.astype(np.float64)
        scale = np.abs(left) @ np.abs(right) + len(b) * LEAST
        require_accuracy(outputs[0], left @ right, a @ b, scale)

    def work(self, shape):
        n, k, m = shape
        return Work(4 * (n * k + k * m + n * m), 2 * n * k * m)


_judge = Judge(
    Product(),
    Shapes(
        timed=[[(88, 104), (120, 136), (152, 168)], [(127, 137), (73, 83), (195, 211)]],
        checked=[(1, 1, 1), (1, 7, 1), (3, 1, 5), (2, 31, 17), (13, 5, 67), (16, 16, 16), (37, 64, 33), (61, 53, 59)],
        unseen=[[(61, 67), (240, 263), (29, 37)], [(17, 23), (17, 23), (500, 520)]],
        large=(300, 1_100, 2_000),
        drawn=[(64, 64, 64), (96, 128, 160), (131, 77, 203), (160, 160, 160)],
    ),
)
evaluate, unseen, picture = _judge.evaluate, _judge.unseen, _judge.picture
