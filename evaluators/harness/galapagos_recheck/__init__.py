"""Second verifiers for certificates: each reads a construction and returns its exact value as text.

They use the standard library alone, other algorithms than `galapagos_exact`, and none of its code. A construction that is
not what it should be raises `Disproved`.
"""


class Disproved(ValueError):
    """The construction does not have the property it is said to have. The text says where."""


def require(holds: bool, otherwise: str) -> None:
    """Go on only if something holds.

    Raises:
        Disproved: it does not.
    """
    if not holds:
        raise Disproved(otherwise)
