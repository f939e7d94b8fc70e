"""Turns a model's answer into the files of a child, changing text only within EVOLVE-BLOCKs.

Edits are placed by their old lines: first exactly, then without trailing white space, then shifted in indentation (the
new lines are shifted alike), then by words alone (indentation is translated line by line). All edits of an answer
apply, or none: half an idea is another idea. Every edit that does not apply is named with the reason, for the model.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from evolution.evolve_blocks import blocks, check_only_blocks_changed, is_marker
from evolution.proposal import Refusal
from workers.answers import Answer, Edit, read_answer, resolve
from workers.grafting import Unusable, grafted
from workers.line_matching import Placement, closest_lines, placements

_DETAIL_LIMIT = 2000
_MOST_EDITS = 200
_MOST_EXPLAINED = 5


@dataclass(frozen=True, slots=True)
class NotApplied:
    """Why an answer brought no program. `detail` is written for the model: one line for each part that failed."""

    reason: Refusal
    detail: str


@dataclass(frozen=True, slots=True)
class Applied:
    """The files of a child. `ignored` says what of the answer was left out of it, in words for the model; else empty."""

    files: dict[str, str]
    ignored: str = ""


def apply_answer(parent: Mapping[str, str], text: str) -> Applied | NotApplied:
    """The child's files: those of `parent` with what the answer `text` asks for. Never raises, whatever the text.

    A child equals its parent outside the EVOLVE-BLOCKs to the byte; a file with CRLF line ends gets CRLF in new lines.
    Edits outside of the blocks refuse the answer; what a whole program has there is ignored.
    """
    answer = read_answer(text, tuple(parent))
    if answer.empty:
        return NotApplied(
            Refusal.NO_ANSWER, "expected SEARCH/REPLACE blocks, a diff, or a program in a fence; the answer holds none of them"
        )
    ignored = ""
    try:
        if answer.edits or not answer.wholes:
            child = _edited(parent, answer)
        else:
            child, ignored = grafted(parent, answer)
    except Unusable as refused:
        return NotApplied(refused.reason, refused.detail[:_DETAIL_LIMIT])
    if complaint := check_only_blocks_changed(parent, child):
        return NotApplied(Refusal.OUTSIDE_EVOLVE_BLOCK, complaint[:_DETAIL_LIMIT])
    if child != dict(parent):
        return Applied(child, ignored[:_DETAIL_LIMIT])
    if ignored:
        said = f"nothing was changed within the EVOLVE-BLOCKs; {ignored}"
        return NotApplied(Refusal.OUTSIDE_EVOLVE_BLOCK, said[:_DETAIL_LIMIT])
    return NotApplied(Refusal.NO_CHANGE, "the answer leaves the program as it was")


def ignored_of(parent: Mapping[str, str], text: str) -> str:
    """What was left out of the child that the answer `text` made of `parent`; empty if nothing was."""
    answer = read_answer(text, tuple(parent))
    if answer.edits or not answer.wholes:
        return ""
    try:
        return grafted(parent, answer).ignored
    except Unusable:
        return ""


def _edited(parent: Mapping[str, str], answer: Answer) -> dict[str, str]:
    child = {path: text.split("\n") for path, text in parent.items()}
    refusals = [Unusable(Refusal.DID_NOT_APPLY, fault) for fault in answer.faults]
    if len(answer.edits) > _MOST_EDITS:
        raise Unusable(Refusal.DID_NOT_APPLY, f"expected at most {_MOST_EDITS} blocks, got {len(answer.edits)}")
    for edit in answer.edits:
        try:
            _apply_edit(child, edit, explain=len(refusals) < _MOST_EXPLAINED)
        except Unusable as refused:
            refusals.append(refused)
    if refusals:
        reasons = {refused.reason for refused in refusals}
        reason = reasons.pop() if len(reasons) == 1 else Refusal.DID_NOT_APPLY
        raise Unusable(reason, "\n".join(refused.detail for refused in refusals))
    return {path: "\n".join(lines) for path, lines in child.items()}


def _apply_edit(child: dict[str, list[str]], edit: Edit, *, explain: bool) -> None:
    if edit.search == edit.replace:
        return
    path, placement = _place(child, edit, explain=explain)
    lines = child[path]
    new = placement.new_lines
    if any(is_marker(line) for line in new):
        raise Unusable(
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
        raise Unusable(Refusal.DID_NOT_APPLY, f"block {edit.number}: {_not_found(child, paths if explain else (), edit)}")
    inside = [(path, placement) for path, placement in found if _is_inside(child[path], placement)]
    if not inside:
        path, placement = found[0]
        raise Unusable(
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
        raise Unusable(
            Refusal.DID_NOT_APPLY,
            f"block {edit.number}: SEARCH text found {len(inside)} times ({places}); add lines around it until it is unique",
        )
    return inside[0]


def _paths_for(child: Mapping[str, list[str]], edit: Edit) -> tuple[str, ...]:
    if not any(line.strip() for line in edit.search):
        raise Unusable(
            Refusal.DID_NOT_APPLY,
            f"block {edit.number}: SEARCH is empty; repeat the lines that are to change, or lines beside them",
        )
    if edit.path is None:
        return tuple(child)
    path = resolve(edit.path, tuple(child))
    if path is None:
        raise Unusable(
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
