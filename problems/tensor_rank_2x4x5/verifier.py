"""Confirms a scheme by running it on all pairs of 2 x 4 and 4 x 5 matrices with a single 1."""

from typing import Any

from galapagos_recheck.tensors import scheme


def verify(construction: Any) -> str:
    return scheme(construction, 2, 4, 5, "rationals")
