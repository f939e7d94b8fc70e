"""Confirms a scheme by running it on all pairs of 4 x 4 and 4 x 4 matrices with a single 1."""

from typing import Any

from galapagos_recheck.tensors import scheme


def verify(construction: Any) -> str:
    return scheme(construction, 4, 4, 4, "rationals")
