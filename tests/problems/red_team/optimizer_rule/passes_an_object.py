"""An array that says it is another."""

import numpy as np

LR = 0.1


class Liar:
    def __init__(self, values):
        self.values = values
        self.shape = values.shape

    def __array__(self, dtype=None, copy=None):
        return np.zeros((3, 3), np.float32)


def init(p, meta):
    return [np.zeros_like(p), np.zeros_like(p)]


def update(p, g, state, lr, t, meta):
    return Liar(p - lr * g), state
