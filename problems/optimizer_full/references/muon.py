"""Muon (Jordan et al. 2024): orthogonal steps for hidden weights, AdamW for all else (biases, heads, vectors)."""

import numpy as np

LR = 0.01


def init(params: list[np.ndarray], metas: list[dict]) -> list[list[np.ndarray]]:
    """Momentum of the weights; AdamW's two means."""
    return [[np.zeros_like(p), np.zeros_like(p), np.zeros_like(p)] for p in params]


def orthogonal(matrix: np.ndarray) -> np.ndarray:
    """Move the singular values near to 1: five steps of a Newton-Schulz iteration of degree five."""
    tall = matrix.shape[0] > matrix.shape[1]
    x = (matrix.T if tall else matrix) / (np.linalg.norm(matrix) + 1e-7)
    for _ in range(5):
        square = x @ x.T
        x = 3.4445 * x + (-4.7750 * square + 2.0315 * (square @ square)) @ x
    return x.T if tall else x


def update(params: list[np.ndarray], gradients: list[np.ndarray], state: list, lr: float, t: int, metas: list[dict]) -> tuple:
    """One step of one network."""
    moved, kept = [], []
    for p, g, (b, m, v), meta in zip(params, gradients, state, metas, strict=True):
        m = 0.9 * m + 0.1 * g
        v = 0.99 * v + 0.01 * g * g
        step = (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.99**t)) + 1e-8)
        if meta["kind"] == "hidden":
            b = 0.95 * b + g
            weights = (g + 0.95 * b)[:-1]
            step[:-1] = 0.2 * max(weights.shape) ** 0.5 * orthogonal(weights)
        moved.append(p - lr * (step + 0.01 * p))
        kept.append([b, m, v])
    return moved, kept
