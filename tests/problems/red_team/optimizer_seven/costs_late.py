"""Spends far more processor time than any rule may, once a short look is over."""

import numpy as np

LR = 0.1


def init(p, meta):
    return [np.zeros_like(p), np.zeros_like(p)]


def update(p, g, state, lr, t, meta):
    for _ in range(400 if t > 8 else 0):
        g = g + 0.0 * np.sqrt(np.abs(g))
    return p - lr * g, state
