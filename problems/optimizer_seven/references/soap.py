"""SOAP (Vyas et al. 2024): Adam along the axes of Shampoo's preconditioner; plain Adam for vectors."""

import numpy as np

LR = 0.01


def init(p: np.ndarray, meta: dict) -> list[np.ndarray]:
    """Adam's two means; for each side of a matrix the mean of products of gradients and its axes."""
    sides = [np.zeros((size, size), np.float32) for size in (p.shape if p.ndim == 2 else ())]
    return [np.zeros_like(p), np.zeros_like(p), sides, [np.zeros_like(side) for side in sides]]


def turned(values: np.ndarray, axes: list[np.ndarray]) -> np.ndarray:
    """As seen along the axes."""
    return axes[0].T @ values @ axes[1] if axes else values


def update(p: np.ndarray, g: np.ndarray, state: list[np.ndarray], lr: float, t: int, meta: dict) -> tuple:
    """One step of one tensor; of a matrix the first one only looks. Axes are renewed every tenth step."""
    m, v, sides, axes = state
    products = [g @ g.T, g.T @ g] if axes else []
    if t == 1 and axes:
        return p, [m, v, products, [np.linalg.eigh(side)[1][:, ::-1] for side in products]]
    m = 0.95 * m + 0.05 * g
    v = 0.95 * v + 0.05 * turned(g, axes) ** 2
    count = t - 1 if axes else t
    step = turned(m, axes) / (1 - 0.95**count) / (np.sqrt(v / (1 - 0.95**count)) + 1e-8)
    if axes:
        step = axes[0] @ step @ axes[1].T
    sides = [0.95 * side + 0.05 * product for side, product in zip(sides, products, strict=True)]
    if t % 10 == 0:
        axes = [np.linalg.qr(side @ axis)[0] for side, axis in zip(sides, axes, strict=True)]
    return p - lr * (step + 0.01 * p), [m, v, sides, axes]
