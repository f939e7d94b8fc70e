"""Turns a model's answer into the files of a child, changing text only within EVOLVE-BLOCKs.

Edits are placed by their old lines: first exactly, then without trailing white space, then shifted in indentation (the
new lines are shifted alike), then by words alone (indentation is translated line by line). All edits of an answer
apply, or none: half an idea is another idea. Every edit that does not apply is named with the reason, for the model.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from evolution.proposal import Refusal
from workers.answers import Answer, Edit, Whole, read_answer, resolve
from workers.evolve_blocks import EvolveBlockError, blocks, check_only_blocks_changed, fixed_text, is_marker, with_blocks
from workers.line_matching import Placement, closest_lines, placements

_DETAIL_LIMIT = 2000
_MOST_EDITS = 200
_MOST_EXPLAINED = 5


@dataclass(frozen=True, slots=True)
class NotApplied:
    """Why an answer brought no program. `detail` is written for the model: one line for each part that failed."""

    reason: Refusal
    detail: str


class _RefusedError(Exception):
    def __init__(self, reason: Refusal, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


def apply_answer(parent: Mapping[str, str], text: str) -> dict[str, str] | NotApplied:
    """The child's files: those of `parent` with what the answer `text` asks for. Never raises, whatever the text.

    A child equals its parent outside the EVOLVE-BLOCKs to the byte; a file with CRLF line ends gets CRLF in new lines.
    """
    answer = read_answer(text, tuple(parent))
    if answer.empty:
        return NotApplied(
            Refusal.NO_ANSWER, "expected SEARCH/REPLACE blocks, a diff, or a program in a fence; the answer holds none of them"
        )
    try:
        child = _edited(parent, answer) if answer.edits or not answer.wholes else _replaced(parent, answer)
    except _RefusedError as refused:
        return NotApplied(refused.reason, refused.detail[:_DETAIL_LIMIT])
    if complaint := check_only_blocks_changed(parent, child):
        return NotApplied(Refusal.OUTSIDE_EVOLVE_BLOCK, complaint[:_DETAIL_LIMIT])
    if child == dict(parent):
        return NotApplied(Refusal.NO_CHANGE, "the answer leaves the program as it was")
    return child


def _edited(parent: Mapping[str, str], answer: Answer) -> dict[str, str]:
    child = {path: text.split("\n") for path, text in parent.items()}
    refusals = [_RefusedError(Refusal.DID_NOT_APPLY, fault) for fault in answer.faults]
    if len(answer.edits) > _MOST_EDITS:
        raise _RefusedError(Refusal.DID_NOT_APPLY, f"expected at most {_MOST_EDITS} blocks, got {len(answer.edits)}")
    for edit in answer.edits:
        try:
            _apply_edit(child, edit, explain=len(refusals) < _MOST_EXPLAINED)
        except _RefusedError as refused:
            refusals.append(refused)
    if refusals:
        reasons = {refused.reason for refused in refusals}
        reason = reasons.pop() if len(reasons) == 1 else Refusal.DID_NOT_APPLY
        raise _RefusedError(reason, "\n".join(refused.detail for refused in refusals))
    return {path: "\n".join(lines) for path, lines in child.items()}


def _apply_edit(child: dict[str, list[str]], edit: Edit, *, explain: bool) -> None:
    if edit.search == edit.replace:
        return
    path, placement = _place(child, edit, explain=explain)
    lines = child[path]
    new = placement.new_lines
    if any(is_marker(line) for line in new):
        raise _RefusedError(
            Refusal.OUTSIDE_EVOLVE_BLOCK,
            f"block {edit.number}: the new lines hold an EVOLVE-BLOCK marker; leave those as they are",
        )
    # A marker line decides: it always ends as the file's other lines do, and every file has one.
    ending = "\r" if next(line for line in lines if is_marker(line)).endswith("\r") else ""
    lines[placement.start : placement.end] = [line + ending for line in new]


def _place(child: Mapping[str, list[str]], edit: Edit, *, explain: bool) -> tuple[str, Placement]:
    paths = _paths_for(child, edit)
    found = [(path, placement) for path in paths for placement in placements(child[path], edit.search, edit.replace)]
    if not found:
        raise _RefusedError(Refusal.DID_NOT_APPLY, f"block {edit.number}: {_not_found(child, paths if explain else (), edit)}")
    inside = [(path, placement) for path, placement in found if _is_inside(child[path], placement)]
    if not inside:
        path, placement = found[0]
        raise _RefusedError(
            Refusal.OUTSIDE_EVOLVE_BLOCK,
            f"block {edit.number}: it changes line {placement.start + 1} of {path}, outside the EVOLVE-BLOCKs; "
            "only lines between EVOLVE-BLOCK-START and EVOLVE-BLOCK-END may change",
        )
    if len(inside) > 1 and edit.near is not None:
        near = edit.near - 1
        inside.sort(key=lambda item: abs(item[1].match - near))
        if abs(inside[0][1].match - near) < abs(inside[1][1].match - near):
            del inside[1:]
    if len(inside) > 1:
        places = ", ".join(f"line {placement.match + 1} of {path}" for path, placement in inside[:5])
        raise _RefusedError(
            Refusal.DID_NOT_APPLY,
            f"block {edit.number}: SEARCH text found {len(inside)} times ({places}); add lines around it until it is unique",
        )
    return inside[0]


def _paths_for(child: Mapping[str, list[str]], edit: Edit) -> tuple[str, ...]:
    if not any(line.strip() for line in edit.search):
        raise _RefusedError(
            Refusal.DID_NOT_APPLY,
            f"block {edit.number}: SEARCH is empty; repeat the lines that are to change, or lines beside them",
        )
    if edit.path is None:
        return tuple(child)
    path = resolve(edit.path, tuple(child))
    if path is None:
        raise _RefusedError(
            Refusal.DID_NOT_APPLY,
            f"block {edit.number}: it names {edit.path!r}; the files that may change are {', '.join(child)}",
        )
    return (path,)


def _is_inside(lines: list[str], placement: Placement) -> bool:
    return any(block.first_line <= placement.start and placement.end <= block.end_line for block in blocks("\n".join(lines)))


def _not_found(child: Mapping[str, list[str]], paths: tuple[str, ...], edit: Edit) -> str:
    if edit.replace and any(placements(child[path], edit.replace, ()) for path in paths):
        return "SEARCH text not found, but the REPLACE text stands there already"
    found = (closest_lines(child[path], edit.search) for path in paths)
    best = max(found, key=lambda closest: closest.ratio, default=None)
    if best is None or not best.lines:
        return f"SEARCH text not found; it begins with {edit.search[0].strip()[:80]!r}"
    shown = "\n".join(f"    {line}" for line in best.lines)
    return f"SEARCH text not found; the closest lines are, from line {best.first + 1}:\n{shown}"


def _replaced(parent: Mapping[str, str], answer: Answer) -> dict[str, str]:
    if answer.faults:
        raise _RefusedError(Refusal.DID_NOT_APPLY, "\n".join(answer.faults))
    named = [whole for whole in answer.wholes if whole.path is not None]
    child = dict(parent)
    if not named:
        path, whole = _unnamed(parent, answer.wholes)
        child[path] = _grafted(path, parent[path], whole)
        return child
    chosen: dict[str, Whole] = {}
    for whole in named:
        path = resolve(whole.path or "", tuple(parent))
        if path is None:
            raise _RefusedError(
                Refusal.DID_NOT_APPLY, f"the answer names {whole.path!r}; the files that may change are {', '.join(parent)}"
            )
        if path not in chosen or _has_markers(whole) or not _has_markers(chosen[path]):
            chosen[path] = whole
    child.update({path: _grafted(path, parent[path], whole) for path, whole in chosen.items()})
    return child


def _has_markers(whole: Whole) -> bool:
    return any(is_marker(line) for line in whole.lines)


def _unnamed(parent: Mapping[str, str], wholes: list[Whole]) -> tuple[str, Whole]:
    marked = [whole for whole in wholes if _has_markers(whole)]
    whole = marked[-1] if marked else max(wholes, key=lambda one: sum(map(len, one.lines)))
    if len(parent) == 1:
        return next(iter(parent)), whole
    fitting = [path for path, text in parent.items() if marked and _fits(text, whole)]
    if len(fitting) != 1:
        raise _RefusedError(
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


def _grafted(path: str, text: str, whole: Whole) -> str:
    """The parent's fixed text around the answer's blocks."""
    expected = fixed_text(text)
    if not _has_markers(whole):
        return with_blocks(text, (_content(text, _without_frame(path, expected, whole.lines)),))
    answered = "\n".join(whole.lines)
    try:
        spans, came = blocks(answered), fixed_text(answered)
    except EvolveBlockError as error:
        raise _RefusedError(Refusal.DID_NOT_APPLY, f"{path}: {error}") from None
    if len(spans) != len(expected) - 1:
        raise _RefusedError(
            Refusal.OUTSIDE_EVOLVE_BLOCK,
            f"{path}: expected {len(expected) - 1} EVOLVE-BLOCKs, got {len(spans)}; keep every marker line",
        )
    bare = all(is_marker(line) or not line.strip() for part in came for line in part.split("\n"))
    if not bare and _solid(came) != _solid(expected):
        difference = check_only_blocks_changed({path: _settled(expected)}, {path: _settled(came)})
        raise _RefusedError(Refusal.OUTSIDE_EVOLVE_BLOCK, difference or f"{path}: text outside the EVOLVE-BLOCKs was changed")
    return with_blocks(text, tuple(_content(text, answered[span.start : span.end].split("\n")[:-1]) for span in spans))


def _settled(parts: tuple[str, ...]) -> str:
    return "".join(f"{line}\n" for part in _solid(parts) for line in part)


def _without_frame(path: str, expected: tuple[str, ...], lines: tuple[str, ...]) -> list[str]:
    """The content of the only block, from an answer without markers that may repeat the fixed text around it."""
    if len(expected) != 2:
        raise _RefusedError(
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
