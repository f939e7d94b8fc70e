"""A schedule in words."""

import numpy as np

LR = 0.1


def factor(t, total):
    return "soon"


def init(p, meta):
    return [np.zeros_like(p), np.zeros_like(p)]


def update(p, g, state, lr, t, total, meta):
    return p - lr * g, state
