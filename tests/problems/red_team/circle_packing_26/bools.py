"""True is one."""


def pack():
    return [(False, False, True)]
