"""Which text of a program may change: the lines between EVOLVE-BLOCK-START and EVOLVE-BLOCK-END.

A marker stands alone on its line behind a comment leader (`#`, `//`, `!`, `<!--`, `(*`, `/*`). A file may hold several
blocks, not nested. The marker lines themselves never change. Lines end with LF or CRLF; a lone CR is ordinary text. A file
without any marker is one block: such programs come from other systems' folders, and all of them may change.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_MARKER = re.compile(r"[ \t]*(?:#+|//+|!+|<!--|\(\*|/\*)[ \t]*EVOLVE-BLOCK-(START|END)\b[^\n]*")


class EvolveBlockError(ValueError):
    """The markers of a file do not pair up. The text says at which line, what was expected and what came."""


@dataclass(frozen=True, slots=True)
class Block:
    """One evolvable stretch of a file.

    `start` and `end` are character offsets: `text[start:end]` may change, from the line after the START marker up to
    the line of the END marker. `first_line` and `end_line` are the same bounds as line indices from 0, end excluded.
    """

    start: int
    end: int
    first_line: int
    end_line: int


def is_marker(line: str) -> bool:
    """Whether a line, given without its line end, opens or closes an EVOLVE-BLOCK."""
    return _MARKER.fullmatch(line) is not None


def blocks(text: str) -> tuple[Block, ...]:
    """The evolvable stretches of a file in order; the whole file where no marker stands.

    Raises:
        EvolveBlockError: a START within a block, an END without START, or a START without END.
    """
    found: list[Block] = []
    opened: tuple[int, int] | None = None
    offset = 0
    for index, line in enumerate(text.split("\n")):
        marker = _MARKER.fullmatch(line)
        if marker is not None:
            if marker[1] == "START":
                if opened is not None:
                    raise EvolveBlockError(
                        f"line {index + 1}: EVOLVE-BLOCK-START within the block that line {opened[1]} opened; "
                        "expected EVOLVE-BLOCK-END first: blocks do not nest"
                    )
                opened = (offset + len(line) + 1, index + 1)
            elif opened is None:
                raise EvolveBlockError(f"line {index + 1}: EVOLVE-BLOCK-END without an EVOLVE-BLOCK-START before it")
            else:
                found.append(Block(start=opened[0], end=offset, first_line=opened[1], end_line=index))
                opened = None
        offset += len(line) + 1
    if opened is not None:
        raise EvolveBlockError(f"line {opened[1]}: EVOLVE-BLOCK-START without an EVOLVE-BLOCK-END after it")
    if not found:
        return (Block(start=0, end=len(text), first_line=0, end_line=text.count("\n") + 1),)
    return tuple(found)


def fixed_text(text: str) -> tuple[str, ...]:
    """What must never change: the text before, between and after the blocks, marker lines included.

    Raises:
        EvolveBlockError: the markers do not pair up.
    """
    parts: list[str] = []
    position = 0
    for block in blocks(text):
        parts.append(text[position : block.start])
        position = block.end
    parts.append(text[position:])
    return tuple(parts)


def with_blocks(text: str, contents: tuple[str, ...]) -> str:
    """The file with the content of each of its blocks replaced; the inverse of cutting them out.

    Raises:
        EvolveBlockError: the markers do not pair up, or another number of contents than of blocks was given.
    """
    fixed = fixed_text(text)
    if len(fixed) != len(contents) + 1:
        raise EvolveBlockError(f"expected the content of {len(fixed) - 1} EVOLVE-BLOCKs, got {len(contents)}")
    return "".join(part for pair in zip(fixed, (*contents, ""), strict=True) for part in pair)


def check_only_blocks_changed(before: Mapping[str, str], after: Mapping[str, str]) -> str | None:
    """None if the two programs differ at most within EVOLVE-BLOCKs; else one sentence that says where they differ."""
    if before.keys() != after.keys():
        return f"expected exactly the files {', '.join(sorted(before))}; got {', '.join(sorted(after)) or 'none'}"
    for path in sorted(before):
        if before[path] == after[path]:
            continue
        try:
            expected, came = fixed_text(before[path]), fixed_text(after[path])
        except EvolveBlockError as error:
            return f"{path}: {error}"
        if len(expected) != len(came):
            counts = f"expected {len(expected) - 1} EVOLVE-BLOCKs, got {len(came) - 1}"
            return f"{path}: {counts}; the marker lines must stay as they are"
        for was, now in zip(expected, came, strict=True):
            if was != now:
                return f"{path}: text outside the EVOLVE-BLOCKs was changed: {_first_difference(was, now)}"
    return None


def _first_difference(was: str, now: str) -> str:
    old, new = was.split("\n"), now.split("\n")
    for one, other in zip(old, new, strict=False):
        if one != other:
            return f"expected the line {one[:200]!r}, got {other[:200]!r}"
    if len(old) > len(new):
        return f"the line {old[len(new)][:200]!r} is missing"
    return f"the line {new[len(old)][:200]!r} was added"
