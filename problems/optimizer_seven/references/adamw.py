"""AdamW with usual settings."""

import numpy as np

LR = 0.01


def init(p: np.ndarray, meta: dict) -> list[np.ndarray]:
    """Two buffers, of which not every rule makes use."""
    return [np.zeros_like(p), np.zeros_like(p)]


def update(p: np.ndarray, g: np.ndarray, state: list[np.ndarray], lr: float, t: int, meta: dict) -> tuple:
    """One step of one tensor."""
    m, v = state
    m = 0.9 * m + 0.1 * g
    v = 0.99 * v + 0.01 * g * g
    p = p - lr * ((m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.99**t)) + 1e-8) + 0.01 * p)
    return p, [m, v]
