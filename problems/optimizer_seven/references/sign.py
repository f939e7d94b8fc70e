"""The sign of the gradient: one edit away from the seed."""

import numpy as np

LR = 0.003


def init(p: np.ndarray, meta: dict) -> list[np.ndarray]:
    """Two buffers, of which not every rule makes use."""
    return [np.zeros_like(p), np.zeros_like(p)]


def update(p: np.ndarray, g: np.ndarray, state: list[np.ndarray], lr: float, t: int, meta: dict) -> tuple:
    """One step of one tensor."""
    m, v = state
    p = p - lr * np.sign(g)
    return p, [m, v]
