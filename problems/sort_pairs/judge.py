"""Scores sorting of pairs by its processor time beside the radix sort with small digits of the seed."""

import numpy as np
from galapagos_judge import Rejected
from galapagos_kernels.exactness import require_equal
from galapagos_kernels.judging import Judge, Shapes
from galapagos_kernels.roofline import Work
from galapagos_timing import InPlace

HIGHEST = 2**32 - 1


class Pairs:
    """Pairs sorted by key, stable; a shape is (size,). A value is the pair's first place, encoded by a mask."""

    function = "sort_pairs"
    mixes = ("random", "few", "constant", "ascending", "descending", "high", "low")

    def arguments(self, rng, shape, mix):
        size = shape[0]
        mask = rng.integers(0, HIGHEST, dtype=np.uint32, endpoint=True)
        values = np.arange(size, dtype=np.uint32) ^ mask
        return [InPlace(_keys(rng, size, mix)), InPlace(values)]

    def check(self, inputs, outputs):
        before, given = inputs
        keys, values = outputs
        # Values are different, so that they tell which pair stands where: nothing has to be sorted here.
        places = values ^ given[0]
        if places.size and places.max() >= places.size:
            raise Rejected("expected the same pairs in another order; a value is there that was not")
        require_equal(np.bincount(places, minlength=places.size), np.ones(places.size, np.intp), "how often each pair is there")
        require_equal(values, given[places], "values")
        require_equal(keys, before[places], "keys beside their values")
        later, earlier = keys[1:], keys[:-1]
        if (later < earlier).any():
            raise Rejected("expected ascending keys; one is smaller than the one before")
        if ((later == earlier) & (places[1:] < places[:-1])).any():
            raise Rejected("expected pairs with equal keys to keep their order; two changed places")

    def work(self, shape):
        return Work(16 * shape[0])


def _keys(rng, size, mix):
    keys = rng.integers(0, HIGHEST, size, dtype=np.uint32, endpoint=True)
    if mix == "few":
        return keys % np.uint32(5) * np.uint32(0x10010001)
    if mix == "constant":
        return np.full(size, keys[0])
    if mix in ("ascending", "descending"):
        keys.sort()
        return keys if mix == "ascending" else keys[::-1].copy()
    if mix == "high":
        return keys | np.uint32(0xFFFF0000)
    return keys & np.uint32(0xFF) if mix == "low" else keys


_judge = Judge(
    Pairs(),
    Shapes(
        timed=[[(19_000, 21_000)], [(4_900, 5_100)]],
        checked=[(size,) for size in (1, 2, 3, 7, 16, 17, 31, 64, 101, 255, 256, 257, 1009, 4096)],
        unseen=[[(9_000, 10_000)], [(40_000, 42_000)]],
        large=(2_500_009,),
        drawn=[(2_000,), (5_003,), (20_000,), (60_000,)],
    ),
)
evaluate, unseen, picture = _judge.evaluate, _judge.unseen, _judge.picture
