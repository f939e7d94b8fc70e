"""What two programs have in common when they differ only in comments, docstrings, formatting and names of locals.

Equal hashes are treated as equal programs: the second one never reaches a sandbox. So a name is replaced by its position
only where nothing else can see it; in doubt it is kept, which costs at most a repeated evaluation.
"""

import ast
import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from evolution.evolve_blocks import blocks
from evolution.language import Language
from evolution.tokens import BLANK, elements


@dataclass(frozen=True, slots=True)
class Normalised:
    """`hash`: SHA-256 (32 bytes) of the normalised syntax trees of all files. `length`: characters of evolvable text.

    `literals`: numeric literals in evolvable text.
    """

    hash: bytes
    length: int
    literals: int


def normalise(files: Mapping[str, str], language: Language) -> Normalised:
    """Normalise the evolvable files of a program, path to text.

    Raises:
        SyntaxError: a Python file does not parse, or is nested too deeply to be compared.
        EvolveBlockError: the markers of a file do not pair up.
    """
    digest = hashlib.sha256()
    length = literals = 0
    forms = _python(files) if language is Language.PYTHON else _others(files, language)
    for path, (form, lines) in forms.items():
        for part in (path.encode(), form.encode("utf-8", "surrogatepass")):
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
        for block in blocks(files[path]):
            length += block.end - block.start
            literals += sum(block.first_line < line <= block.end_line for line in lines)
    return Normalised(hash=digest.digest(), length=length, literals=literals)


def _others(files: Mapping[str, str], language: Language) -> dict[str, tuple[str, list[int]]]:
    """As `_python`: by tokens where those of the language are known."""
    known = language is not Language.TEXT
    return {path: _tokens(files[path], language) if known else _text(files[path]) for path in sorted(files)}


def _python(files: Mapping[str, str]) -> dict[str, tuple[str, list[int]]]:
    """Per path, in path order: the normal form, and the lines (from 1) of its numeric literals."""
    walkers: dict[str, _Walker] = {}
    for path in sorted(files):
        walker = _Walker()
        try:
            walker.value("body", ast.parse(files[path]).body)
        except (RecursionError, MemoryError, ValueError) as error:
            raise SyntaxError(f"{path} cannot be read as Python: {error}") from None
        walkers[path] = walker
    seen = {name for walker in walkers.values() for name in walker.seen}
    keep_all = any(walker.dynamic for walker in walkers.values())
    return {path: (walker.form(seen, keep_all=keep_all), walker.literal_lines) for path, walker in walkers.items()}


_DYNAMIC = frozenset({"locals", "vars", "eval", "exec", "dir"})
_SKIPPED = frozenset({"ctx", "kind", "type_comment", "type_ignores"})
_NUMBERS = frozenset({int, float, complex})
_ANY_KEYWORD = "**"


@dataclass(slots=True, eq=False)
class _Scope:
    """Where names are bound. Only functions and comprehensions rename; names of a module or class are seen outside."""

    index: int
    parent: "_Scope | None"
    renames: bool
    is_class: bool = False
    is_comprehension: bool = False
    bound: set[str] = field(default_factory=set[str])
    parameters: set[str] = field(default_factory=set[str])
    global_names: set[str] = field(default_factory=set[str])
    nonlocal_names: set[str] = field(default_factory=set[str])
    numbers: dict[str, str] = field(default_factory=dict[str, str])


def _owner(scope: _Scope, name: str) -> _Scope | None:
    """The function or comprehension whose local `name` is; None if the name is seen from elsewhere."""
    inner: _Scope | None = scope
    while inner is not None:
        if name in inner.global_names:
            return None
        if name in inner.bound and name not in inner.nonlocal_names and (inner is scope or not inner.is_class):
            return inner if inner.renames else None
        inner = inner.parent
    return None


