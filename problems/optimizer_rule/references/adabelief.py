"""AdaBelief (Zhuang et al. 2020)."""

import numpy as np

LR = 0.01


def init(p: np.ndarray, meta: dict) -> list[np.ndarray]:
    """Mean of the gradient, and mean square of its distance from that mean."""
    return [np.zeros_like(p), np.zeros_like(p)]


def update(p: np.ndarray, g: np.ndarray, state: list[np.ndarray], lr: float, t: int, meta: dict) -> tuple:
    """One step of one tensor."""
    m, s = state
    m = 0.9 * m + 0.1 * g
    s = 0.99 * s + 0.01 * (g - m) ** 2 + 1e-16
    p = p - lr * (m / (1 - 0.9**t)) / (np.sqrt(s / (1 - 0.99**t)) + 1e-8)
    return p, [m, s]
