"""Mutation of C and C++ by their tokens: numbers, operators, names, and single-line statements, within the blocks."""

import math
import re
from dataclasses import dataclass

from evolution.evolve_blocks import blocks
from evolution.language import Language
from evolution.tokens import BLANK, elements
from workers.mutation.dice import Dice
from workers.mutation.edits import Edit
from workers.mutation.numbers import moved_float, moved_int

_NUMBER = re.compile(r"(?P<digits>[0-9]+|[0-9]*\.[0-9]*(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+)(?P<suffix>[uUlLfF]*)")
_FAMILIES = (
    ("+", "-", "*", "/"),
    ("<", "<=", ">", ">=", "==", "!="),
    ("&&", "||"),
    ("<<", ">>"),
    ("&", "|", "^"),
    ("+=", "-=", "*="),
    ("++", "--"),
)
_OTHERS = {sign: tuple(other for other in family if other != sign) for family in _FAMILIES for sign in family}
_DECLARES = re.compile(
    r"\s*(?:(?:const|static|unsigned|signed|struct|constexpr)\s+)*[A-Za-z_][\w:]*(?:<[^;=]*>)?[\s*&]+\w+\s*(?:=|;|,|\[|\(|\{)"
)
_RESERVED = (
    "auto break case char const continue default do double else enum extern float for goto if inline int long register "
    "restrict return short signed sizeof static struct switch typedef union unsigned void volatile while"
)
_RESERVED_IN_CPP = (
    "alignas alignof bool catch class concept consteval constexpr constinit const_cast decltype delete dynamic_cast explicit "
    "export false friend mutable namespace new noexcept nullptr operator private protected public reinterpret_cast requires "
    "static_assert static_cast template this thread_local throw true try typeid typename using virtual wchar_t std"
)
_KEYWORDS = {
    Language.C: frozenset(_RESERVED.split()),
    Language.CPP: frozenset(f"{_RESERVED} {_RESERVED_IN_CPP}".split()),
}
_TEMPLATE = re.compile(r"(?:template\s*|[A-Za-z_]\w*)<(?:[\w:\s,*<>]|&(?!&))*>")
"""A name with its template arguments, as people write it: a comparison has space around its sign."""
_NO_STATEMENTS = ("return", "else", "case", "default", "break", "using", "typedef", "friend", "throw")


@dataclass(frozen=True, slots=True)
class Token:
    """A number, name or operator in a block, with its character offsets. `lone`: an operator between two operands."""

    kind: str
    text: str
    start: int
    end: int
    lone: bool


