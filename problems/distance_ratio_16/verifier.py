"""Confirms the nearest and the farthest pair, in fractions."""

from typing import Any

from galapagos_recheck.points import distance_ratio


def verify(construction: Any) -> str:
    return distance_ratio(construction, 16, 2)
