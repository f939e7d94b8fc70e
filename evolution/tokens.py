"""The lexical elements of the languages that are read without a parser."""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from evolution.language import Language

_C = re.compile(
    r"""(?P<comment>//(?:\\\r?\n|[^\n])*|/\*.*?(?:\*/|\Z))
    |(?P<space>(?:[ \t\r\f\v]|\\\r?\n)+)
    |(?P<newline>\n)
    |(?P<raw>(?:u8|[uUL])?R"(?P<fence>[^\s()\\]{0,16})\(.*?\)(?P=fence)")
    |(?P<number>\.?[0-9](?:[eEpP][+-]|'(?=\w)|[\w.])*)
    |(?P<name>[A-Za-z_]\w*)
    |(?P<text>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')
    |(?P<operator><<=|>>=|<=>|\.\.\.|->\*|->|\.\*|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||::|[-+*/%&|^]=|\#\#|.)""",
    re.VERBOSE | re.DOTALL,
)
_RUST = re.compile(
    r"""(?P<comment>//[^\n]*)
    |(?P<nested>/\*)
    |(?P<space>[ \t\r\f\v]+)
    |(?P<newline>\n)
    |(?P<raw>[bc]?r(?P<fence>\#*)".*?"(?P=fence))
    |(?P<number>[0-9](?:[eE][+-]|\.(?=[0-9])|\w)*)
    |(?P<text>[bc]?"(?:\\.|[^"\\])*"|b?'(?:\\.[^'\n]*|[^'\\\n])')
    |(?P<name>'?(?:r\#)?[A-Za-z_]\w*)
    |(?P<operator><<=|>>=|\.\.=|\.\.\.|\.\.|->|=>|<<|>>|<=|>=|==|!=|&&|\|\||::|[-+*/%&|^]=|.)""",
    re.VERBOSE | re.DOTALL,
)
_LEXICONS: Mapping[Language, re.Pattern[str]] = {Language.C: _C, Language.CPP: _C, Language.RUST: _RUST}
_EDGE_OF_COMMENT = re.compile(r"/\*|\*/")
BLANK = frozenset({"comment", "space", "newline"})
"""Kinds of elements that mean nothing, but for a directive of C."""


class Element(NamedTuple):
    """`text[start:end]` of a file; `kind` is one of comment, space, newline, raw, number, name, text, operator."""

    kind: str
    start: int
    end: int


def elements(text: str, language: Language, start: int = 0, end: int | None = None) -> Iterator[Element]:
    """The elements of a file, or of a part of it, in order. Every character belongs to exactly one of them."""
    lexicon = _LEXICONS[language]
    stop = len(text) if end is None else end
    position = start
    while position < stop:
        match = lexicon.match(text, position, stop)
        # Each lexicon ends with any one character.
        kind, after = ("operator", position + 1) if match is None else (match.lastgroup or "operator", match.end())
        if kind == "nested":
            kind, after = "comment", _end_of_nested(text, after, stop)
        yield Element(kind, position, after)
        position = after


def _end_of_nested(text: str, start: int, stop: int) -> int:
    """Where a comment that began before `start` ends, comments within it included."""
    depth, position = 1, start
    while depth:
        edge = _EDGE_OF_COMMENT.search(text, position, stop)
        if edge is None:
            return stop
        depth += 1 if edge.group() == "/*" else -1
        position = edge.end()
    return position
