"""A Python file as material for mutation: which statements and expressions may change, and what is in scope there."""

import ast
import builtins
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from evolution.evolve_blocks import blocks
from evolution.expressions import Expression, Kind, kind_of, precedence, tightness
from workers.mutation.scope import COMPREHENSIONS, Function, kinds_in, module_names, parameter_kinds, written_names

_LINE_END = re.compile(r"\r\n|\r|\n")
_BUILTINS = frozenset(dir(builtins))
_INTEGRAL_CALLS = frozenset(
    ("range", "zeros", "ones", "empty", "full", "eye", "identity", "reshape", "tile", "repeat", "roll", "combinations")
)
_OPAQUE_KEYWORDS = frozenset(("axis", "dtype", "shape", "size", "key", "keepdims", "ddof", "order", "seed", "start"))
_FIXED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Global, ast.Nonlocal)

Place = tuple[ast.stmt, list[ast.stmt], int]
"""A statement with the body that it is part of, and its index there."""


@dataclass(slots=True, eq=False)
class Statement:
    """A statement that may change as a whole: it stands on lines of its own within one block.

    `start` and `end` are the character offsets of its lines, line ends included. `names` is what is in scope before
    it, and of which kind. `place` says where it is in its body, `around` the same of the statements that contain it
    up to its function, the innermost first.
    """

    node: ast.stmt
    place: Place
    around: tuple[Place, ...]
    start: int
    end: int
    indent: str
    names: Mapping[str, Kind]
    function: Function | None


@dataclass(slots=True, eq=False)
class Site:
    """An expression that may change: `expression` stands at `start` to `end` (character offsets).

    `tight` is the precedence that its place asks for; where `integral`, only whole numbers make sense. `statement` is
    the innermost on lines of its own around it, if there is one; `names` is what is in scope.
    """

    node: ast.expr
    start: int
    end: int
    tight: int
    integral: bool
    expression: Expression
    names: Mapping[str, Kind]
    statement: Statement | None

    @property
    def is_number(self) -> bool:
        """Whether it is a numeric literal, perhaps with a minus sign."""
        return literal_value(self.node) is not None


@dataclass(slots=True, eq=False)
class Source:
    """All that may change in one file, in the order of the text.

    `displays` are list displays with at least one element; `known` are the names that every
    place of the file can read besides its locals.
    """

    path: str
    text: str
    line_starts: list[int]
    spans: tuple[tuple[int, int], ...]
    known: frozenset[str] = frozenset()
    statements: list[Statement] = field(default_factory=list[Statement])
    sites: list[Site] = field(default_factory=list[Site])
    displays: list[ast.List] = field(default_factory=list[ast.List])
    comparisons: list[ast.Compare] = field(default_factory=list[ast.Compare])
    connectives: list[ast.BoolOp] = field(default_factory=list[ast.BoolOp])
    augmented: list[ast.AugAssign] = field(default_factory=list[ast.AugAssign])

    def offset(self, line: int, column: int) -> int:
        """Character offset of a position of the syntax tree (line from 1, column in UTF-8 bytes)."""
        start = self.line_starts[line - 1]
        head = self.text[start : start + column]
        return start + (column if head.isascii() else len(head.encode()[:column].decode(errors="ignore")))

    def span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        """Character offsets of a node, without parentheses around it."""
        end_line, end_column = node.end_lineno or node.lineno, node.end_col_offset or node.col_offset
        return self.offset(node.lineno, node.col_offset), self.offset(end_line, end_column)

    def text_of(self, node: ast.expr | ast.stmt) -> str:
        """Source of a node."""
        start, end = self.span(node)
        return self.text[start:end]

    def evolvable(self, start: int, end: int) -> bool:
        """Whether the text between two offsets lies within one block."""
        return any(low <= start and end <= high for low, high in self.spans)

    def touches(self, start: int, end: int) -> bool:
        """Whether some of the text between two offsets lies within a block."""
        return any(low < end and start < high for low, high in self.spans)

    def lines_of(self, node: ast.stmt) -> tuple[int, int] | None:
        """Offsets of the whole lines of a statement; None if it shares them with others."""
        start, end = self.span(node)
        first = self.line_starts[node.lineno - 1]
        following = node.end_lineno or node.lineno
        last = self.line_starts[following] if following < len(self.line_starts) else len(self.text)
        behind = self.text[end:last].strip()
        shared = self.text[first:start].strip() or (behind and not behind.startswith("#"))
        return None if shared or self.text.startswith("elif", start) else (first, last)


