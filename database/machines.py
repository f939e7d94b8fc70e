"""Machines that scores were made on."""

from collections.abc import Mapping
from typing import Any

from database.engine import Connection


async def register(connection: Connection, description: Mapping[str, Any]) -> bytes:
    """Store a machine's description (JSON) once; returns its fingerprint, the SHA-256 of it."""
    raise NotImplementedError
