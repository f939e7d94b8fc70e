"""Momentum 0.9 of gradients over their common norm."""

import numpy as np

LR = 0.03


def init(params: list[np.ndarray], metas: list[dict]) -> list[list[np.ndarray]]:
    """The momentum of each tensor."""
    return [np.zeros_like(p) for p in params]


def update(params: list[np.ndarray], gradients: list[np.ndarray], state: list, lr: float, t: int, metas: list[dict]) -> tuple:
    """One step of one network."""
    moved, kept = [], []
    norm = np.sqrt(sum(np.sum(g * g) for g in gradients)) + 1e-12
    for p, g, m in zip(params, gradients, state, strict=True):
        m = 0.9 * m + g / norm
        moved.append(p - lr * m)
        kept.append(m)
    return moved, kept
