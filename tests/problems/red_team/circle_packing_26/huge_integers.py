"""Numbers that no double holds."""


def pack():
    return [(10**400, 10**400, 10**400)]
