"""Not all circles are complete."""


def pack():
    return [(0.5, 0.5, 0.1), (0.5, 0.1)]
