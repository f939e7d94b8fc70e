"""A candidate's source: written once, never changed."""

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
