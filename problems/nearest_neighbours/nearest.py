"""The nearest points of each query. Only the block may change."""

import numpy as np


# EVOLVE-BLOCK-START
def nearest(points: np.ndarray, queries: np.ndarray, k: int) -> np.ndarray:
    found = np.zeros((len(queries), k), np.int64)
    for row, query in enumerate(queries):
        apart = points.astype(np.int64) - query
        squares = (apart * apart).sum(axis=1)
        found[row] = np.argsort(squares, kind="stable")[:k]
    return found


# EVOLVE-BLOCK-END
