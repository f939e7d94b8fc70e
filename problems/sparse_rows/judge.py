"""Scores the product of a sparse matrix and a few vectors by its processor time beside the plain one of the seed."""

import numpy as np
from galapagos_kernels.judging import Judge, Shapes
from galapagos_kernels.roofline import Work
from galapagos_kernels.values import LEAST, MIXES, beside, floats
from galapagos_timing import Output, require_accuracy

_STEEP, _LONGEST = 1.3, 20
"""Lengths of rows fall with this power of their rank; of so many of the longest the order of additions shows in the error."""


class SparseRows:
    """Y = A X, A in compressed rows; a shape is (rows, columns, vectors, values)."""

    function = "multiply"
    mixes = MIXES

    def arguments(self, rng, shape, mix):
        rows, columns, vectors, values = shape
        share = np.arange(1, rows + 1) ** -_STEEP
        lengths = rng.permutation(rng.multinomial(values, share / share.sum()))
        start = np.zeros(rows + 1, np.int64)
        np.cumsum(lengths, out=start[1:])
        column = rng.integers(0, columns, values, dtype=np.int32)
        x = floats(rng, (columns, vectors), beside(mix))
        return [start, column, floats(rng, (values,), mix), x, Output((rows, vectors), np.float32), vectors]

    def check(self, inputs, outputs):
        start, column, value, x = inputs[:4]
        # One row for each vector: numpy is quickest along long rows.
        seen = np.take(np.ascontiguousarray(x.T), column, axis=1)
        terms = seen.astype(np.float64)
        terms *= value
        exact = _sums(start, terms)
        seen *= value
        plain = _plain(start, seen)
        scale = _sums(start, np.abs(terms, out=terms)) + np.diff(start) * LEAST
        require_accuracy(outputs[0], exact.T, plain.T, scale.T)

    def work(self, shape):
        rows, _, vectors, values = shape
        # Not every row of X need be read; all of the matrix must be.
        return Work(8 * (rows + 1) + 8 * values + 4 * rows * vectors, 2 * values * vectors)


def _sums(start, terms):
    sums = np.zeros((len(terms), len(start) - 1), terms.dtype)
    some = np.flatnonzero(np.diff(start))
    sums[:, some] = np.add.reduceat(terms, start[some], axis=1)
    return sums


def _plain(start, terms):
    """Sums in single precision; those of long rows term by term, as a plain program adds them up."""
    sums = _sums(start, terms)
    for row in np.argsort(np.diff(start))[-_LONGEST:]:
        if start[row] < start[row + 1]:
            sums[:, row] = np.cumsum(terms[:, start[row] : start[row + 1]], axis=1)[:, -1]
    return sums


_judge = Judge(
    SparseRows(),
    Shapes(
        timed=[[(950, 1_050), (950, 1_050), (8, 8), (7_700, 8_300)], [(290, 310), (1_400, 1_600), (5, 5), (9_700, 10_300)]],
        checked=[
            (1, 1, 1, 1),
            (5, 1, 2, 3),
            (1, 7, 1, 40),
            (17, 3, 3, 5),
            (31, 37, 1, 101),
            (101, 64, 8, 1009),
            (257, 257, 5, 3001),
        ],
        unseen=[[(3_000, 3_200), (200, 220), (8, 8), (9_000, 9_500)], [(40, 50), (2_000, 2_200), (3, 3), (24_000, 25_000)]],
        large=(20_000, 150_000, 17, 300_000),
        drawn=[(40, 2_000, 8, 12_000), (300, 1_500, 5, 10_000), (1_000, 1_000, 8, 8_000), (1_000, 1_000, 1, 60_000)],
    ),
)
evaluate, unseen, picture = _judge.evaluate, _judge.unseen, _judge.picture
