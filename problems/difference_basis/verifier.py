"""Confirms a difference basis by listing all its differences."""

from typing import Any

from galapagos_recheck.sets import difference_basis


def verify(construction: Any) -> str:
    return difference_basis(construction, 1000)
