"""A problem's folder, given as path to content: what belongs to it, and whose it is."""

from collections.abc import Mapping
from pathlib import PurePosixPath

from evolution.peers.recognition import import_files, recognise
from evolution.peers.translation import Imported
from evolution.problem import DEFINITION, Problem, problem_from_files

MOST_FILES = 2000
MOST_BYTES = 64 << 20
LEFT_OUT = frozenset({"__pycache__", "openevolve_output"})


def left_out(path: str) -> bool:
    """Whether a file is no part of the problem: names that begin with a dot, `__pycache__`, outputs of other systems.

    So neither a version control system nor a run changes a problem's revision.
    """
    parts = PurePosixPath(path).parts
    return any(part.startswith(".") for part in parts) or not LEFT_OUT.isdisjoint(parts[:-1])


def problem_of(name: str, files: Mapping[str, bytes]) -> Problem | Imported:
    """The problem that these files are; a folder of another system, with `name`, comes with a report.

    Raises:
        ProblemError: an invalid problem.
    """
    peer = None if DEFINITION in files else recognise(files)
    return problem_from_files(files) if peer is None else import_files(peer, name, files)
