"""Blocks exchanged between elites: what an inspiration does otherwise goes into the child."""

import ast

from evolution.expressions import fitted
from evolution.words import number
from workers.mutation.dice import Dice
from workers.mutation.edits import Edit, Material
from workers.mutation.numbers import float_text
from workers.mutation.scope import read_names
from workers.mutation.source import Site, Source, Statement, literal_value
from workers.mutation.values import Scope

_TAKEN_LINES = 12


def exchange(material: Material, source: Source, dice: Dice) -> list[Edit]:
    """Take a statement that the parent does not have from an inspiration, in place of one of its own or beside it."""
    other = _other(material, source, dice)
    if other is None:
        return []
    own = {(_function_name(statement), _text(source, statement)) for statement in source.statements}
    fresh = [
        statement
        for statement in other.statements
        if (_function_name(statement), _text(other, statement)) not in own
        and other.text.count("\n", statement.start, statement.end) <= _TAKEN_LINES
    ]
    if not fresh:
        return []
    taken = dice.pick(fresh)
    anchor = _counterpart(source, other, taken, dice)
    if anchor is None or not Scope(source, anchor.names, ()).reads(read_names(taken.node) - _bound_inside(taken)):
        return []
    text = _reindented(other, taken, anchor.indent)
    instead = _same_shape(anchor.node, taken.node) and (isinstance(taken.node, ast.Return) or dice.chance(0.7))
    if not instead and isinstance(taken.node, ast.Return):
        return []
    return [Edit(anchor.start, anchor.end if instead else anchor.start, text)]


def blend(material: Material, source: Source, dice: Dice) -> list[Edit]:
    """Step along the line through the numbers of the parent and of an inspiration, where both say the same otherwise."""
    other = _other(material, source, dice)
    if other is None:
        return []
    pairs = _paired_numbers(source, other)
    if not pairs:
        return []
    if dice.chance(0.4):
        return [Edit(site.start, site.end, _literal(site, theirs)) for site, _, theirs in pairs if dice.chance(0.5)]
    step = 0.7 * dice.normal()
    share = 1.0 if dice.chance(0.6) else 0.4
    edits: list[Edit] = []
    for site, ours, theirs in pairs:
        if not dice.chance(share):
            continue
        moved = ours + step * (theirs - ours)
        whole = isinstance(ours, int) and isinstance(theirs, int)
        edits.append(Edit(site.start, site.end, _literal(site, round(moved) if whole else moved)))
    return edits


def _other(material: Material, source: Source, dice: Dice) -> Source | None:
    """The same file of a random inspiration."""
    if not material.inspirations:
        return None
    program = dice.pick(material.inspirations)()
    return next((other for other in program if other.path == source.path), None)


def _function_name(statement: Statement) -> str:
    return statement.function.name if statement.function is not None else ""


def _text(source: Source, statement: Statement) -> str:
    return source.text[statement.start : statement.end].strip()


def _bound_inside(statement: Statement) -> frozenset[str]:
    return frozenset(
        part.id for part in ast.walk(statement.node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
    ) - (read_names(statement.node.value) if isinstance(statement.node, (ast.Assign, ast.AugAssign)) else frozenset())


def _counterpart(source: Source, other: Source, taken: Statement, dice: Dice) -> Statement | None:
    """Where a statement of another program belongs in this one: by its neighbours' text, else at the same place."""
    candidates = [statement for statement in source.statements if _function_name(statement) == _function_name(taken)]
    if not candidates:
        return None
    _, siblings, index = taken.place
    following = other.text_of(siblings[index + 1]).strip() if index + 1 < len(siblings) else None
    if following is not None:
        for statement in candidates:
            if source.text_of(statement.node).strip() == following:
                return statement
    alike = [statement for statement in candidates if _same_shape(statement.node, taken.node)]
    nearest = [statement for statement in alike if statement.place[2] == index]
    return dice.pick(nearest or alike or candidates)


def _same_shape(one: ast.stmt, two: ast.stmt) -> bool:
    """Whether both statements do the same kind of thing to the same names."""
    if type(one) is not type(two):
        return False
    if isinstance(one, ast.Assign) and isinstance(two, ast.Assign):
        return [ast.unparse(target) for target in one.targets] == [ast.unparse(target) for target in two.targets]
    if isinstance(one, ast.AugAssign) and isinstance(two, ast.AugAssign):
        return ast.unparse(one.target) == ast.unparse(two.target)
    return True


def _reindented(source: Source, statement: Statement, indent: str) -> str:
    lines = source.text[statement.start : statement.end].splitlines(keepends=True)
    width = len(statement.indent)
    return "".join(indent + line[width:] if line[:width].isspace() or not width else line for line in lines)


def _paired_numbers(source: Source, other: Source) -> list[tuple[Site, float, float]]:
    """Numbers of both programs that stand in the same place of the same code and differ."""
    theirs_by_code: dict[tuple[str, str], list[Site]] = {}
    for code, sites in _coded_numbers(other):
        theirs_by_code.setdefault(code, sites)
    pairs: list[tuple[Site, float, float]] = []
    for code, sites in _coded_numbers(source):
        for site, match in zip(sites, theirs_by_code.get(code, ()), strict=False):
            ours, theirs = literal_value(site.node), literal_value(match.node)
            if ours is not None and theirs is not None and ours != theirs:
                pairs.append((site, ours, theirs))
    return pairs


def _coded_numbers(source: Source) -> list[tuple[tuple[str, str], list[Site]]]:
    """Per simple statement: its function and its text with every number cut out, and the numbers."""
    found: dict[int, tuple[Statement, list[Site]]] = {}
    for site in source.sites:
        if site.is_number and site.statement is not None:
            found.setdefault(site.statement.start, (site.statement, []))[1].append(site)
    coded: list[tuple[tuple[str, str], list[Site]]] = []
    for statement, sites in found.values():
        parts: list[str] = []
        position = statement.start
        for site in sites:
            parts.append(source.text[position : site.start])
            position = site.end
        end = source.span(statement.node)[1] if not hasattr(statement.node, "body") else position
        parts.append(source.text[position:end])
        coded.append(((_function_name(statement), "\0".join(parts)), sites))
    return coded


def _literal(site: Site, moved: float) -> str:
    text = str(moved) if isinstance(moved, int) else float_text(moved, 6)
    if isinstance(moved, float) and site.integral:
        text = str(round(moved))
    return fitted(number(text), site.tight)
