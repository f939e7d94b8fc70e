"""A float that multiplies as it likes."""


class Liar(float):
    """Greater than itself."""

    def __mul__(self, other):
        return 9.0

    __rmul__ = __mul__

    def __float__(self):
        return 9.0


def pack():
    return [(0.5, 0.5, Liar(0.5))]
