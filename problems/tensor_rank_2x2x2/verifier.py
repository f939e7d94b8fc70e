"""Confirms a scheme by running it on all pairs of 2 x 2 and 2 x 2 matrices with a single 1."""

from typing import Any

from galapagos_recheck.tensors import scheme


def verify(construction: Any) -> str:
    return scheme(construction, 2, 2, 2, "rationals")
