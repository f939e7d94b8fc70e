r"""Where lines that a model repeated stand in a file, white space drift forgiven.

A file is given as `text.split("\n")`; a trailing CR belongs to the line end and never to what is compared.
"""

import difflib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

_Indent = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Placement:
    """`lines[start:end]` become `new_lines`; `match` is the first line of the text that was searched for.

    Lines that old and new text have in common at their edges are left out: they stay as the file has them.
    """

    match: int
    start: int
    end: int
    new_lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Closest:
    """The lines most like the ones that were not found, from index `first`; `ratio` is 0 for none and 1 for equal."""

    ratio: float
    first: int
    lines: tuple[str, ...]


def placements(lines: Sequence[str], search: Sequence[str], replace: Sequence[str]) -> list[Placement]:
    """Every place where `search` stands in `lines`, at the strictest of four comparisons that finds any.

    The comparisons: exact; without trailing white space; all lines shifted alike in indentation; words alone, with
    one indentation of the file for each indentation of `search`. Each is tried with blank lines at the edges of
    `search` first, then without.
    """
    variants = [(tuple(search), tuple(replace))]
    bare = _without_blank_edges(variants[0][0])
    if bare != variants[0][0]:
        variants.append((bare, _without_blank_edges(variants[0][1])))
    for keyed, indented in _COMPARISONS:
        keys = [keyed(line) for line in lines]
        for old, new in variants:
            found = list(_matches(lines, keys, old, [keyed(line) for line in old], indented)) if old else []
            if found:
                return [_trimmed(index, old, new, indent) for index, indent in found]
    return []


def closest_lines(lines: Sequence[str], search: Sequence[str]) -> Closest:
    """The up to three lines that look most like the beginning of `search`. Long lines are compared by their start."""
    wanted = next((line.strip()[:200] for line in search if line.strip()), "")
    stripped = [line.strip()[:200] for line in lines]
    best = difflib.get_close_matches(wanted, stripped, n=1, cutoff=0.4)
    if not wanted or not best:
        return Closest(0.0, 0, ())
    first = stripped.index(best[0])
    shown = tuple(line.rstrip()[:200] for line in lines[first : first + 3])
    return Closest(difflib.SequenceMatcher(None, wanted, best[0]).ratio(), first, shown)


def _without_blank_edges(lines: tuple[str, ...]) -> tuple[str, ...]:
    filled = [index for index, line in enumerate(lines) if line.strip()]
    return lines[filled[0] : filled[-1] + 1] if filled else ()


def _matches(
    lines: Sequence[str],
    keys: list[str],
    search: Sequence[str],
    wanted: list[str],
    indented: Callable[[Sequence[str], Sequence[str]], _Indent | None],
) -> Iterator[tuple[int, _Indent]]:
    width = len(wanted)
    for index in range(len(keys) - width + 1):
        if keys[index] == wanted[0] and keys[index : index + width] == wanted:
            indent = indented(lines[index : index + width], search)
            if indent is not None:
                yield index, indent


def _trimmed(match: int, old: tuple[str, ...], new: tuple[str, ...], indent: _Indent) -> Placement:
    head, shortest = 0, min(len(old), len(new))
    while head < shortest and old[head].rstrip() == new[head].rstrip():
        head += 1
    tail = 0
    while tail < shortest - head and old[-1 - tail].rstrip() == new[-1 - tail].rstrip():
        tail += 1
    kept = new[head : len(new) - tail]
    return Placement(
        match, match + head, match + len(old) - tail, tuple(indent(line) if line.strip() else line for line in kept)
    )


def _indentation(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t"))]


def _unchanged(_file: Sequence[str], _search: Sequence[str]) -> _Indent | None:
    return _same


def _same(line: str) -> str:
    return line


def _shifted(file: Sequence[str], search: Sequence[str]) -> _Indent | None:
    """One shift of indentation that turns every searched line into the file's, or None."""
    pairs = [(_indentation(was), _indentation(now)) for now, was in zip(file, search, strict=True) if was.strip()]
    if not pairs:
        return None
    was, now = pairs[0]
    if now.endswith(was):
        added = now[: len(now) - len(was)]
        return (lambda line: added + line) if all(real == added + told for told, real in pairs) else None
    if not was.endswith(now):
        return None
    cut = was[: len(was) - len(now)]
    if any(told != cut + real for told, real in pairs):
        return None
    return lambda line: line.removeprefix(cut) if line.startswith(cut) else line.lstrip(" \t")


def _translated(file: Sequence[str], search: Sequence[str]) -> _Indent | None:
    """An indentation of the file for each indentation that was searched for, or None where one would need two."""
    known: dict[str, str] = {}
    for now, was in zip(file, search, strict=True):
        if was.strip() and known.setdefault(_indentation(was), _indentation(now)) != _indentation(now):
            return None
    unit = _unit(known)

    def translate(line: str) -> str:
        indent = _indentation(line)
        rest = line[len(indent) :]
        base = max((told for told in known if indent.startswith(told)), key=len, default=None)
        if base is None:
            return line
        beyond = indent[len(base) :]
        if unit is not None and beyond == unit[0] * (len(beyond) // len(unit[0])):
            beyond = unit[1] * (len(beyond) // len(unit[0]))
        return known[base] + beyond + rest

    return translate


def _unit(known: dict[str, str]) -> tuple[str, str] | None:
    """One step of indentation as the model writes it and as the file does, from two levels that are both known."""
    told = sorted(known, key=len)
    if len(told) == 1 and told[0] and known[told[0]]:
        return told[0], known[told[0]]
    for low, high in pairwise(told):
        if high.startswith(low) and known[high].startswith(known[low]) and len(known[high]) > len(known[low]):
            return high[len(low) :], known[high][len(known[low]) :]
    return None


_COMPARISONS: tuple[tuple[Callable[[str], str], Callable[[Sequence[str], Sequence[str]], _Indent | None]], ...] = (
    (lambda line: line.removesuffix("\r"), _unchanged),
    (str.rstrip, _unchanged),
    (str.strip, _shifted),
    (lambda line: " ".join(line.split()), _translated),
)
