"""Problems, stored whole under the hash of their content."""

from database.engine import Connection
from evolution.problem import Problem


async def store(connection: Connection, problem: Problem) -> None:
    """Store the problem; nothing happens if this revision is stored already."""
    raise NotImplementedError


async def load(connection: Connection, revision: str) -> Problem:
    """Read a problem back, with all its files.

    Raises:
        NotFound: no such revision.
    """
    raise NotImplementedError
