"""Numbers as text."""


def pack():
    return [("0.5", "0.5", "9")]
