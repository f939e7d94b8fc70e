"""AdamW with usual settings; 5 % warm-up, then constant, the last fifth a line to 0 (Hu et al. 2024)."""

import numpy as np

LR = 0.01


def factor(t: int, total: int) -> float:
    """Share of the peak rate at step t of total, counted from 1."""
    return min(1.0, t / max(1.0, 0.05 * total)) * min(1.0, 5 * (1 - t / (total + 1)))


def init(p: np.ndarray, meta: dict) -> list[np.ndarray]:
    """Means of the gradient and of its square."""
    return [np.zeros_like(p), np.zeros_like(p)]


def update(p: np.ndarray, g: np.ndarray, state: list[np.ndarray], lr: float, t: int, total: int, meta: dict) -> tuple:
    """One step of one tensor."""
    m, v = state
    m = 0.9 * m + 0.1 * g
    v = 0.99 * v + 0.01 * g * g
    p = p - lr * ((m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.99**t)) + 1e-8) + 0.01 * p)
    return p, [m, v]
