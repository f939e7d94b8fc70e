"""What changed between two programs, as lines for a page."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass

MOST_LINES = 400


@dataclass(frozen=True, slots=True)
class DiffLine:
    """One line of a unified diff; `kind` is "file", "hunk", "add", "del" or "same"."""

    kind: str
    text: str


def diff_programs(before: Mapping[str, str], after: Mapping[str, str], context: int = 3) -> list[DiffLine]:
    """The unified diff of all files, at most `MOST_LINES` long, without newline marks."""
    lines: list[DiffLine] = []
    for path in sorted({*before, *after}):
        old, new = before.get(path, "").splitlines(), after.get(path, "").splitlines()
        changes = list(difflib.unified_diff(old, new, lineterm="", n=context))[2:]
        if changes:
            lines.append(DiffLine("file", path))
            lines += [_line(change) for change in changes]
    if len(lines) > MOST_LINES:
        return [*lines[:MOST_LINES], DiffLine("hunk", f"… {len(lines) - MOST_LINES} more lines")]
    return lines


def _line(change: str) -> DiffLine:
    if change.startswith("@@"):
        return DiffLine("hunk", change)
    kinds = {"+": "add", "-": "del"}
    return DiffLine(kinds.get(change[:1], "same"), change)
