"""Lion (Chen et al. 2023)."""

import numpy as np

LR = 0.001


def init(p: np.ndarray, meta: dict) -> list[np.ndarray]:
    """Two buffers, of which not every rule makes use."""
    return [np.zeros_like(p), np.zeros_like(p)]


def update(p: np.ndarray, g: np.ndarray, state: list[np.ndarray], lr: float, t: int, meta: dict) -> tuple:
    """One step of one tensor."""
    m, v = state
    p = p - lr * (np.sign(0.9 * m + 0.1 * g) + 0.01 * p)
    m = 0.99 * m + 0.01 * g
    return p, [m, v]
