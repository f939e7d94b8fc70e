"""Which names a piece of Python binds and reads, and what kind of value they seem to hold."""

import ast
from collections.abc import Iterable, Iterator, Mapping

from evolution.expressions import Kind, either, kind_of, result_of

Function = ast.FunctionDef | ast.AsyncFunctionDef
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp)
_OWN_SCOPE = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, *COMPREHENSIONS)
_BINDING_FIELDS = ("targets", "target", "elts", "items", "optional_vars", "body", "orelse", "finalbody", "handlers", "cases")
_ARRAY_USES = frozenset({"shape", "size", "ndim", "T", "copy", "sum", "mean", "max", "min", "astype", "dtype", "ravel"})


def within(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Nodes of a body in the order of the text, without the insides of functions, classes and lambdas."""
    for node in body:
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            yield from within(ast.iter_child_nodes(node))


def read_names(node: ast.AST) -> frozenset[str]:
    """Names read anywhere in a node; the target of an augmented assignment is read, too."""
    found: set[str] = set()
    for part in ast.walk(node):
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load):
            found.add(part.id)
        elif isinstance(part, ast.AugAssign) and isinstance(part.target, ast.Name):
            found.add(part.target.id)
    return frozenset(found)


def written_names(node: ast.AST) -> list[str]:
    """Names that a statement, those within it, or an assignment's target bind, sorted.

    Names of functions and comprehensions within it are not its own; those bound by `:=` or by a pattern are passed over.
    """
    found: set[str] = set()
    waiting: list[ast.AST] = [node]
    while waiting:
        part = waiting.pop()
        if isinstance(part, ast.Name):
            if not isinstance(part.ctx, ast.Load):
                found.add(part.id)
        elif isinstance(part, ast.Starred):
            waiting.append(part.value)
        elif not isinstance(part, _OWN_SCOPE):
            for name in _BINDING_FIELDS:
                value: ast.AST | list[ast.AST] | None = getattr(part, name, None)
                if isinstance(value, ast.AST):
                    waiting.append(value)
                elif value:
                    waiting.extend(value)
    return sorted(found)


def module_names(body: list[ast.stmt]) -> frozenset[str]:
    """Every name that a module binds: variables, functions, classes and imports."""
    found: set[str] = set()
    for node in within(body):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, ast.alias):
            found.add(node.asname or node.name.partition(".")[0])
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
    return frozenset(found)


def kinds_in(body: list[ast.stmt], known: Mapping[str, Kind]) -> dict[str, Kind]:
    """The kinds of all names that a body binds, given those that are known already; annotated functions' results, too."""
    kinds: dict[str, Kind] = {}
    for node in within(body):
        for name, kind in _bindings(node, {**known, **kinds}):
            kinds[name] = either(kinds[name], kind) if name in kinds else kind
    return kinds


def parameter_kinds(function: Function) -> dict[str, Kind]:
    """Kinds of the parameters: as annotated, else unknown, unless their use shows that they are no numbers."""
    arguments = function.args
    kinds = {
        argument.arg: _annotated(argument.annotation) if argument.annotation else Kind.UNKNOWN
        for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
    }
    for node in ast.walk(function):
        name = _container_use(node)
        if name is not None and kinds.get(name) is Kind.UNKNOWN:
            kinds[name] = Kind.OTHER
    return kinds


def _bindings(node: ast.AST, known: Mapping[str, Kind]) -> list[tuple[str, Kind]]:
    match node:
        case ast.FunctionDef(name=name, returns=ast.expr() as note) | ast.AnnAssign(target=ast.Name(id=name), annotation=note):
            return [(result_of(name) if isinstance(node, ast.FunctionDef) else name, _annotated(note))]
        case ast.Assign():
            kind = kind_of(node.value, known)
            return [pair for target in node.targets for pair in _targets(target, kind, node.value, known)]
        case ast.AugAssign(target=ast.Name(id=name)):
            grown = kind_of(node.value, known) is Kind.ARRAY and known.get(name) in {Kind.INT, Kind.FLOAT}
            return [(name, Kind.ARRAY)] if grown else []
        case ast.For() | ast.comprehension():
            return _loop_targets(node.target, node.iter)
        case ast.NamedExpr():
            return [(node.target.id, kind_of(node.value, known))]
        case _:
            return []


def _targets(target: ast.expr, kind: Kind, value: ast.expr | None, known: Mapping[str, Kind]) -> list[tuple[str, Kind]]:
    if isinstance(target, ast.Name):
        return [(target.id, kind)]
    if not isinstance(target, (ast.Tuple, ast.List)):
        return []
    parts: list[ast.expr | None] = [None] * len(target.elts)
    if isinstance(value, (ast.Tuple, ast.List)) and len(value.elts) == len(target.elts):
        parts = [*value.elts]
    return [
        pair
        for element, part in zip(target.elts, parts, strict=True)
        for pair in _targets(element, Kind.UNKNOWN if part is None else kind_of(part, known), part, known)
    ]


def _loop_targets(target: ast.expr, iterated: ast.expr) -> list[tuple[str, Kind]]:
    function = getattr(iterated.func, "id", "") if isinstance(iterated, ast.Call) else ""
    if function == "range":
        return _targets(target, Kind.INT, None, {})
    if function == "enumerate" and isinstance(target, ast.Tuple) and len(target.elts) == 2:
        return [*_targets(target.elts[0], Kind.INT, None, {}), *_targets(target.elts[1], Kind.UNKNOWN, None, {})]
    return _targets(target, Kind.UNKNOWN, None, {})


def _annotated(annotation: ast.expr) -> Kind:
    text = ast.unparse(annotation)
    if text in {"int", "float"}:
        return Kind(text)
    return Kind.ARRAY if text.split(".")[-1].split("[")[0] in {"ndarray", "NDArray", "Array", "Tensor"} else Kind.OTHER


def _container_use(node: ast.AST) -> str | None:
    """The name that this node uses as something other than a number or an array."""
    match node:
        case ast.Attribute(value=ast.Name(id=name), attr=attribute) if attribute not in _ARRAY_USES:
            return name
        case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=str())):
            return name
        case ast.Assign(targets=[ast.Tuple()], value=ast.Name(id=name)) | ast.Call(func=ast.Name(id=name)):
            return name
        case _:
            return None
