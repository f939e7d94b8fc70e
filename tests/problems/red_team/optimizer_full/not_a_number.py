"""Divides by nothing."""

import numpy as np

LR = 0.1


def init(params, metas):
    return [np.zeros_like(p) for p in params]


def update(params, gradients, state, lr, t, metas):
    return [p / np.zeros_like(p) for p in params], state
