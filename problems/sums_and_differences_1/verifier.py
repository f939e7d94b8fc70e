"""Confirms the counts of sums and differences by listing them."""

from typing import Any

from galapagos_recheck.sets import sums_against_differences


def verify(construction: Any) -> str:
    return sums_against_differences(construction)
