"""Unified diffs of programs."""

import difflib
from collections.abc import Iterator, Mapping

NO_LINE_END = "\\ No newline at end of file\n"


def unified(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """What changed in all files, as `patch -p1` reads it; empty if nothing did."""
    return "".join(line for path in sorted({*before, *after}) for line in _of_file(path, before.get(path), after.get(path)))


def _of_file(path: str, before: str | None, after: str | None) -> Iterator[str]:
    names = ("/dev/null" if before is None else f"a/{path}", "/dev/null" if after is None else f"b/{path}")
    old, new = _lines(before or ""), _lines(after or "")
    for line in difflib.unified_diff(old, new, *names):
        yield line if line.endswith("\n") else f"{line}\n{NO_LINE_END}"


def _lines(text: str) -> list[str]:
    # Not splitlines, which cuts at characters that are no line ends to patch.
    lines = text.split("\n")
    return [line + "\n" for line in lines[:-1]] + lines[-1:] if lines[-1] else [line + "\n" for line in lines[:-1]]
