"""Not all centres are pairs."""


def pack():
    return [(0.5, 0.5), (0.5,)], [0.1, 0.1]
