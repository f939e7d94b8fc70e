"""Confirms the counts of sums and differences by listing them."""

from typing import Any

from galapagos_recheck.sets import differences_against_sums


def verify(construction: Any) -> str:
    return differences_against_sums(construction)
