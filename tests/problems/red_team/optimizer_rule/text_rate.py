"""Declares a rate in words."""

import numpy as np

LR = "fast"


def init(p, meta):
    return [np.zeros_like(p), np.zeros_like(p)]


def update(p, g, state, lr, t, meta):
    return p - lr * g, state
