"""Confirms points of a grid by looking around each of them."""

from typing import Any

from galapagos_recheck.vectors import no_isosceles


def verify(construction: Any) -> str:
    return no_isosceles(construction, 64)
