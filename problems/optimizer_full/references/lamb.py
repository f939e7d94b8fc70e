"""LAMB (You et al. 2019): AdamW's step of each tensor as long as the tensor, times the rate."""

import numpy as np

LR = 0.03


def init(params: list[np.ndarray], metas: list[dict]) -> list[list[np.ndarray]]:
    """Means of the gradient and of its square."""
    return [[np.zeros_like(p), np.zeros_like(p)] for p in params]


def update(params: list[np.ndarray], gradients: list[np.ndarray], state: list, lr: float, t: int, metas: list[dict]) -> tuple:
    """One step of one network."""
    moved, kept = [], []
    for p, g, (m, v) in zip(params, gradients, state, strict=True):
        m = 0.9 * m + 0.1 * g
        v = 0.99 * v + 0.01 * g * g
        step = (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.99**t)) + 1e-8) + 0.01 * p
        ratio = np.linalg.norm(p) / (np.linalg.norm(step) + 1e-12) if np.any(p) else 1.0
        moved.append(p - lr * ratio * step)
        kept.append([m, v])
    return moved, kept
