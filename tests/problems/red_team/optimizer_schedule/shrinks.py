"""Ignores gradients: everything shrinks to nothing by the end."""

import numpy as np

LR = 0.1


def factor(t, total):
    return 1 - t / total


def init(p, meta):
    return [np.zeros_like(p), np.zeros_like(p)]


def update(p, g, state, lr, t, total, meta):
    return p * (1 - t / total), state