class _Walker:
    """One pass over a file: the tokens of its tree, with a note of every name that may be a local's.

    `seen` are the names by which arguments are passed; a parameter of such a name keeps it.
    """

    def __init__(self) -> None:
        self.tokens: list[str] = []
        self.names: list[tuple[int, _Scope, str]] = []
        self.seen: set[str] = set()
        self.dynamic = False
        self.literal_lines: list[int] = []
        self.scope = _Scope(index=0, parent=None, renames=False)
        self._scopes = 1

    def form(self, seen: set[str], *, keep_all: bool) -> str:
        """The tokens, each local's name replaced by its scope and the order of its first appearance there."""
        if not keep_all:
            for position, scope, name in self.names:
                owner = _owner(scope, name)
                if owner is None or (name in owner.parameters and (name in seen or _ANY_KEYWORD in seen)):
                    continue
                number = owner.numbers.get(name)
                if number is None:
                    number = owner.numbers[name] = f"{owner.index}.{len(owner.numbers)}"
                self.tokens[position] = number
        return "\0".join(self.tokens)

    def node(self, node: ast.AST) -> None:
        kind = node.__class__
        special = _SPECIAL.get(kind)
        if special is not None:
            special(self, node)
            return
        fields = _FIELDS.get(kind)
        if fields is None:
            fields = _FIELDS[kind] = tuple(name for name in kind._fields if name not in _SKIPPED)
        self.tokens.append(kind.__name__)
        for name in fields:
            self.value(name, getattr(node, name))

    def value(self, name: str, value: Any) -> None:
        """A field: a node, a list of nodes, or a plain value."""
        if isinstance(value, ast.AST):
            self.node(value)
        elif isinstance(value, list):
            self.tokens.append("[")
            for item in value:  # pyright: ignore[reportUnknownVariableType]
                if not _is_mere_text(item):
                    self.value(name, item)
            self.tokens.append("]")
        else:
            self.tokens.append(repr(value))

    def name(self, name: str, *, binds: bool = False) -> None:
        """A name in the present scope."""
        if binds:
            self.scope.bound.add(name)
        self.names.append((len(self.tokens), self.scope, name))
        self.tokens.append("." + name)

    def enter(self, *, renames: bool, is_class: bool = False, is_comprehension: bool = False) -> _Scope:
        """Open a scope within the present one, which is returned so that it can be taken up again."""
        outer = self.scope
        self.scope = _Scope(self._scopes, outer, renames, is_class, is_comprehension)
        self._scopes += 1
        return outer


_FIELDS: dict[type[ast.AST], tuple[str, ...]] = {}


def _is_mere_text(item: Any) -> bool:
    """Whether a statement is a docstring, or other text that does nothing."""
    return item.__class__ is ast.Expr and item.value.__class__ is ast.Constant and item.value.value.__class__ is str


def _name(walker: _Walker, node: ast.Name) -> None:
    if node.id in _DYNAMIC:
        walker.dynamic = True
    walker.name(node.id, binds=node.ctx.__class__ is not ast.Load)


def _constant(walker: _Walker, node: ast.Constant) -> None:
    value = node.value
    if value.__class__ in _NUMBERS:
        walker.literal_lines.append(node.lineno)
    walker.tokens.append(f"{value.__class__.__name__} {value!r}")


def _parameters(walker: _Walker, node: ast.arguments) -> None:
    """The names, bound in the function's own scope; defaults and annotations were read outside of it."""
    walker.tokens.append("parameters")
    for group in (node.posonlyargs, node.args, [node.vararg], node.kwonlyargs, [node.kwarg]):
        walker.tokens.append("|")
        for argument in group:
            if argument is not None:
                walker.scope.parameters.add(argument.arg)
                walker.name(argument.arg, binds=True)


def _annotations(walker: _Walker, node: ast.arguments) -> None:
    walker.value("defaults", node.defaults)
    walker.value("kw_defaults", node.kw_defaults)
    for argument in (*node.posonlyargs, *node.args, node.vararg, *node.kwonlyargs, node.kwarg):
        if argument is not None:
            walker.value("annotation", argument.annotation)