def literal_value(node: ast.expr) -> float | int | None:
    """The value of a numeric literal, perhaps with a minus sign; None for anything else."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = literal_value(node.operand) if isinstance(node.operand, ast.Constant) else None
        return None if value is None else -value
    if isinstance(node, ast.Constant) and type(node.value) in {int, float}:
        return node.value if isinstance(node.value, (int, float)) else None
    return None


def read_source(path: str, text: str) -> Source:
    """Analyse one file.

    Raises:
        SyntaxError: the text is not Python.
        EvolveBlockError: its markers do not pair up.
    """
    starts = [0, *(match.end() for match in _LINE_END.finditer(text))]
    tree = ast.parse(text)
    source = Source(path, text, starts, tuple((block.start, block.end) for block in blocks(text)))
    source.known = module_names(tree.body) | _BUILTINS
    kinds = kinds_in(tree.body, {})
    reader = _Reader(source, {name: kind for name, kind in kinds.items() if kind is not Kind.OTHER})
    reader.body(tree.body, {}, (), None)
    source.sites.sort(key=lambda site: (site.start, -site.end))
    return source


class _Reader:
    """Walks a file and notes what may change. `kinds` are those of the present function's names, `names` in scope."""

    def __init__(self, source: Source, globals_: Mapping[str, Kind]) -> None:
        self.source = source
        self.globals = globals_
        self.kinds = globals_
        self.names: Mapping[str, Kind] = {}
        self.statement: Statement | None = None

    def body(
        self, body: list[ast.stmt], names: Mapping[str, Kind], around: tuple[Place, ...], function: Function | None
    ) -> None:
        """Read statements in order, the first of which sees `names`."""
        for index, node in enumerate(body):
            start, end = self.source.span(node)
            place = (node, body, index)
            if self.source.touches(start, end):
                lines = self.source.lines_of(node)
                self.names, self.statement = names, None
                if lines is not None and self.source.evolvable(*lines) and not isinstance(node, _FIXED) and not _is_text(node):
                    indent = self.source.text[lines[0] : start]
                    self.statement = Statement(node, place, around, *lines, indent, names, function)
                    self.source.statements.append(self.statement)
                self.inside(place, names, around, function)
            bound = {name: self.kinds.get(name, Kind.OTHER) for name in written_names(node)}
            if bound:
                names = {**names, **bound}

    def inside(self, place: Place, names: Mapping[str, Kind], around: tuple[Place, ...], function: Function | None) -> None:
        """Read the parts of one statement."""
        node = place[0]
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            self.function(node, names)
            return
        if isinstance(node, ast.ClassDef):
            self.body(node.body, names, (), None)
            return
        for child in _expressions_of(node):
            self.expression(child, node, integral=False)
        if isinstance(node, ast.AugAssign) and self.source.evolvable(*self.source.span(node)):
            self.source.augmented.append(node)
        if isinstance(node, (ast.For, ast.AsyncFor)):
            target = {name: self.kinds.get(name, Kind.OTHER) for name in written_names(node.target)}
            names = {**names, **target}
        for inner in _bodies_of(node):
            self.body(inner, names, (place, *around), function)

    def function(self, node: Function, names: Mapping[str, Kind]) -> None:
        """Read a function: its defaults, then its body with its own names."""
        for default in (*node.args.defaults, *node.args.kw_defaults):
            if default is not None:
                self.expression(default, node.args, integral=False)
        outer = self.kinds
        known = {**self.globals, **names, **parameter_kinds(node)}
        self.kinds = {**known, **kinds_in(node.body, known)}
        self.body(node.body, known, (), node)
        self.kinds = outer

    def expression(self, node: ast.expr, parent: ast.AST, *, integral: bool) -> None:
        """Note an expression and all within it."""
        start, end = self.source.span(node)
        if not self.source.touches(start, end):
            return
        evolvable = self.source.evolvable(start, end)
        if evolvable:
            self.note(node, parent, start, end, integral=integral)
        if literal_value(node) is not None:
            return
        outer = self.names
        if isinstance(node, COMPREHENSIONS):
            bound = [name for generator in node.generators for name in written_names(generator.target)]
            self.names = {**outer, **{name: self.kinds.get(name, Kind.UNKNOWN) for name in bound}}
        for child, child_parent, whole in _children(node, integral=integral):
            self.expression(child, child_parent, integral=whole)
        self.names = outer

    def note(self, node: ast.expr, parent: ast.AST, start: int, end: int, *, integral: bool) -> None:
        """Record an evolvable expression under what it can be used for."""
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            self.source.comparisons.append(node)
        elif isinstance(node, ast.BoolOp):
            self.source.connectives.append(node)
        elif isinstance(node, ast.List) and node.elts and isinstance(node.ctx, ast.Load):
            self.source.displays.append(node)
        if isinstance(getattr(node, "ctx", None), (ast.Store, ast.Del)):
            return
        kind = kind_of(node, self.names)
        if kind is Kind.OTHER:
            return
        names = frozenset(part.id for part in ast.walk(node) if isinstance(part, ast.Name))
        text = self.source.text[start:end]
        expression = Expression(text, precedence(node), kind, names)
        tight = tightness(parent, node)
        self.source.sites.append(Site(node, start, end, tight, integral, expression, self.names, self.statement))


