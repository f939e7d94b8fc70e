"""Names the first points."""

import numpy as np


def nearest(points: np.ndarray, queries: np.ndarray, k: int) -> np.ndarray:
    return np.tile(np.arange(k), (len(queries), 1))
