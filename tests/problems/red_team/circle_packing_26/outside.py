"""Circles beside the square."""


def pack():
    return [(k + 2.0, 0.5) for k in range(26)], [0.5] * 26