def _expressions_of(node: ast.stmt) -> Iterator[ast.expr]:
    """The expressions of a statement itself that may change; annotations, assertions and the like may not."""
    if isinstance(node, (ast.Assert, ast.Raise, ast.Delete, ast.Global, ast.Nonlocal, ast.Import, ast.ImportFrom)):
        return
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr) and not (isinstance(node, ast.AnnAssign) and child is node.annotation):
            yield child


def _bodies_of(node: ast.stmt) -> Iterator[list[ast.stmt]]:
    for name in ("body", "orelse", "finalbody"):
        inner: list[ast.stmt] = getattr(node, name, [])
        if inner:
            yield inner
    for handler in getattr(node, "handlers", []):
        yield handler.body


def _children(node: ast.expr, *, integral: bool) -> Iterator[tuple[ast.expr, ast.AST, bool]]:
    """The expressions within one, each with its parent and whether it must be a whole number."""
    match node:
        case ast.Call():
            yield from _arguments(node)
        case ast.Subscript():
            if not isinstance(node.value, ast.Name):
                yield node.value, node, False
            yield node.slice, node, True
        case ast.Attribute():
            if not isinstance(node.value, (ast.Name, ast.Attribute)):
                yield node.value, node, False
        case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
            yield node.value if isinstance(node, ast.DictComp) else node.elt, node, False
            yield from ((part, whole, False) for whole in node.generators for part in (whole.iter, *whole.ifs))
        case ast.JoinedStr() | ast.Lambda():
            # A lambda's parameters are unknown here; within formatted text positions are not reliable.
            return
        case _:
            yield from ((child, node, integral) for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr))


def _arguments(node: ast.Call) -> Iterator[tuple[ast.expr, ast.AST, bool]]:
    name = getattr(node.func, "id", "")
    if isinstance(node.func, ast.Attribute):
        name = node.func.attr
        if not isinstance(node.func.value, (ast.Name, ast.Attribute)):
            yield node.func.value, node.func, False
    for argument in node.args:
        yield argument, node, name in _INTEGRAL_CALLS
    for keyword in node.keywords:
        if keyword.arg not in _OPAQUE_KEYWORDS:
            yield keyword.value, keyword, False


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
