"""Big circles whose centres differ by less than rounding."""


def pack():
    return [(0.5 + k * 1e-16, 0.5, 0.5) for k in range(26)]
