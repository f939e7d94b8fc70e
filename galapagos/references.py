"""The programs in a problem's folder `references`: known ways to solve it, in the form of candidates."""

from collections.abc import Mapping
from pathlib import PurePosixPath

from evolution.evolve_blocks import EvolveBlockError, blocks, is_marker, with_blocks
from evolution.problem import Problem, ProblemError

FOLDER = "references"
SEED = "the seed"


def whole_program(frame: str, text: str) -> str:
    """A text with markers as it is; any other between the markers of `frame`, which must have one pair.

    Raises:
        EvolveBlockError: `frame` has several blocks, or the markers of `text` do not pair up.
    """
    if any(is_marker(line) for line in text.split("\n")):
        blocks(text)
        return text
    if len(blocks(frame)) != 1:
        raise EvolveBlockError("the seed's first file has several EVOLVE-BLOCKs, so a reference needs the markers too")
    return with_blocks(frame, (text.rstrip("\n") + "\n",))


def reference_programs(problem: Problem) -> dict[str, Mapping[str, str]]:
    """Name to files of every reference in the seed's language, and of the seed where it is none of them.

    A reference stands in for the first file of the seed.

    Raises:
        ProblemError: there is none, or one that does not fit into the seed's file.
    """
    first = problem.definition.seed[0]
    suffix = PurePosixPath(first).suffix
    found: dict[str, Mapping[str, str]] = {}
    for path in sorted(PurePosixPath(name) for name in problem.files):
        if path.parent.as_posix() == FOLDER and path.suffix == suffix:
            try:
                text = whole_program(problem.seed_files[first], problem.files[path.as_posix()].decode())
            except (EvolveBlockError, UnicodeDecodeError) as error:
                raise ProblemError(f"{path}: expected a program, or what stands between the seed's markers; {error}") from None
            found[path.stem] = {**problem.seed_files, first: text}
    if not found:
        raise ProblemError(
            f"{problem.definition.name}: expected programs to compare in its folder {FOLDER!r}, files *{suffix}; there are "
            "none; add some (docs/problem-format.md)"
        )
    same = [name for name, files in found.items() if _evolvable(files[first]) == _evolvable(problem.seed_files[first])]
    return found if same else {SEED: problem.seed_files, **found}


def _evolvable(text: str) -> list[str]:
    return [text[block.start : block.end].strip() for block in blocks(text)]
