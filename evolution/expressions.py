"""Python expressions as text: when parentheses are needed, and what kind of value an expression has."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a value is, as far as it can be seen. `OTHER` takes no part in arithmetic (text, containers, functions)."""

    INT = "int"
    FLOAT = "float"
    ARRAY = "array"
    UNKNOWN = "unknown"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Expression:
    """Source of one expression, how tightly it binds, what kind of value it has, and the names that it reads."""

    text: str
    precedence: int
    kind: Kind
    names: frozenset[str] = frozenset()


ATOM = 15
UNARY = 12
POWER = 13
LOOSEST = 1
_BINARY: dict[type[ast.operator], tuple[str, int]] = {
    ast.Add: ("+", 10),
    ast.Sub: ("-", 10),
    ast.Mult: ("*", 11),
    ast.Div: ("/", 11),
    ast.FloorDiv: ("//", 11),
    ast.Mod: ("%", 11),
    ast.MatMult: ("@", 11),
    ast.Pow: ("**", POWER),
    ast.LShift: ("<<", 9),
    ast.RShift: (">>", 9),
    ast.BitAnd: ("&", 8),
    ast.BitXor: ("^", 7),
    ast.BitOr: ("|", 6),
}


def symbol(operator: ast.operator) -> str:
    """The text of a binary operator."""
    return _BINARY[type(operator)][0]


_PRECEDENCE: dict[type[ast.expr], int] = {
    ast.Tuple: 0,
    ast.NamedExpr: 0,
    ast.Starred: 0,
    ast.Yield: 0,
    ast.YieldFrom: 0,
    ast.Lambda: LOOSEST,
    ast.IfExp: LOOSEST,
    ast.Compare: 5,
    ast.Await: 14,
}


def precedence(node: ast.expr) -> int:
    """How tightly an expression binds: 15 for an atom, 0 for a bare tuple."""
    if isinstance(node, ast.BinOp):
        return _BINARY[type(node.op)][1]
    if isinstance(node, ast.UnaryOp):
        return 4 if isinstance(node.op, ast.Not) else UNARY
    if isinstance(node, ast.BoolOp):
        return 2 if isinstance(node.op, ast.Or) else 3
    return _PRECEDENCE.get(type(node), ATOM)


def tightness(parent: ast.AST, child: ast.AST) -> int:
    """The least precedence that an expression in the place of `child` must have to need no parentheses."""
    level = LOOSEST
    match parent:
        case ast.BinOp(op=ast.Pow()):
            level = 14 if child is parent.left else UNARY
        case ast.BinOp():
            level = _BINARY[type(parent.op)][1] + (child is parent.right)
        case ast.UnaryOp() | ast.BoolOp():
            level = max(precedence(parent), 3) + isinstance(parent, ast.BoolOp)
        case ast.Compare() | ast.Starred():
            level = 6
        case ast.IfExp() | ast.comprehension():
            level = LOOSEST if isinstance(parent, ast.IfExp) and child is parent.orelse else 2
        case ast.Attribute() | ast.Subscript() | ast.Call():
            level = ATOM if child is (parent.func if isinstance(parent, ast.Call) else parent.value) else LOOSEST
        case _:
            pass
    return level


def fitted(expression: Expression, tight: int) -> str:
    """The text, in parentheses where the place binds more tightly than the expression."""
    return expression.text if expression.precedence >= tight else f"({expression.text})"


def binary(left: Expression, sign: str, right: Expression) -> Expression:
    """`left sign right` with the parentheses that it needs."""
    own = next(level for text, level in _BINARY.values() if text == sign)
    tight_left, tight_right = (14, UNARY) if sign == "**" else (own, own + 1)
    text = f"{fitted(left, tight_left)} {sign} {fitted(right, tight_right)}"
    return Expression(text, own, joined(left.kind, right.kind, sign), left.names | right.names)


