"""Confirms the autocorrelation of a step function, product by product."""

from typing import Any

from galapagos_recheck.functions import autocorrelation


def verify(construction: Any) -> str:
    return autocorrelation(construction, signed=False, norm="largest")
