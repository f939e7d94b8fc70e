"""Scores a search for nearest neighbours by its processor time beside the plain one of the seed."""

import numpy as np
from galapagos_kernels.exactness import require_equal
from galapagos_kernels.judging import Judge, Shapes
from galapagos_kernels.roofline import Work

FAR = 10_000


class Nearest:
    """The k nearest points of each query, nearest first; a shape is (points, queries, dimensions, k)."""

    function = "nearest"
    mixes = ("spread", "crowded", "equal", "far", "clusters")

    def arguments(self, rng, shape, mix):
        points, queries, dimensions, k = shape
        return [_places(rng, (points, dimensions), mix), _places(rng, (queries, dimensions), mix), k]

    def check(self, inputs, outputs):
        points, queries, k = inputs
        to, of = points.astype(np.float64), queries.astype(np.float64)
        # Below 2^53, so doubles hold all of it exactly; the query's own square is the same for all points.
        keys = (to @ (-2.0 * of.T) + (to * to).sum(axis=1)[:, None]) * len(points) + np.arange(len(points))[:, None]
        few = np.sort(np.partition(keys, k - 1, axis=0)[:k], axis=0)
        require_equal(outputs[0], np.ascontiguousarray(np.mod(few, len(points)).T.astype(np.int64)), "indices")

    def work(self, shape):
        points, queries, dimensions, k = shape
        return Work(4 * (points + queries) * dimensions + 8 * queries * k, 2 * points * queries * dimensions)


def _places(rng, shape, mix):
    if mix == "crowded":
        return rng.integers(-2, 3, shape, dtype=np.int32)
    if mix == "equal":
        return np.full(shape, rng.integers(-FAR, FAR), np.int32)
    if mix == "far":
        return rng.choice(np.array([-FAR, FAR], np.int32), shape)
    places = rng.integers(-FAR, FAR, shape, dtype=np.int32, endpoint=True)
    return places // 2500 * 2500 if mix == "clusters" else places


_judge = Judge(
    Nearest(),
    Shapes(
        timed=[[(570, 630), (60, 68), (8, 8), (10, 10)], [(1_450, 1_550), (15, 17), (3, 3), (5, 5)]],
        checked=[(1, 1, 1, 1), (7, 1, 1, 7), (2, 13, 3, 1), (31, 5, 2, 4), (17, 8, 5, 17), (101, 11, 8, 10), (64, 3, 16, 63)],
        unseen=[[(190, 210), (120, 130), (16, 16), (3, 3)], [(3_000, 3_200), (7, 9), (5, 5), (40, 40)]],
        large=(20_000, 40, 12, 60),
        drawn=[(200, 128, 8, 5), (600, 64, 8, 10), (1_500, 16, 3, 5), (4_000, 8, 8, 10)],
    ),
)
evaluate, unseen, picture = _judge.evaluate, _judge.unseen, _judge.picture
