"""Programs: written once with their proposal's answer, read by number."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from database.engine import Connection
from evolution.evaluation import Outcome
from evolution.program import Program


@dataclass(frozen=True, slots=True)
class NewProgram:
    """A child to be stored. `length` counts characters of evolvable text, `literals` the numeric literals in it.

    Its island, parent and number come from its proposal; its generation is that of its parent plus one.
    """

    files: Mapping[str, str]
    normalised_hash: bytes
    length: int
    literals: int


@dataclass(frozen=True, slots=True)
class EvaluatedProgram:
    """A program with its search evaluation; `outcome` is None while, or if, there is none."""

    program: Program
    outcome: Outcome | None


async def load(connection: Connection, run: int, numbers: Sequence[int]) -> dict[int, Program]:
    """Programs by number; numbers without a program are missing from the answer. Programs never change: cache them."""
    raise NotImplementedError


async def load_evaluated(connection: Connection, run: int, numbers: Sequence[int]) -> dict[int, EvaluatedProgram]:
    """The same with what the judge said (metrics, feedback, log tails), as prompts need it."""
    raise NotImplementedError


async def known_hashes(connection: Connection, run: int, hashes: Sequence[bytes]) -> dict[bytes, int]:
    """Which of the normalised hashes the run has already, and the numbers of their programs.

    A hint for workers, which may try again cheaply; `proposals.answer` is what decides.
    """
    raise NotImplementedError
