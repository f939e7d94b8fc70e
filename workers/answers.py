"""What a model's answer asks for: edits by SEARCH/REPLACE or unified diff, or whole programs. Reads, applies nothing.

Understood, in this order; the first form that occurs in the answer is the one that counts:

1. SEARCH/REPLACE blocks, in a fence or bare: `<<<<<<< SEARCH`, lines, `=======`, lines, `>>>>>>> REPLACE`.
2. Unified diffs: hunks that begin with `@@`, or with a fence for `diff`. Their line numbers only choose between equal
   places.
3. Whole programs, or the whole content of the EVOLVE-BLOCK: a fence, a tag (`<answer>`, `<code>`, `<program>`,
   `<file path="…">` …), or the bare answer where it holds EVOLVE-BLOCK markers.

Where several files may change, the file is named by a line `### path` (a bare path, `File: path` and emphasis are
understood too) before a block or fence, by the fence's info (```` ```python path ````), by `+++ path`, or by the tag's
attribute. A named path holds until the next one. Text within `<think>` tags is not part of the answer.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from evolution.evolve_blocks import is_marker

_SEARCH = re.compile(r"[ \t]*<{5,9}[ \t]*(?:SEARCH|ORIGINAL)\b.*", re.IGNORECASE)
_DIVIDER = re.compile(r"[ \t]*={5,9}[ \t]*")
_REPLACE = re.compile(r"[ \t]*>{5,9}[ \t]*(?:(?:REPLACE|UPDATED)\b.*)?", re.IGNORECASE)
_HUNK = re.compile(r"@@(?: -(\d+)(?!\d)\S* \+\S+ @@.*| .*)?")
_FENCE = re.compile(r"([ \t]*)(`{3,}|~{3,}(?!~))([^`]*)")
_LABEL = re.compile(r"file(?:name)?:", re.IGNORECASE)
_PATH = re.compile(r"[\w.-]+(?:/[\w.-]+)*\.[A-Za-z]\w{0,7}")
_TAG = re.compile(
    r"<(answer|code|content|file|final|output|program|result|solution)"
    r"(?:[ \t]+(?:path|name|file)=[\"']([^\"'\n]{1,200})[\"'])?>",
    re.IGNORECASE,
)
_THOUGHT_TAGS = ("think", "thinking", "reasoning", "thought")
_NOT_PROGRAMS = frozenset({"bash", "sh", "shell", "console", "text", "txt", "json", "output", "markdown", "md", "log"})


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace the lines `search` by `replace`. `number` counts from 1 within the answer; `near` is a line from 1."""

    number: int
    path: str | None
    search: tuple[str, ...]
    replace: tuple[str, ...]
    near: int | None = None


@dataclass(frozen=True, slots=True)
class Whole:
    """The new text of a whole file, or of its only EVOLVE-BLOCK, as lines."""

    path: str | None
    lines: tuple[str, ...]


@dataclass(slots=True)
class Answer:
    """Either edits or wholes; `faults` are sentences about parts that could not be read."""

    edits: list[Edit] = field(default_factory=list[Edit])
    wholes: list[Whole] = field(default_factory=list[Whole])
    faults: list[str] = field(default_factory=list[str])

    @property
    def empty(self) -> bool:
        """Whether nothing that could be a program or a part of one was found."""
        return not (self.edits or self.wholes or self.faults)


def resolve(path: str, paths: tuple[str, ...]) -> str | None:
    """The evolvable file that a model means by `path`: itself, the only one of that name, or the only one there is."""
    if path in paths:
        return path
    same_name = [known for known in paths if PurePosixPath(known).name == PurePosixPath(path).name]
    if len(same_name) == 1:
        return same_name[0]
    return paths[0] if len(paths) == 1 else None


def read_answer(text: str, paths: tuple[str, ...]) -> Answer:
    """Read a model's answer; `paths` are the files that may change. Never raises, whatever the text."""
    text = _without_thoughts(text.replace("\r\n", "\n"))
    lines = text.split("\n")
    for read in (_search_replace, _unified):
        answer = read(lines, paths)
        if not answer.empty:
            return answer
    answer = _fenced(lines, paths)
    if not answer.empty:
        return answer
    wholes = list(_tagged(text))
    if not wholes and any(is_marker(line) for line in lines):
        wholes = [Whole(None, tuple(lines))]
    return Answer(wholes=wholes)


def _without_thoughts(text: str) -> str:
    for tag in _THOUGHT_TAGS:
        opening, closing = f"<{tag}>", f"</{tag}>"
        stripped = text.lstrip()
        end = text.rfind(closing)
        if stripped.startswith(opening) or (end >= 0 and opening not in text):
            text = text[end + len(closing) :] if end >= 0 else ""
    return text


def _path_named(line: str, paths: tuple[str, ...]) -> str | None:
    """The path that a line names and holds nothing else beside; a heading may also name a file that is not known."""
    stripped = line.strip()
    if not stripped or len(stripped) > 300:
        return None
    # Emphasis is taken off first without its underscores: a path may begin or end with some of its own.
    for emphasis in ("*`", "*`_"):
        name = _LABEL.sub("", stripped.lstrip("# \t").lstrip(emphasis), count=1).strip(emphasis + ": \t")
        if name in paths or (stripped.startswith("###") and _PATH.fullmatch(name)):
            return name
    return None


