"""Confirms a scheme by running it on all pairs of 3 x 4 and 4 x 7 matrices with a single 1."""

from typing import Any

from galapagos_recheck.tensors import scheme


def verify(construction: Any) -> str:
    return scheme(construction, 3, 4, 7, "gaussian")
