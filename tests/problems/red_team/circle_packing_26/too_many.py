"""A hundred circles."""


def pack():
    return [(0.05 + 0.1 * (k % 10), 0.05 + 0.1 * (k // 10), 0.05) for k in range(100)]
