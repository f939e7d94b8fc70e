"""Circles beside the square."""


def pack():
    return [(k + 2.0, 0.5, 0.4) for k in range(26)]
