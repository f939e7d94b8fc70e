"""Confirms the largest overlap of a step function, shift by shift."""

from typing import Any

from galapagos_recheck.functions import minimum_overlap


def verify(construction: Any) -> str:
    return minimum_overlap(construction)
