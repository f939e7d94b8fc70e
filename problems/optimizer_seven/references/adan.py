"""Adan (Xie et al. 2022)."""

import numpy as np

LR = 0.01


def init(p: np.ndarray, meta: dict) -> list[np.ndarray]:
    """Means of the gradient, of its change, and of the square of what both foretell; the last gradient."""
    return [np.zeros_like(p), np.zeros_like(p), np.zeros_like(p), np.zeros_like(p)]


def update(p: np.ndarray, g: np.ndarray, state: list[np.ndarray], lr: float, t: int, meta: dict) -> tuple:
    """One step of one tensor."""
    m, d, n, last = state
    change = g - last if t > 1 else np.zeros_like(g)
    m = 0.98 * m + 0.02 * g
    d = 0.92 * d + 0.08 * change
    n = 0.99 * n + 0.01 * (g + 0.92 * change) ** 2
    mean = m / (1 - 0.98**t) + 0.92 * d / (1 - 0.92**t)
    p = p - lr * mean / (np.sqrt(n / (1 - 0.99**t)) + 1e-8)
    return p, [m, d, n, g.copy()]
