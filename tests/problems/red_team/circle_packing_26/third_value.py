"""A circle with one number more."""


def pack():
    return [(0.5, 0.5, 0.5, 2.7)]
