"""Momentum over gradients of unit root mean square."""

import numpy as np

LR = 0.03


def init(p: np.ndarray, meta: dict) -> list[np.ndarray]:
    """Two buffers, of which not every rule makes use."""
    return [np.zeros_like(p), np.zeros_like(p)]


def update(p: np.ndarray, g: np.ndarray, state: list[np.ndarray], lr: float, t: int, meta: dict) -> tuple:
    """One step of one tensor."""
    m, v = state
    m = 0.9 * m + g / (np.sqrt(np.mean(g * g)) + 1e-8)
    p = p - lr * m
    return p, [m, v]
