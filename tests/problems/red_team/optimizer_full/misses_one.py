"""Returns fewer tensors than there are."""

import numpy as np

LR = 0.1


def init(params, metas):
    return [np.zeros_like(p) for p in params]


def update(params, gradients, state, lr, t, metas):
    moved = [p - lr * g for p, g in zip(params, gradients, strict=True)]
    return moved[:-1], state