def joined(left: Kind, right: Kind, sign: str) -> Kind:
    """The kind of the result of a binary operation."""
    if Kind.OTHER in (left, right):
        return Kind.OTHER
    if Kind.ARRAY in (left, right):
        return Kind.ARRAY
    if Kind.UNKNOWN in (left, right):
        return Kind.UNKNOWN
    return Kind.INT if left is right is Kind.INT and sign not in {"/", "**"} else Kind.FLOAT


def either(left: Kind, right: Kind) -> Kind:
    """The kind of a name that holds now one, now the other."""
    if left is right:
        return left
    if Kind.OTHER in (left, right):
        return Kind.OTHER
    return Kind.FLOAT if {left, right} == {Kind.INT, Kind.FLOAT} else Kind.UNKNOWN


_RESULTS = {
    Kind.ARRAY: "array asarray zeros ones empty full arange linspace eye identity zeros_like ones_like empty_like full_like "
    "stack concatenate vstack hstack column_stack meshgrid outer tile repeat roll cumsum sort argsort diff normal uniform "
    "standard_normal copy reshape astype ravel flatten T flat real",
    Kind.FLOAT: "float sum mean std var dot norm median ptp prod trapezoid max min hypot pi e",
    Kind.INT: "len int round argmax argmin size ndim",
    Kind.OTHER: "list tuple dict set str sorted zip enumerate map filter range print isinstance shape dtype",
}
_KIND_BY_NAME = {name: kind for kind, names in _RESULTS.items() for name in names.split()}


def kind_of(node: ast.expr, names: Mapping[str, Kind]) -> Kind:
    """What an expression seems to be, given what its names are. A guess: it steers choices and decides nothing."""
    kind = Kind.OTHER
    match node:
        case ast.Constant():
            kind = _KIND_OF_CONSTANT.get(type(node.value), Kind.OTHER)
        case ast.Name():
            kind = names.get(node.id, Kind.OTHER)
        case ast.BinOp():
            kind = joined(kind_of(node.left, names), kind_of(node.right, names), symbol(node.op))
        case ast.UnaryOp() if not isinstance(node.op, ast.Not):
            kind = kind_of(node.operand, names)
        case ast.IfExp():
            kind = either(kind_of(node.body, names), kind_of(node.orelse, names))
        case ast.Call():
            kind = _kind_of_call(node, names)
        case ast.Attribute(value=ast.Name(id="math")):
            kind = Kind.FLOAT
        case ast.Attribute():
            kind = _KIND_BY_NAME.get(node.attr, Kind.UNKNOWN)
        case ast.Subscript():
            kind = _kind_of_part(node, names)
        case _:
            pass
    return kind


_KIND_OF_CONSTANT: dict[type, Kind] = {int: Kind.INT, float: Kind.FLOAT}


def result_of(function: str) -> str:
    """The key under which a mapping of names holds the kind of a function's result."""
    return f"{function}()"


def _kind_of_call(node: ast.Call, names: Mapping[str, Kind]) -> Kind:
    method = isinstance(node.func, ast.Attribute)
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    kind = _KIND_BY_NAME.get(name, names.get(result_of(name)))
    if isinstance(node.func, ast.Attribute) and getattr(node.func.value, "id", "") == "math":
        return Kind.INT if name in {"floor", "ceil", "comb", "gcd"} else Kind.FLOAT
    if kind is Kind.FLOAT and any(keyword.arg == "axis" for keyword in node.keywords):
        return Kind.ARRAY
    if kind is not None:
        return kind
    kinds = {kind_of(argument, names) for argument in node.args}
    if method and Kind.ARRAY in kinds:
        return Kind.ARRAY
    return Kind.FLOAT if kinds and kinds <= {Kind.INT, Kind.FLOAT} else Kind.UNKNOWN


def _kind_of_part(node: ast.Subscript, names: Mapping[str, Kind]) -> Kind:
    sliced = any(isinstance(part, ast.Slice) for part in ast.walk(node.slice))
    return Kind.ARRAY if sliced and kind_of(node.value, names) is Kind.ARRAY else Kind.UNKNOWN
