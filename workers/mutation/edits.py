"""Changes of a text, and the material that they are made from."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from evolution.words import Word
from workers.mutation.source import Source


@dataclass(frozen=True, slots=True)
class Edit:
    """The characters from `start` to `end` become `text`."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Material:
    """A parent, file by file, and what may inspire its child: words, and the files of other programs, read on demand."""

    sources: tuple[Source, ...]
    inspirations: tuple[Callable[[], tuple[Source, ...]], ...]
    words: tuple[Word, ...]


def disjoint(edits: Sequence[Edit], others: Iterable[Edit]) -> bool:
    """Whether no edit touches the text of another; two insertions at one place do touch."""
    return not any(
        (edit.start < other.end and other.start < edit.end) or edit.start == other.start for edit in edits for other in others
    )


def applied(text: str, edits: Iterable[Edit]) -> str:
    """The text after all edits, which must be disjoint."""
    parts: list[str] = []
    position = 0
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        parts += [text[position : edit.start], edit.text]
        position = edit.end
    return "".join((*parts, text[position:]))
