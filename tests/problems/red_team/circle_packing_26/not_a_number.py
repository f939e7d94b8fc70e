"""NaN compares false to everything."""


def pack():
    return [(float("nan"), 0.5, float("nan"))] * 26
