"""Confirms a determinant by its residues modulo primes."""

from typing import Any

from galapagos_recheck.signs import large_determinant


def verify(construction: Any) -> str:
    return large_determinant(construction, 29, 2**28 * 7**12)
