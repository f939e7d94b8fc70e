"""Mutation of expressions: numbers, operators, and one value for another."""

import ast
import re

from evolution.expressions import LOOSEST, Expression, Kind, binary, fitted, kind_of, precedence, symbol
from evolution.words import number
from workers.mutation.dice import Dice
from workers.mutation.edits import Edit, Material, applied
from workers.mutation.numbers import float_text, moved_float, moved_int
from workers.mutation.source import Site, Source, literal_value
from workers.mutation.values import Scope, fillings, pick_word, value

_INSTEAD: dict[str, tuple[str, ...]] = {
    "+": ("-", "*", "/"),
    "-": ("+", "*", "/"),
    "*": ("/", "+", "-"),
    "/": ("*", "-", "+"),
    "//": ("*", "%", "+"),
    "%": ("//", "*", "-"),
    "**": ("*", "/"),
}
_COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}
_CHANGED = 0.6
_AUGMENTED = re.compile(r"([-+*/]|//|%)=")


def moved_text(site: Site, dice: Dice) -> str:
    """Source of a number near the literal that stands at `site`, with parentheses where it needs them."""
    literal = literal_value(site.node)
    if isinstance(literal, int) and (site.integral or site.tight == LOOSEST or not dice.chance(0.2)):
        text = moved_int(literal, dice)
    else:
        text = moved_float(float(literal or 0), dice)
    return fitted(number(text), site.tight)


def move_numbers(material: Material, source: Source, dice: Dice) -> list[Edit]:
    """Move one number, or several at once."""
    del material
    left = [site for site in source.sites if site.is_number]
    edits: list[Edit] = []
    for _ in range(dice.several(0.4, 6)):
        if not left:
            break
        site = left.pop(dice.below(len(left)))
        edits.append(Edit(site.start, site.end, moved_text(site, dice)))
    return edits


def change_operator(material: Material, source: Source, dice: Dice) -> list[Edit]:
    """Another operator of the same family, or operands in another order."""
    del material
    binaries = [site for site in source.sites if isinstance(site.node, ast.BinOp) and symbol(site.node.op) in _INSTEAD]
    pool = (*binaries, *source.comparisons, *source.connectives, *source.augmented)
    if not pool:
        return []
    chosen = dice.pick(pool)
    if isinstance(chosen, Site):
        return _other_binary(source, chosen, dice)
    if isinstance(chosen, ast.AugAssign):
        return _other_augmented(source, chosen, dice)
    if isinstance(chosen, ast.BoolOp):
        start, end = source.span(chosen)
        word = " or " if isinstance(chosen.op, ast.And) else " and "
        values = [Expression(source.text_of(part), precedence(part), Kind.OTHER) for part in chosen.values]
        return [Edit(start, end, f"({word.join(fitted(part, 4) for part in values)})")]
    return _other_comparison(source, chosen, dice)


def _other_binary(source: Source, site: Site, dice: Dice) -> list[Edit]:
    if not isinstance(site.node, ast.BinOp):
        return []
    left, right = (
        Expression(source.text_of(part), precedence(part), kind_of(part, site.names))
        for part in (site.node.left, site.node.right)
    )
    sign = symbol(site.node.op)
    if sign not in {"+", "*"} and dice.chance(0.3):
        left, right = right, left
    else:
        sign = dice.weighted(_INSTEAD[sign], (4.0, 2.0, 1.0)[: len(_INSTEAD[sign])])
    return [Edit(site.start, site.end, fitted(binary(left, sign, right), site.tight))]


def _other_comparison(source: Source, node: ast.Compare, dice: Dice) -> list[Edit]:
    sign = _COMPARISONS.get(type(node.ops[0]))
    if sign is None:
        return []
    others = [other for other in _COMPARISONS.values() if other != sign]
    left, right = (
        fitted(Expression(source.text_of(part), precedence(part), Kind.OTHER), 6) for part in (node.left, node.comparators[0])
    )
    return [Edit(*source.span(node), f"{left} {dice.pick(others)} {right}")]


def _other_augmented(source: Source, node: ast.AugAssign, dice: Dice) -> list[Edit]:
    start, end = source.span(node.target)[1], source.span(node.value)[0]
    match = _AUGMENTED.search(source.text, start, end)
    if match is None or match[1] not in _INSTEAD:
        return []
    return [Edit(match.start(1), match.end(1), dice.pick(_INSTEAD[match[1]]))]


def replace(material: Material, source: Source, dice: Dice) -> list[Edit]:
    """A subexpression becomes another value in scope."""
    if not source.sites:
        return []
    site = dice.pick(source.sites)
    if site.is_number and dice.chance(0.5):
        site = dice.pick(source.sites)
    wanted = Kind.INT if site.integral else site.expression.kind
    new = value(Scope(source, site.names, material.words), dice, wanted)
    return [Edit(site.start, site.end, _in_place(source, site, new))] if new.text != site.expression.text else []


def wrap(material: Material, source: Source, dice: Dice) -> list[Edit]:
    """An expression goes into the first hole of a word; now and then its likes in the same statement do the same."""
    sites = [site for site in source.sites if not site.integral and "\n" not in site.expression.text]
    if not sites:
        return []
    site = dice.pick(sites)
    if site.is_number:
        site = dice.pick(sites)
    scope = Scope(source, site.names, material.words)
    word = pick_word(scope, dice)
    if word is None:
        return []
    first = word.holes[0]
    filled = fillings(word, {first: site.expression}, scope, dice, site.expression.kind)
    wrapped = [site, *(_likes(site, sites) if dice.chance(0.5) else ())]
    return [Edit(one.start, one.end, _in_place(source, one, word.filled({**filled, first: one.expression}))) for one in wrapped]


