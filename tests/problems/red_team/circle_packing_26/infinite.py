"""An infinite radius."""


def pack():
    return [(0.5, 0.5, float("inf"))]
