"""Confirms the largest size of a polynomial by Sturm's theorem."""

from typing import Any

from galapagos_recheck.signs import flat_polynomial


def verify(construction: Any) -> str:
    return flat_polynomial(construction, 69)
