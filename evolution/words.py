"""Words: expressions with holes that mutation assigns to variables, and wraps expressions in."""

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from evolution.expressions import Expression, Kind, fitted, kind_of, precedence, tightness

BASIC = (
    "a + b",
    "a - b",
    "a * b",
    "a / b",
    "C * a",
    "a + C",
    "-a",
    "C * a + b",
    "C * a + (1 - C) * b",
)
"""Plain arithmetic, known whatever a problem's own vocabulary is."""


class WordError(ValueError):
    """A word of a problem's vocabulary is not one Python expression. The text says which, and what to do."""


@dataclass(frozen=True, slots=True)
class Hole:
    """A place of a word: the name of its filling, and the precedence that the place asks for."""

    name: str
    tight: int


@dataclass(frozen=True, slots=True)
class Word:
    """An expression with holes.

    `parts` are fixed text and holes in turn. `holes` are the names of those for values, `numbers` of those for
    numbers, each once, in the order of the text. Of the numbers whose difference from one counts, too, `shares` weigh what
    they are multiplied with, as in `C * a + (1 - C) * b`; `margins` do not, as in `min(max(a, C), 1 - C)`.
    `needs` are the names that the word itself reads.
    """

    parts: tuple[str | Hole, ...]
    holes: tuple[str, ...]
    numbers: tuple[str, ...]
    shares: frozenset[str]
    margins: frozenset[str]
    needs: frozenset[str]
    tree: ast.expr

    def filled(self, fillings: Mapping[str, Expression]) -> Expression:
        """The word with every hole filled: `fillings` holds an expression for each name of `holes` and `numbers`."""
        text = "".join(part if isinstance(part, str) else fitted(fillings[part.name], part.tight) for part in self.parts)
        names = self.needs.union(*(expression.names for expression in fillings.values()))
        kind = kind_of(self.tree, {name: expression.kind for name, expression in fillings.items()})
        return Expression(text, precedence(self.tree), kind, names)


def read_word(text: str) -> Word:
    """Read one word of a vocabulary.

    Raises:
        WordError: it is not a single Python expression.
    """
    flat = " ".join(text.split())
    try:
        tree = ast.parse(flat, mode="eval").body
    except (SyntaxError, ValueError) as error:
        raise WordError(
            f"mutation.vocabulary: expected one Python expression such as 'np.sqrt(a)', got {text!r} ({error}); "
            "correct or remove it (docs/mutation.md describes words)"
        ) from None
    found = sorted(_holes(tree), key=lambda pair: pair[0])
    encoded = flat.encode()
    parts: list[str | Hole] = []
    position = 0
    for start, hole in found:
        parts += [encoded[position:start].decode(), hole]
        position = start + 1
    parts.append(encoded[position:].decode())
    names = list(dict.fromkeys(hole.name for _, hole in found))
    own = frozenset(node.id for node in ast.walk(tree) if isinstance(node, ast.Name)) - set(names)
    multiplied = {id(part) for node in ast.walk(tree) for part in _factors(node)}
    differences = [
        (id(node), node.right.id)
        for node in ast.walk(tree)
        if isinstance(node, ast.BinOp) and ast.unparse(node.left) == "1" and isinstance(node.right, ast.Name)
    ]
    shares = frozenset(name for node, name in differences if node in multiplied)
    return Word(
        parts=tuple(parts),
        holes=tuple(name for name in names if name.islower()),
        numbers=tuple(name for name in names if name.isupper()),
        shares=shares,
        margins=frozenset(name for _, name in differences) - shares,
        needs=own,
        tree=tree,
    )


def _factors(node: ast.AST) -> list[ast.expr]:
    return [node.left, node.right] if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult) else []


def _holes(tree: ast.expr) -> Iterable[tuple[int, Hole]]:
    """Each hole with its offset in bytes."""
    waiting: list[tuple[ast.AST, ast.AST]] = [(tree, ast.Expression(body=tree))]
    while waiting:
        node, parent = waiting.pop()
        if isinstance(node, ast.Name) and len(node.id) == 1 and node.id.isascii() and node.id.isalpha():
            yield node.col_offset, Hole(node.id, tightness(parent, node))
        waiting.extend((child, node) for child in ast.iter_child_nodes(node))


def read_vocabulary(words: Iterable[str]) -> tuple[Word, ...]:
    """A problem's words, in order, and behind them plain arithmetic.

    Raises:
        WordError: one of them is not a single Python expression.
    """
    return tuple(read_word(text) for text in dict.fromkeys((*words, *BASIC)))


def number(text: str) -> Expression:
    """A numeric literal as an expression."""
    kind = Kind.INT if text.lstrip("-").isdigit() else Kind.FLOAT
    return Expression(text, 12 if text.startswith("-") else 15, kind)
