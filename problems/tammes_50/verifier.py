"""Confirms the smallest distance of points on the sphere, in fractions."""

from typing import Any

from galapagos_recheck.points import tammes


def verify(construction: Any) -> str:
    return tammes(construction, 50)
