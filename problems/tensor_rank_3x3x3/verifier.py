"""Confirms a scheme by running it on all pairs of 3 x 3 and 3 x 3 matrices with a single 1."""

from typing import Any

from galapagos_recheck.tensors import scheme


def verify(construction: Any) -> str:
    return scheme(construction, 3, 3, 3, "rationals")
