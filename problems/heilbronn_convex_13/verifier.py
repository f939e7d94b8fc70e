"""Confirms the smallest of all triangles and the hull, in fractions."""

from typing import Any

from galapagos_recheck.points import heilbronn_convex


def verify(construction: Any) -> str:
    return heilbronn_convex(construction, 13)
