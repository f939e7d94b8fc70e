"""A problem's folder to begin with, made from a template."""

import re
from enum import StrEnum
from pathlib import Path

from evolution.problem import ProblemError
from galapagos.problem_folder import built_in_problems

TEMPLATES = Path(__file__).parent / "templates"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_PLACE = "@NAME@"
_SUFFIX = ".txt"


class Kind(StrEnum):
    """What a new problem asks for: a construction, a function of given data (both in Python), or a fast kernel in C."""

    MATHEMATICS = "mathematics"
    FUNCTION = "function"
    KERNEL = "kernel"


def make_problem(name: str, kind: Kind, into: Path) -> list[Path]:
    """Write the template of `kind` to the new folder `into / name`; its files.

    Raises:
        ProblemError: the name cannot be one, is taken, or the folder cannot be written.
    """
    if not _NAME.fullmatch(name):
        raise ProblemError(
            f"expected a name of lower-case letters, digits and '_', beginning with a letter, at most 64 of them; got {name!r}"
        )
    if name in {path.name for path in built_in_problems()}:
        raise ProblemError(
            f"{name!r} is the name of a built-in problem; choose another, so that commands can tell the two apart"
        )
    folder = into / name
    made: list[Path] = []
    try:
        folder.mkdir()
        for source in sorted(path for path in (TEMPLATES / kind).iterdir() if path.is_file()):
            target = folder / source.name.removesuffix(_SUFFIX)
            target.write_text(source.read_text().replace(_PLACE, name))
            made.append(target)
    except FileExistsError:
        raise ProblemError(f"{folder} is there already; choose another name, or remove it first") from None
    except OSError as error:
        raise ProblemError(f"{folder} cannot be written: {error.strerror}; name another place with --into") from None
    return made
