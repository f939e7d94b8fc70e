"""Ignores gradients: everything shrinks."""

import numpy as np

LR = 0.1


def init(params, metas):
    return [np.zeros_like(p) for p in params]


def update(params, gradients, state, lr, t, metas):
    return [0.9 * p for p in params], state
