"""ADOPT (Taniguchi et al. 2024) with clipping; its second beta is that of adamw.py, for runs of 100 steps."""

import numpy as np

LR = 0.01


def init(p: np.ndarray, meta: dict) -> list[np.ndarray]:
    """Mean of the normalised gradient, and mean square of the gradients before this one."""
    return [np.zeros_like(p), np.zeros_like(p)]


def update(p: np.ndarray, g: np.ndarray, state: list[np.ndarray], lr: float, t: int, meta: dict) -> tuple:
    """One step of one tensor; the first one only looks."""
    m, v = state
    if t == 1:
        return p, [m, g * g]
    bound = (t - 1) ** 0.25
    m = 0.9 * m + 0.1 * np.clip(g / np.maximum(np.sqrt(v), 1e-6), -bound, bound)
    v = 0.99 * v + 0.01 * g * g
    return p - lr * m, [m, v]