def _likes(site: Site, sites: list[Site]) -> list[Site]:
    """Other variables of the same statement that stand in such a place, too, as `y` does beside `x` in `(x, y)`."""
    if not isinstance(site.node, ast.Name) or site.statement is None:
        return []
    own = (site.statement, site.tight, site.expression.kind)
    likes = [one for one in sites if (one.statement, one.tight, one.expression.kind) == own and one is not site]
    return [one for one in likes if isinstance(one.node, ast.Name) and one.node.id != site.node.id]


def unwrap(material: Material, source: Source, dice: Dice) -> list[Edit]:
    """An operation or a call becomes one of its operands."""
    del material
    sites = [site for site in source.sites if isinstance(site.node, (ast.BinOp, ast.Call, ast.IfExp)) and not site.integral]
    if not sites:
        return []
    site = dice.pick(sites)
    parts = [*site.node.args] if isinstance(site.node, ast.Call) else _operands(site.node)
    parts = [part for part in parts if kind_of(part, site.names) is not Kind.OTHER]
    if not parts:
        return []
    part = dice.pick(parts)
    new = Expression(source.text_of(part), precedence(part), kind_of(part, site.names))
    return [Edit(site.start, site.end, _in_place(source, site, new))]


def _operands(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.BinOp):
        return [node.left, node.right]
    return [node.body, node.orelse] if isinstance(node, ast.IfExp) else []


def _in_place(source: Source, site: Site, new: Expression) -> str:
    """The text for a place; no second pair of parentheses where one stands around it already."""
    enclosed = source.text[: site.start].endswith("(") and source.text.startswith(")", site.end)
    return new.text if enclosed else fitted(new, site.tight)


def change_elements(material: Material, source: Source, dice: Dice) -> list[Edit]:
    """An element of a list of data is repeated with other numbers, split, left out, or changes places with another."""
    del material
    displays = [(node, numeric) for node in source.displays if (numeric := [part for part in node.elts if _numbers(part)])]
    if not displays:
        return []
    display, numeric = dice.pick(displays)
    way = dice.uniform()
    if way < 0.15 and len(display.elts) > 1:
        return _left_out(source, display, dice.below(len(display.elts)))
    if way < 0.25 and len(display.elts) > 1:
        return _exchanged(source, display.elts, dice)
    element = dice.pick(numeric)
    return _repeated(source, element, dice, split=dice.chance(0.5))


def _left_out(source: Source, display: ast.List, place: int) -> list[Edit]:
    start, end = source.span(display.elts[place])
    if place + 1 < len(display.elts):
        return [Edit(start, source.span(display.elts[place + 1])[0], "")]
    return [Edit(source.span(display.elts[place - 1])[1], end, "")]


def _exchanged(source: Source, elements: list[ast.expr], dice: Dice) -> list[Edit]:
    one, two = dice.pick(elements), dice.pick(elements)
    if one is two:
        return []
    return [Edit(*source.span(one), source.text_of(two)), Edit(*source.span(two), source.text_of(one))]


def _repeated(source: Source, element: ast.expr, dice: Dice, *, split: bool) -> list[Edit]:
    """A copy of an element with other numbers behind it; if `split`, a whole number of it is divided between both."""
    start, end = source.span(element)
    numbers = sorted(_numbers(element), key=lambda part: source.span(part)[0])
    wholes = [part for part in numbers if isinstance(value_ := literal_value(part), int) and value_ >= 2]
    shared = dice.pick(wholes) if split and wholes else None
    others = [part for part in numbers if part is not shared]
    always = dice.pick(others) if others else None
    edits: list[Edit] = []
    changes: list[Edit] = []
    for part in numbers:
        low, high = source.span(part)
        if part is shared:
            total = int(literal_value(part) or 0)
            left = 1 if dice.chance(0.3) else 1 + dice.below(total - 1)
            kept, given = (left, total - left) if dice.chance(0.5) else (total - left, left)
            edits.append(Edit(low, high, str(kept)))
            changes.append(Edit(low - start, high - start, str(given)))
        elif part is always or dice.chance(_CHANGED):
            changes.append(Edit(low - start, high - start, _scattered(part, dice)))
    return [*edits, Edit(end, end, f", {applied(source.text[start:end], changes)}")]


def _numbers(node: ast.expr) -> list[ast.expr]:
    """The numeric literals in an element of a list."""
    if literal_value(node) is not None:
        return [node]
    return [found for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr) for found in _numbers(child)]


def _scattered(node: ast.expr, dice: Dice) -> str:
    """A number of about the same size, most often far from the literal."""
    literal = literal_value(node)
    if isinstance(literal, int):
        return moved_int(literal, dice)
    size = float(literal or 0.0)
    way = dice.uniform()
    if way < 0.3 and size:
        return moved_float(size, dice)
    if way < 0.7:
        return float_text(dice.uniform(0.0, 2.0 * size or 1.0), 3)
    return float_text((size or 1.0) * 10.0 ** dice.uniform(-1.0, 1.5), 3)