def _path_in_info(info: str, paths: tuple[str, ...]) -> str | None:
    for word in re.split(r"[\s:={}\"']+", info):
        if word in paths or ("." in word and _PATH.fullmatch(word[:300])):
            return word
    return None


def _search_replace(lines: list[str], paths: tuple[str, ...]) -> Answer:
    answer = Answer()
    path: str | None = None
    index, number = 0, 0
    while index < len(lines):
        line = lines[index]
        index += 1
        if not _SEARCH.fullmatch(line):
            fence = _FENCE.fullmatch(line)
            path = (_path_in_info(fence[3], paths) if fence else _path_named(line, paths)) or path
            continue
        number += 1
        end = next((i for i in range(index, len(lines)) if _REPLACE.fullmatch(lines[i]) or _SEARCH.fullmatch(lines[i])), None)
        if end is None or not _REPLACE.fullmatch(lines[end]):
            answer.faults.append(f"block {number}: expected a line `>>>>>>> REPLACE` at its end; none came")
            index = len(lines) if end is None else end
            continue
        body, index = lines[index:end], end + 1
        dividers = [i for i, part in enumerate(body) if _DIVIDER.fullmatch(part)]
        if not dividers:
            answer.faults.append(f"block {number}: expected a line `=======` between the old and the new lines; none came")
            continue
        middle = next((i for i in dividers if body[i].strip() == "======="), dividers[0])
        answer.edits.append(Edit(number, path, tuple(body[:middle]), tuple(body[middle + 1 :])))
    return answer


def _unified(lines: list[str], paths: tuple[str, ...]) -> Answer:
    answer = Answer()
    path: str | None = None
    index, number = 0, 0
    while index < len(lines):
        line = lines[index]
        index += 1
        header = _HUNK.fullmatch(line)
        if header is None:
            path = _path_of_diff(line, paths) or path
            if not _opens_bare_hunk(lines, index):
                continue
        number += 1
        body: list[str] = []
        while index < len(lines) and _in_hunk(lines, index):
            body.append(lines[index] or " ")
            index += 1
        while body and not body[-1].strip():
            body.pop()
        old = tuple(part[1:] for part in body if part[0] in " -")
        new = tuple(part[1:] for part in body if part[0] in " +")
        if old == new:
            answer.faults.append(f"hunk {number}: expected lines that begin with - or +; none came")
        else:
            answer.edits.append(Edit(number, path, old, new, int(header[1][:9]) if header and header[1] else None))
    return answer


def _path_of_diff(line: str, paths: tuple[str, ...]) -> str | None:
    for opening in ("+++ ", "*** Update File: "):
        if line.startswith(opening):
            return line[len(opening) :].split("\t", maxsplit=1)[0].strip().removeprefix("b/")
    fence = _FENCE.fullmatch(line)
    return _path_in_info(fence[3], paths) if fence else _path_named(line, paths)


def _opens_bare_hunk(lines: list[str], index: int) -> bool:
    """Whether the line before `index` opens a fence for a diff whose first line is one of a hunk without `@@`."""
    fence = _FENCE.fullmatch(lines[index - 1])
    if fence is None or fence[3].strip().split(" ")[0].lower() not in {"diff", "patch", "udiff"} or index == len(lines):
        return False
    return _in_hunk(lines, index) and not lines[index].startswith(("--- ", "+++ "))


def _in_hunk(lines: list[str], index: int) -> bool:
    line = lines[index]
    if line.startswith("--- ") and index + 1 < len(lines) and lines[index + 1].startswith("+++ "):
        return False
    return not line or line[0] in " +-\\"


def _fenced(lines: list[str], paths: tuple[str, ...]) -> Answer:
    answer = Answer()
    path: str | None = None
    index = 0
    while index < len(lines):
        line = lines[index]
        index += 1
        opening = _FENCE.fullmatch(line)
        if opening is None:
            path = _path_named(line, paths) or path
            continue
        indent, mark, info = opening[1], opening[2], opening[3].strip()
        start = index
        while index < len(lines) and not _closes(lines[index], mark):
            index += 1
        if index == len(lines):
            answer.faults.append(f"the fence {mark} opened in line {start} is not closed: the answer was cut")
            break
        body = tuple(part.removeprefix(indent) for part in lines[start:index])
        index += 1
        language = info.split()[0].lower() if info else ""
        if any(part.strip() for part in body) and (language not in _NOT_PROGRAMS or any(map(is_marker, body))):
            answer.wholes.append(Whole(_path_in_info(info, paths) or path, body))
    return answer


def _closes(line: str, mark: str) -> bool:
    stripped = line.strip()
    return len(stripped) >= len(mark) and stripped == mark[0] * len(stripped)


def _tagged(text: str) -> Iterator[Whole]:
    position = 0
    while (opening := _TAG.search(text, position)) is not None:
        end = text.find(f"</{opening[1]}>", opening.end())
        if end < 0:
            return
        position = end
        body = text[opening.end() : end].strip("\n")
        inner = _TAG.match(body.lstrip())
        if inner is not None:
            position = opening.end()
        elif body.strip():
            yield Whole(opening[2], tuple(body.split("\n")))
