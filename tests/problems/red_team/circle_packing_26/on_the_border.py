"""Half of every circle is outside."""


def pack():
    return [(k / 25, 0.0, 1 / 50) for k in range(26)]
