"""Confirms that circles do not overlap, in fractions."""

from typing import Any

from galapagos_recheck.points import circles_in_square


def verify(construction: Any) -> str:
    return circles_in_square(construction, 36)
