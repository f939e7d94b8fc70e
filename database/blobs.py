"""Contents stored once under their hash: sources, prompts, answers, pictures, problem files."""

import hashlib
import json
from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from database.engine import Connection

_PUT = sa.text(
    "INSERT INTO blob (hash, content, private) SELECT g.*, CAST(:private AS boolean) "
    "FROM unnest(CAST(:hashes AS bytea[]), CAST(:contents AS bytea[])) AS g ON CONFLICT DO NOTHING"
)
_PRIVATE = b"private\0"


async def put(connection: Connection, contents: Sequence[bytes], *, private: bool = False) -> list[bytes]:
    """Store contents that are not there yet; returns their SHA-256 in the order given.

    What is `private` (prompts and answers) evaluators cannot read. Its hash is another one than that of the same
    content where it is not, so that neither stands for the other.
    """
    hashes = [hashlib.sha256(_PRIVATE + content if private else content).digest() for content in contents]
    # In the order of the hashes: batches with common contents then wait for one another instead of deadlocking.
    rows = sorted(zip(hashes, contents, strict=True))
    if rows:
        given = {"hashes": [row[0] for row in rows], "contents": [row[1] for row in rows], "private": private}
        await connection.execute(_PUT, given)
    return hashes


def pack_files(files: Mapping[str, str]) -> bytes:
    """The content that stands for a program's files: a JSON object, path to text, lossless for any text."""
    return json.dumps(dict(files), sort_keys=True).encode()


def unpack_files(content: bytes) -> dict[str, str]:
    """The files of which `pack_files` made this content."""
    return json.loads(content)
