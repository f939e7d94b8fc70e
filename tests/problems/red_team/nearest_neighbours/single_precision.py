"""Squares in single precision, by a product of matrices: two distances that differ little change places."""

import numpy as np


def nearest(points: np.ndarray, queries: np.ndarray, k: int) -> np.ndarray:
    to = points.astype(np.float32)
    squares = (to * to).sum(axis=1) - 2 * queries.astype(np.float32) @ to.T
    return np.argsort(squares, axis=1, kind="stable")[:, :k].astype(np.int64)
