"""A candidate's source: written once, never changed."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Program:
    """One candidate. `number` is that of its proposal within the run (the seed has 0), and never changes.

    `files` maps each evolvable path to its text. `normalised_hash` is equal for programs that differ only in
    comments, docstrings, formatting and the names of locals.
    """

    id: int
    run: int
    number: int
    island: int
    parent: int | None
    files: Mapping[str, str]
    normalised_hash: bytes
    generation: int


def source_hash(files: Mapping[str, str]) -> bytes:
    """SHA-256 (32 bytes) over the paths and texts in path order; lengths are hashed too, so no two sets collide."""
    digest = hashlib.sha256()
    for path in sorted(files):
        for part in (path.encode(), files[path].encode()):
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
    return digest.digest()
