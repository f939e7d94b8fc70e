"""Machines that scores were made on."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from database.encoding import to_json
from database.engine import Connection

_REGISTER = sa.text(
    "INSERT INTO machine (fingerprint, description) VALUES (:fingerprint, CAST(:description AS jsonb)) ON CONFLICT DO NOTHING"
)


async def register(connection: Connection, description: Mapping[str, Any]) -> bytes:
    """Store a machine's description (JSON) once; returns its fingerprint, the SHA-256 of it."""
    fingerprint = hashlib.sha256(json.dumps(dict(description), sort_keys=True).encode()).digest()
    await connection.execute(_REGISTER, {"fingerprint": fingerprint, "description": to_json(dict(description))})
    return fingerprint
