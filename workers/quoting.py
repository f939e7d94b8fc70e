"""Text of unknown origin made fit for a prompt: fenced, bounded, and reduced to one line."""

import difflib
import re
from collections.abc import Mapping

_LINE_CHARACTERS = 100
_MOST_COMPARED_LINES = 400


def quoted(text: str, info: str = "") -> str:
    """The text in a fence that nothing within it can close."""
    longest = max(map(len, re.findall(r"`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{info}\n{text.rstrip(chr(10))}\n{fence}"


def bounded(text: str, size: int, *, tail: bool = False) -> str:
    """The text within `size` bytes of UTF-8: its beginning, or its end, with a mark where something is missing."""
    data = text.encode(errors="replace")
    if len(data) <= size:
        return data.decode()
    mark = "[...]"
    kept = max(0, size - len(mark) - 1)
    if tail:
        return f"{mark}\n{data[len(data) - kept :].decode(errors='ignore')}"
    return f"{data[:kept].decode(errors='ignore')}\n{mark}"


def one_line(text: str, characters: int = _LINE_CHARACTERS) -> str:
    """The text with all white space runs as one space, cut to `characters`, and without backticks."""
    line = " ".join(text.replace("`", "'").split())
    return line if len(line) <= characters else line[: characters - 3] + "..."


def change_line(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """How two programs differ, in one line: how many lines came and went, and the first of each."""
    gone: list[str] = []
    came: list[str] = []
    for path in sorted(after):
        _changed_lines(before.get(path, "").splitlines(), after[path].splitlines(), gone, came)
    firsts = [next((f"`{one_line(line)}`" for line in lines if line.strip()), "") for lines in (gone, came)]
    first = (
        " became ".join(firsts)
        if all(firsts)
        else " ".join(f"{word} {line}" for word, line in zip(("without", "with"), firsts, strict=True) if line)
    )
    return f"+{len(came)} -{len(gone)} lines" + (f": {first}" if first else "")


def _changed_lines(old: list[str], new: list[str], gone: list[str], came: list[str]) -> None:
    shortest = min(len(old), len(new))
    head = next((index for index in range(shortest) if old[index] != new[index]), shortest)
    shortest -= head
    tail = next((index for index in range(shortest) if old[-1 - index] != new[-1 - index]), shortest)
    old, new = old[head : len(old) - tail], new[head : len(new) - tail]
    if max(len(old), len(new)) > _MOST_COMPARED_LINES:
        # Comparing long texts takes time that grows with the square of their length.
        gone += old
        came += new
        return
    for kind, first, end, first_new, end_new in difflib.SequenceMatcher(None, old, new).get_opcodes():
        if kind != "equal":
            gone += old[first:end]
            came += new[first_new:end_new]
