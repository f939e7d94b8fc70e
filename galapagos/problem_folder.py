"""Finding a problem by name or path, and reading its folder."""

import os
import stat
from pathlib import Path

from evolution.folder import LEFT_OUT, MOST_BYTES, MOST_FILES, problem_of
from evolution.peers.translation import Imported
from evolution.problem import DEFINITION, Problem, ProblemError

BUILT_IN = Path(__file__).resolve().parent.parent / "problems"


def built_in_problems() -> list[Path]:
    """The folders of the problems that come with Galapagos, by name."""
    return sorted(path.parent for path in BUILT_IN.glob(f"*/{DEFINITION}"))


def find_problem_folder(problem: str | Path) -> Path:
    """The folder that a person means by `problem`: a path, or the name of a built-in problem.

    Raises:
        ProblemError: there is no such folder.
    """
    folder = Path(problem).expanduser()
    if folder.is_dir():
        return folder
    names = [path.name for path in built_in_problems()]
    if str(problem) in names:
        return BUILT_IN / str(problem)
    what = "a file" if folder.exists() else "neither"
    raise ProblemError(
        f"expected a folder with a {DEFINITION}, or one of the built-in problems ({', '.join(names) or 'none here'}); "
        f"{str(problem)!r} is {what}; give the path of the folder"
    )


def read_problem_folder(folder: Path) -> Problem:
    """The problem in a folder of ours, or of another system's; see `open_problem_folder`."""
    opened = open_problem_folder(folder)
    return opened.problem if isinstance(opened, Imported) else opened


def open_problem_folder(folder: Path) -> Problem | Imported:
    """Read every file of a problem's folder and validate it; a folder of another system comes with a report.

    Names that begin with a dot, `__pycache__` folders and the outputs of other systems are left out, so that neither a
    version control system nor a run changes the problem's revision.

    Raises:
        ProblemError: too much in it, a link or special file, a file that cannot be read, or an invalid problem.
    """
    return problem_of(folder.resolve().name, read_files(folder))


def read_files(folder: Path) -> dict[str, bytes]:
    """Every file that belongs to a problem's folder, path to content.

    Raises:
        ProblemError: too much in it, a link or special file, or a file that cannot be read.
    """
    files: dict[str, bytes] = {}
    total = 0
    for path in _walk(folder):
        name = path.relative_to(folder).as_posix()
        total += _checked_size(path, name)
        if total > MOST_BYTES:
            raise ProblemError(
                f"{folder}: expected at most {MOST_BYTES >> 20} MiB in a problem's folder, {name!r} goes beyond; move what "
                "neither seed nor judge reads out of the folder"
            )
        if len(files) == MOST_FILES:
            raise ProblemError(
                f"{folder}: expected at most {MOST_FILES} files in a problem's folder; remove what the judge does not read"
            )
        try:
            files[name] = path.read_bytes()
        except OSError as error:
            raise ProblemError(f"{path}: cannot be read: {error.strerror}; correct its permissions or remove it") from None
    return files


def _walk(folder: Path) -> list[Path]:
    found: list[Path] = []
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in LEFT_OUT)
        found += [Path(place) / name for name in folders if (Path(place) / name).is_symlink()]
        found += [Path(place) / name for name in sorted(names) if not name.startswith(".")]
    return found


def _checked_size(path: Path, name: str) -> int:
    status = path.lstat()
    if stat.S_ISLNK(status.st_mode):
        raise ProblemError(
            f"{name}: a problem's folder must hold its own files, this is a link to {path.readlink()}; put a copy there"
        )
    if not stat.S_ISREG(status.st_mode):
        raise ProblemError(f"{name}: a problem's folder must hold plain files only; remove it")
    return status.st_size
