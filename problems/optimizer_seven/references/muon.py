"""Muon (Jordan et al. 2024): orthogonal steps for hidden weights, AdamW for all else (biases, heads, vectors)."""

import numpy as np

LR = 0.01


def init(p: np.ndarray, meta: dict) -> list[np.ndarray]:
    """Momentum of the weights; AdamW's two means."""
    return [np.zeros_like(p), np.zeros_like(p), np.zeros_like(p)]


def orthogonal(matrix: np.ndarray) -> np.ndarray:
    """Move the singular values near to 1: five steps of a Newton-Schulz iteration of degree five."""
    tall = matrix.shape[0] > matrix.shape[1]
    x = (matrix.T if tall else matrix) / (np.linalg.norm(matrix) + 1e-7)
    for _ in range(5):
        square = x @ x.T
        x = 3.4445 * x + (-4.7750 * square + 2.0315 * (square @ square)) @ x
    return x.T if tall else x


def update(p: np.ndarray, g: np.ndarray, state: list[np.ndarray], lr: float, t: int, meta: dict) -> tuple:
    """One step of one tensor. Orthogonal steps are as large as AdamW's (root mean square 0.2, Liu et al. 2025)."""
    b, m, v = state
    m = 0.9 * m + 0.1 * g
    v = 0.99 * v + 0.01 * g * g
    step = (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.99**t)) + 1e-8)
    if meta["kind"] == "hidden":
        b = 0.95 * b + g
        weights = (g + 0.95 * b)[:-1]
        step[:-1] = 0.2 * max(weights.shape) ** 0.5 * orthogonal(weights)
    return p - lr * (step + 0.01 * p), [b, m, v]
