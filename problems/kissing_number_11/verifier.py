"""Confirms directions pair by pair, with whole roots."""

from typing import Any

from galapagos_recheck.vectors import kissing


def verify(construction: Any) -> str:
    return kissing(construction, 11)