@dataclass(frozen=True, slots=True)
class Line:
    """A whole line that holds one simple statement, line end included."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class CSource:
    """All that may change in one C file, in the order of the text."""

    path: str
    text: str
    numbers: tuple[Token, ...]
    operators: tuple[Token, ...]
    names: tuple[Token, ...]
    lines: tuple[Line, ...]


def read_c(path: str, text: str, language: Language) -> CSource:
    """Analyse one file of C or C++.

    Raises:
        EvolveBlockError: its markers do not pair up.
    """
    tokens: list[Token] = []
    lines: list[Line] = []
    for block in blocks(text):
        tokens += _tokens(text, block.start, block.end, language)
        start = block.start
        for line in text[block.start : block.end].splitlines(keepends=True):
            if _is_statement(line):
                lines.append(Line(line, start, start + len(line)))
            start += len(line)
    return CSource(
        path=path,
        text=text,
        numbers=tuple(token for token in tokens if token.kind == "number" and _NUMBER.fullmatch(token.text)),
        operators=tuple(token for token in tokens if token.lone and token.text in _OTHERS),
        names=tuple(token for token in tokens if token.kind == "name" and token.text not in _KEYWORDS[language]),
        lines=tuple(lines),
    )


def _tokens(text: str, start: int, end: int, language: Language) -> list[Token]:
    found: list[Token] = []
    before = ""
    keywords = _KEYWORDS[language]
    for kind, first, last in elements(text, language, start, end):
        if kind in BLANK:
            continue
        sign = text[first:last]
        # A sign behind an operand is binary; behind an operator, a bracket or a keyword it belongs to what follows.
        operand = before in {"number", ")", "]"} or (before == "name")
        lone = kind == "operator" and (sign in {"++", "--"} or operand)
        found.append(Token(kind, sign, first, last, lone))
        before = kind if kind in {"number", "name"} and sign not in keywords else sign
    return _without_types(text, start, end, found) if language is Language.CPP else found


def _without_types(text: str, start: int, end: int, tokens: list[Token]) -> list[Token]:
    """Without what can hardly be changed: qualified names, and what stands in template arguments but for numbers."""
    templates = [match.span() for match in _TEMPLATE.finditer(text, start, end)]
    kept: list[Token] = []
    for index, token in enumerate(tokens):
        qualified = any(0 <= place < len(tokens) and tokens[place].text == "::" for place in (index - 1, index + 1))
        within = any(first <= token.start < last for first, last in templates)
        if token.kind == "number" or not (within or (token.kind == "name" and qualified)):
            kept.append(token)
    return kept


def _is_statement(line: str) -> bool:
    """Whether a line holds one simple statement and no part of another one."""
    code = line.strip()
    plain = code.endswith(";") and not any(sign in code for sign in "{}#") and code.count(";") == 1
    return plain and code.count("(") == code.count(")") and not code.startswith(_NO_STATEMENTS)


def move_numbers(source: CSource, inspiration: CSource | None, dice: Dice) -> list[Edit]:
    """Move one number, or several at once."""
    del inspiration
    left = list(source.numbers)
    edits: list[Edit] = []
    for _ in range(dice.several(0.3, 4)):
        if left:
            token = left.pop(dice.below(len(left)))
            edits.append(Edit(token.start, token.end, moved(token.text, dice)))
    return edits


def moved(literal: str, dice: Dice) -> str:
    """Source of a number near a decimal literal, of the same type."""
    match = _NUMBER.fullmatch(literal)
    if match is None:
        return literal
    digits, suffix = match["digits"], match["suffix"]
    if not digits.isdigit():
        return moved_float(float(digits), dice) + suffix
    # A leading zero would make it octal.
    if (digits.startswith("0") and digits != "0") or dice.chance(0.6):
        return moved_int(int(digits, 8 if digits.startswith("0") else 10), dice) + suffix
    return str(round(int(digits) * math.exp(dice.normal()))) + suffix


def change_operator(source: CSource, inspiration: CSource | None, dice: Dice) -> list[Edit]:
    """Another operator of the same family."""
    del inspiration
    if not source.operators:
        return []
    token = dice.pick(source.operators)
    return [Edit(token.start, token.end, dice.pick(_OTHERS[token.text]))]


def change_name(source: CSource, inspiration: CSource | None, dice: Dice) -> list[Edit]:
    """A name becomes another name, or a number a name and the other way round."""
    del inspiration
    places = (*source.names, *source.numbers)
    if not places or not source.names:
        return []
    token, other = dice.pick(places), dice.pick(places)
    return [Edit(token.start, token.end, other.text)] if token.text != other.text else []


def duplicate(source: CSource, inspiration: CSource | None, dice: Dice) -> list[Edit]:
    """Repeat a statement, unless it declares something, before or behind itself, with other numbers."""
    del inspiration
    lines = [line for line in source.lines if not _DECLARES.match(line.text)]
    if not lines:
        return []
    line = dice.pick(lines)
    copy = line.text
    for token in reversed([token for token in source.numbers if line.start <= token.start < line.end]):
        if dice.chance(0.8):
            copy = copy[: token.start - line.start] + moved(token.text, dice) + copy[token.end - line.start :]
    place = line.start if dice.chance(0.5) else line.end
    return [Edit(place, place, copy)]


def delete(source: CSource, inspiration: CSource | None, dice: Dice) -> list[Edit]:
    """Leave a statement out, unless it declares something."""
    del inspiration
    lines = [line for line in source.lines if not _DECLARES.match(line.text)]
    if not lines:
        return []
    line = dice.pick(lines)
    return [Edit(line.start, line.end, "")]


def swap(source: CSource, inspiration: CSource | None, dice: Dice) -> list[Edit]:
    """Exchange two statements."""
    del inspiration
    if len(source.lines) < 2:
        return []
    first = dice.below(len(source.lines) - 1)
    second = first + 1 if dice.chance(0.6) else dice.below(len(source.lines))
    one, two = source.lines[first], source.lines[second]
    return [Edit(one.start, one.end, two.text), Edit(two.start, two.end, one.text)] if first != second else []


def exchange(source: CSource, inspiration: CSource | None, dice: Dice) -> list[Edit]:
    """Take a statement that the parent does not have from an inspiration."""
    if inspiration is None or not source.lines:
        return []
    own = {line.text.strip() for line in source.lines}
    fresh = [line for line in inspiration.lines if line.text.strip() not in own]
    if not fresh:
        return []
    taken, place = dice.pick(fresh), dice.pick(source.lines)
    return [Edit(place.start, place.end if dice.chance(0.4) else place.start, taken.text)]