def _function(walker: _Walker, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
    walker.tokens.append(node.__class__.__name__)
    walker.name(node.name, binds=True)
    walker.value("decorator_list", node.decorator_list)
    _annotations(walker, node.args)
    walker.value("returns", node.returns)
    outer = walker.enter(renames=True)
    walker.value("type_params", getattr(node, "type_params", []))
    _parameters(walker, node.args)
    walker.value("body", node.body)
    walker.scope = outer


def _lambda(walker: _Walker, node: ast.Lambda) -> None:
    walker.tokens.append("lambda")
    _annotations(walker, node.args)
    outer = walker.enter(renames=True)
    _parameters(walker, node.args)
    walker.node(node.body)
    walker.scope = outer


def _class(walker: _Walker, node: ast.ClassDef) -> None:
    walker.tokens.append("class")
    walker.name(node.name, binds=True)
    walker.value("decorator_list", node.decorator_list)
    walker.value("bases", node.bases)
    walker.value("keywords", node.keywords)
    outer = walker.enter(renames=False, is_class=True)
    walker.value("type_params", getattr(node, "type_params", []))
    walker.value("body", node.body)
    walker.scope = outer


def _comprehension(walker: _Walker, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> None:
    walker.tokens.append(node.__class__.__name__)
    walker.node(node.generators[0].iter)
    outer = walker.enter(renames=True, is_comprehension=True)
    for place, generator in enumerate(node.generators):
        walker.node(generator.target)
        if place:
            walker.node(generator.iter)
        walker.value("ifs", generator.ifs)
        walker.tokens.append(repr(generator.is_async))
    for part in (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,):
        walker.node(part)
    walker.scope = outer


def _walrus(walker: _Walker, node: ast.NamedExpr) -> None:
    """Within a comprehension the name belongs to the function around it."""
    walker.tokens.append(":=")
    scope = walker.scope
    while scope.is_comprehension and scope.parent is not None:
        scope = scope.parent
    scope.bound.add(node.target.id)
    walker.name(node.target.id)
    walker.node(node.value)


def _call_keyword(walker: _Walker, node: ast.keyword) -> None:
    walker.seen.add(node.arg or _ANY_KEYWORD)
    walker.tokens.append(f"keyword {node.arg}")
    walker.node(node.value)


def _import(walker: _Walker, node: ast.alias) -> None:
    walker.tokens.append(f"import {node.name}")
    walker.name(node.asname or node.name.partition(".")[0], binds=True)


def _except(walker: _Walker, node: ast.ExceptHandler) -> None:
    walker.tokens.append("except")
    walker.value("type", node.type)
    _optional_name(walker, node.name)
    walker.value("body", node.body)


def _optional_name(walker: _Walker, name: str | None) -> None:
    if name is None:
        walker.tokens.append("")
    else:
        walker.name(name, binds=True)


def _match_as(walker: _Walker, node: ast.MatchAs) -> None:
    walker.tokens.append("match as")
    walker.value("pattern", node.pattern)
    _optional_name(walker, node.name)


def _match_star(walker: _Walker, node: ast.MatchStar) -> None:
    walker.tokens.append("match *")
    _optional_name(walker, node.name)


def _match_mapping(walker: _Walker, node: ast.MatchMapping) -> None:
    walker.tokens.append("match {}")
    walker.value("keys", node.keys)
    walker.value("patterns", node.patterns)
    _optional_name(walker, node.rest)


def _global(walker: _Walker, node: ast.Global) -> None:
    walker.scope.global_names.update(node.names)
    walker.tokens.append(f"global {sorted(node.names)}")


def _nonlocal(walker: _Walker, node: ast.Nonlocal) -> None:
    walker.scope.nonlocal_names.update(node.names)
    walker.tokens.append("nonlocal")
    for name in node.names:
        walker.name(name)


_SPECIAL: dict[type[ast.AST], Callable[[_Walker, Any], None]] = {
    ast.Name: _name,
    ast.Constant: _constant,
    ast.FunctionDef: _function,
    ast.AsyncFunctionDef: _function,
    ast.Lambda: _lambda,
    ast.ClassDef: _class,
    ast.ListComp: _comprehension,
    ast.SetComp: _comprehension,
    ast.GeneratorExp: _comprehension,
    ast.DictComp: _comprehension,
    ast.NamedExpr: _walrus,
    ast.keyword: _call_keyword,
    ast.alias: _import,
    ast.ExceptHandler: _except,
    ast.MatchAs: _match_as,
    ast.MatchStar: _match_star,
    ast.MatchMapping: _match_mapping,
    ast.Global: _global,
    ast.Nonlocal: _nonlocal,
}


def _tokens(text: str, language: Language) -> tuple[str, list[int]]:
    """The tokens of a file without comments and space, and the lines of its numbers.

    In C and C++ directives keep space and line end, which mean something there.
    """
    directives = language is not Language.RUST
    tokens: list[str] = []
    lines: list[int] = []
    line = 1
    line_start = True
    directive = False
    for kind, start, end in elements(text, language):
        element = text[start:end]
        if kind == "number":
            lines.append(line)
        elif kind == "newline" and directive:
            tokens.append("\n")
            directive = False
        if kind not in BLANK:
            directive = directive or (directives and element == "#" and line_start)
            tokens.append(element)
            line_start = False
        elif kind != "newline" and directive:
            tokens.append(" ")
        line_start = line_start or kind == "newline"
        line += element.count("\n")
    return "\0".join(tokens), lines


_NUMBER_IN_TEXT = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")


def _text(text: str) -> tuple[str, list[int]]:
    """A text of any language without white space at the ends of lines, and the lines of its numbers."""
    lines = [line.rstrip() for line in text.split("\n")]
    return "\n".join(lines), [number for number, line in enumerate(lines, 1) for _ in _NUMBER_IN_TEXT.findall(line)]
