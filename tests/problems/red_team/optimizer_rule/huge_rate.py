"""A rate beyond all bounds."""

import numpy as np

LR = 1e30


def init(p, meta):
    return [np.zeros_like(p), np.zeros_like(p)]


def update(p, g, state, lr, t, meta):
    return p - lr * g, state
