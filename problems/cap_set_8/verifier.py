"""Confirms a cap set pair by pair."""

from typing import Any

from galapagos_recheck.vectors import cap_set


def verify(construction: Any) -> str:
    return cap_set(construction, 8)
