"""Confirms the smallest of all triangles, in fractions."""

from typing import Any

from galapagos_recheck.points import heilbronn_triangle


def verify(construction: Any) -> str:
    return heilbronn_triangle(construction, 11)
