"""Whole programs in a model's answer: their EVOLVE-BLOCKs put into the parent's frame.

Only blocks are taken from an answer, in their order; the text around them stays the parent's to the byte. What the
answer has there instead (another import, no docstring) is ignored, and said in words for the model.
"""

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from evolution.evolve_blocks import EvolveBlockError, blocks, fixed_text, is_marker, with_blocks
from evolution.proposal import Refusal
from workers.answers import Answer, Whole, resolve
from workers.quoting import one_line

_MOST_NAMED = 3


class Unusable(Exception):
    """An answer, or a part of it, cannot be applied; `detail` says why in words for the model."""

    def __init__(self, reason: Refusal, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class Graft(NamedTuple):
    """A child's files, and what of the answer was ignored (empty if nothing was)."""

    files: dict[str, str]
    ignored: str


def grafted(parent: Mapping[str, str], answer: Answer) -> Graft:
    """The parent with the blocks of the answer's whole programs.

    Raises:
        Unusable: a part of the answer names no evolvable file, or its blocks do not fit.
    """
    if answer.faults:
        raise Unusable(Refusal.DID_NOT_APPLY, "\n".join(answer.faults))
    child, ignored = dict(parent), list[str]()
    for path, whole in _chosen(parent, answer.wholes).items():
        child[path], words = _grafted(path, parent[path], whole)
        ignored += [f"{path}: {words}" if len(parent) > 1 else words] if words else []
    return Graft(child, "; ".join(ignored))


def _chosen(parent: Mapping[str, str], wholes: list[Whole]) -> dict[str, Whole]:
    """For each file that the answer names the program meant for it; one with markers goes before one without."""
    named = [whole for whole in wholes if whole.path is not None]
    if not named:
        return dict([_unnamed(parent, wholes)])
    chosen: dict[str, Whole] = {}
    for whole in named:
        path = resolve(whole.path or "", tuple(parent))
        if path is None:
            raise Unusable(
                Refusal.DID_NOT_APPLY, f"the answer names {whole.path!r}; the files that may change are {', '.join(parent)}"
            )
        if path not in chosen or _has_markers(whole) or not _has_markers(chosen[path]):
            chosen[path] = whole
    return chosen


def _has_markers(whole: Whole) -> bool:
    return any(is_marker(line) for line in whole.lines)


def _unnamed(parent: Mapping[str, str], wholes: list[Whole]) -> tuple[str, Whole]:
    marked = [whole for whole in wholes if _has_markers(whole)]
    whole = marked[-1] if marked else max(wholes, key=lambda one: sum(map(len, one.lines)))
    if len(parent) == 1:
        return next(iter(parent)), whole
    fitting = [path for path, text in parent.items() if marked and _fits(text, whole)]
    if len(fitting) != 1:
        raise Unusable(
            Refusal.DID_NOT_APPLY, f"the program names no file; expected a line `### path` before it, of {', '.join(parent)}"
        )
    return fitting[0], whole


def _fits(text: str, whole: Whole) -> bool:
    try:
        return _solid(fixed_text(text)) == _solid(fixed_text("\n".join(whole.lines)))
    except EvolveBlockError:
        return False


def _solid(parts: tuple[str, ...]) -> list[list[str]]:
    """The fixed text without white space drift and blank lines: what a model must give back."""
    return [[line.rstrip() for line in part.split("\n") if line.strip()] for part in parts]


def _grafted(path: str, text: str, whole: Whole) -> tuple[str, str]:
    """The parent's fixed text around the answer's blocks, and what of the answer was ignored."""
    expected = fixed_text(text)
    if not _has_markers(whole):
        return with_blocks(text, (_content(text, _without_frame(path, expected, whole.lines)),)), ""
    answered = "\n".join(whole.lines)
    try:
        spans, came = blocks(answered), fixed_text(answered)
    except EvolveBlockError as error:
        raise Unusable(Refusal.DID_NOT_APPLY, f"{path}: {error}") from None
    if len(spans) != len(expected) - 1:
        raise Unusable(
            Refusal.OUTSIDE_EVOLVE_BLOCK,
            f"{path}: expected {len(expected) - 1} EVOLVE-BLOCKs, got {len(spans)}; keep every marker line",
        )
    ignored = _ignored(expected, came)
    contents = [answered[span.start : span.end].split("\n")[:-1] for span in spans]
    if ignored and not any(line.strip() for lines in contents for line in lines):
        raise Unusable(
            Refusal.OUTSIDE_EVOLVE_BLOCK, f"{path}: the EVOLVE-BLOCKs are empty; write the program between their marker lines"
        )
    return with_blocks(text, tuple(_content(text, lines) for lines in contents)), ignored


def _ignored(expected: tuple[str, ...], came: tuple[str, ...]) -> str:
    """What an answer has outside of the blocks instead of the parent's text, in words; empty for the same, or no text."""
    old, new = ([[line for line in part if not is_marker(line)] for part in _solid(parts)] for parts in (expected, came))
    if old == new or not any(new):
        return ""
    known = Counter(line for part in old for line in part)
    lines = Counter(line for part in new for line in part)
    added = list((lines - known).elements())
    named = ", ".join(f"`{one_line(line)}`" for line in added[:_MOST_NAMED])
    more = f" and {len(added) - _MOST_NAMED} more lines" if len(added) > _MOST_NAMED else ""
    kept = "the text outside of the EVOLVE-BLOCKs stayed as it was"
    return f"{kept}, and of the answer was ignored: {named}{more}" if added else f"{kept}; the answer has it otherwise"


def _without_frame(path: str, expected: tuple[str, ...], lines: tuple[str, ...]) -> list[str]:
    """The content of the only block, from an answer without markers that may repeat the fixed text around it."""
    if len(expected) != 2:
        raise Unusable(
            Refusal.OUTSIDE_EVOLVE_BLOCK,
            f"{path}: expected {len(expected) - 1} EVOLVE-BLOCKs with their marker lines, got no marker line",
        )
    before, after = ([line for line in part if not is_marker(line)] for part in _solid(expected))
    body = list(lines)
    start = _passed(body, before)
    end = _passed(body[::-1], after[::-1])
    if start is None or not (before or (after and end is not None)):
        return body
    body = body[start : max(start, len(body) - (end or 0))]
    while body and not body[0].strip():
        del body[0]
    while body and not body[-1].strip():
        del body[-1]
    return body


def _passed(lines: list[str], frame: list[str]) -> int | None:
    """How many lines it takes to pass `frame`, blank lines aside; None if they do not begin with it."""
    if not frame:
        return 0
    position = 0
    for index, line in enumerate(lines):
        if not line.strip():
            continue
        if line.rstrip() != frame[position]:
            return None
        position += 1
        if position == len(frame):
            return index + 1
    return None


def _content(text: str, lines: list[str]) -> str:
    ending = "\r\n" if any(is_marker(line) and line.endswith("\r") for line in text.split("\n")) else "\n"
    return "".join(line.rstrip("\r") + ending for line in lines)
