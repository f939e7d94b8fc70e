"""Mutation of statements: new assignments to variables that are read later, and statements left out or rearranged."""

import ast
from collections.abc import Mapping, Sequence
from dataclasses import replace

from evolution.expressions import Expression, Kind, fitted
from evolution.words import read_word
from workers.mutation.dice import Dice
from workers.mutation.edits import Edit, Material, applied
from workers.mutation.expression_edits import moved_text
from workers.mutation.scope import read_names, written_names
from workers.mutation.source import Site, Source, Statement
from workers.mutation.values import Scope, fill, pick_word, value

_LEAVES = (ast.Return, ast.Break, ast.Continue, ast.Raise)
_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_COPIED_LINES = 12
_GATHERED_CHARACTERS = 40
_MEMORIES = (
    read_word("C * a + (1 - C) * b"),
    replace(read_word("C * a + b"), shares=frozenset({"C"})),
    read_word("a + b"),
)
_SQUARE = read_word("a * a")
_PARTS = ("{0}", "{0}:", ":{0}", "::2", "1::2", "-1")


def insert(material: Material, source: Source, dice: Dice) -> list[Edit]:
    """A new assignment to a variable that is read afterwards."""
    if not source.statements:
        return []
    anchor = dice.pick(source.statements)
    behind = _is_last(anchor) and not isinstance(anchor.node, _LEAVES) and dice.chance(0.5)
    names: Mapping[str, Kind] = anchor.names
    if behind:
        names = {**names, **{name: Kind.UNKNOWN for name in written_names(anchor.node) if name not in names}}
    targets = _targets(anchor, names, behind=behind)
    if not targets:
        return []
    target = dice.pick(targets)
    if anchor.function is not None and not reaches_a_reader(anchor, target, behind=behind):
        return []
    line = _assignment(Scope(source, names, material.words), target, dice)
    return [_inserted(source, anchor, line, behind=behind)] if line else []


def accumulate(material: Material, source: Source, dice: Dice) -> list[Edit]:
    """A variable takes in a value just before a statement, which then uses the variable with or in place of the value.

    The variable is one that outlives the statement (a slot of a state, or a sum over a loop), so that it gathers what
    it is given.
    """
    site = _gathered_site(source, dice)
    if site is None or site.statement is None:
        return []
    anchor, value_ = site.statement, site.expression
    scope = Scope(source, anchor.names, material.words)
    lasting = _read_after(anchor) - value_.names - set(written_names(anchor.node))
    keepers = [name for name in _own_variables(anchor, anchor.names) if name in lasting]
    if not keepers or not scope.reads(value_.names):
        return []
    keeper = dice.pick(keepers)
    kept = Expression(keeper, 15, anchor.names[keeper], frozenset({keeper}))
    squared = dice.chance(0.35)
    taken = _of_itself(value_, scope, dice) if squared else value_
    word = dice.weighted(_MEMORIES, (4.0, 4.0, 1.0)) if dice.chance(0.85) else pick_word(scope, dice, holes=2)
    other = pick_word(scope, dice, holes=2) if dice.chance(0.8 if squared else 0.35) else None
    if word is None:
        return []
    mixed = fill(word, dict(zip(word.holes, (kept, taken), strict=False)), scope, dice, value_.kind)
    used = (
        kept if other is None else fill(other, dict(zip(other.holes, (value_, kept), strict=False)), scope, dice, value_.kind)
    )
    return [
        _inserted(source, anchor, f"{keeper} = {mixed.text}", behind=False),
        Edit(site.start, site.end, fitted(used, site.tight)),
    ]


def _gathered_site(source: Source, dice: Dice) -> Site | None:
    """A value within a statement; variables more often than expressions."""
    sites = [
        site
        for site in source.sites
        if site.statement is not None
        and not (site.is_number or site.integral or isinstance(site.statement.node, _LEAVES))
        and site.expression.kind in {Kind.ARRAY, Kind.FLOAT, Kind.UNKNOWN}
        and len(site.expression.text) <= _GATHERED_CHARACTERS
    ]
    if not sites:
        return None
    site = dice.pick(sites)
    return site if isinstance(site.node, ast.Name) else dice.pick(sites)


def delete(material: Material, source: Source, dice: Dice) -> list[Edit]:
    """Leave a statement out, unless that would leave a name undefined."""
    del material
    if not source.statements:
        return []
    chosen = dice.pick(source.statements)
    if isinstance(chosen.node, ast.Return) or (isinstance(chosen.node, _LOOPS) and dice.chance(0.7)):
        return []
    missing = [name for name in written_names(chosen.node) if name not in chosen.names]
    if any(reaches_a_reader(chosen, name, behind=True) for name in missing):
        return []
    text = f"{chosen.indent}pass\n" if len(chosen.place[1]) == 1 else ""
    return [Edit(chosen.start, chosen.end, text)]


def duplicate(material: Material, source: Source, dice: Dice) -> list[Edit]:
    """Repeat a statement with other numbers or other values behind it."""
    chosen = _some_statement(source, dice)
    if chosen is None or isinstance(chosen.node, _LEAVES) or source.text.count("\n", chosen.start, chosen.end) > _COPIED_LINES:
        return []
    if isinstance(chosen.node, ast.Assign) and not read_names(chosen.node) & set(written_names(chosen.node)):
        # The copy alone would count: a change of the statement, which other operations make without leaving it behind.
        return []
    within = [site for site in source.sites if chosen.start <= site.start and site.end <= chosen.end]
    numbers = [site for site in within if site.is_number]
    changes: list[Edit] = [
        Edit(site.start - chosen.start, site.end - chosen.start, moved_text(site, dice)) for site in numbers if dice.chance(0.7)
    ]
    if not changes or dice.chance(0.2):
        names = [site for site in within if isinstance(site.node, ast.Name) and not site.integral]
        if names:
            changes.append(_other_name(source, material, dice.pick(names), chosen, dice))
    copy = applied(source.text[chosen.start : chosen.end], changes)
    return [Edit(chosen.end, chosen.end, copy)] if changes else []


def swap(material: Material, source: Source, dice: Dice) -> list[Edit]:
    """Exchange a statement with the next one of its body."""
    del material
    first = _some_statement(source, dice)
    if first is None:
        return []
    _, siblings, index = first.place
    following = siblings[index + 1] if index + 1 < len(siblings) else None
    second = next((other for other in source.statements if other.node is following), None)
    if second is None or isinstance(first.node, _LEAVES) or isinstance(second.node, _LEAVES):
        return []
    if any(name not in first.names and name in read_names(second.node) for name in written_names(first.node)):
        return []
    between = source.text[first.end : second.start]
    text = source.text[second.start : second.end] + between + source.text[first.start : first.end]
    return [Edit(first.start, second.end, text)]


def _some_statement(source: Source, dice: Dice) -> Statement | None:
    return dice.pick(source.statements) if source.statements else None


def _is_last(statement: Statement) -> bool:
    return statement.place[2] == len(statement.place[1]) - 1


def _inserted(source: Source, anchor: Statement, line: str, *, behind: bool) -> Edit:
    place = anchor.end if behind else anchor.start
    end = "\r\n" if "\r\n" in source.text[anchor.start : anchor.end] else "\n"
    return Edit(place, place, f"{anchor.indent}{line}{end}")


def _own_variables(anchor: Statement, names: Mapping[str, Kind]) -> list[str]:
    """Variables that an assignment at this place may change: locals of the function, or names of the module."""
    own = set(names)
    if anchor.function is not None:
        arguments = anchor.function.args
        own = {argument.arg for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)}
        own.update(written_names(ast.Module(anchor.function.body, [])))
    numeric = {Kind.FLOAT, Kind.ARRAY, Kind.UNKNOWN}
    return [name for name, kind in names.items() if kind in numeric and name in own and name.isidentifier()]


def _targets(anchor: Statement, names: Mapping[str, Kind], *, behind: bool) -> list[str]:
    """Variables in scope whose new value something would read."""
    variables = _own_variables(anchor, names)
    if anchor.function is None:
        return variables
    read = _read_after(anchor)
    if not behind:
        read = read | read_names(anchor.node)
    return [name for name in variables if name in read]


def _read_after(statement: Statement) -> frozenset[str]:
    """Names that may be read once the statement is done: behind it, and, in a loop, anywhere in that loop."""
    names: set[str] = set()
    for node, siblings, index in (statement.place, *statement.around):
        if isinstance(node, _LOOPS) and node is not statement.node:
            names |= read_names(node)
        for later in siblings[index + 1 :]:
            names |= read_names(later)
    return frozenset(names)


def reaches_a_reader(anchor: Statement, name: str, *, behind: bool) -> bool:
    """Whether something may read a variable, bound at this place of a function, before it is bound again."""
    _, siblings, index = anchor.place
    found = _first_use(siblings[index + behind :], name)
    for node, outer, place in anchor.around:
        if found is not None:
            break
        if isinstance(node, _LOOPS):
            bound = not isinstance(node, ast.While) and name in written_names(node.target)
            found = None if bound else _first_use(node.body, name) or None
        if found is None:
            found = _first_use(outer[place + 1 :], name)
    return bool(found)


def _first_use(body: Sequence[ast.stmt], name: str) -> bool | None:
    """True if the first statement that uses a name may read it, False if it only binds it, None if none uses it."""
    for node in body:
        if isinstance(node, (ast.For, ast.AsyncFor)) and name in written_names(node.target):
            return name in read_names(node.iter)
        if name in read_names(node):
            return True
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and name in written_names(node):
            return False
    return None


def _assignment(scope: Scope, target: str, dice: Dice) -> str:
    """Source of one assignment to `target`, or to a part of it."""
    kind = scope.names[target]
    kept = Expression(target, 15, kind, frozenset({target}))
    place = target
    if kind is Kind.ARRAY and dice.chance(0.2):
        place = f"{target}[{dice.pick(_PARTS).format(dice.below(24))}]"
    if dice.chance(0.35):
        sign = dice.weighted(("+", "-", "*", "/"), (3.0, 2.0, 2.0, 1.0))
        return f"{place} {sign}= {value(scope, dice, kind).text}"
    word = pick_word(scope, dice)
    if word is None:
        return ""
    given = {dice.pick(word.holes): kept} if dice.chance(0.6) else {}
    new = fill(word, given, scope, dice, kind)
    return f"{place} = {new.text}" if new.text != target else ""


def _of_itself(expression: Expression, scope: Scope, dice: Dice) -> Expression:
    """A word with the same expression in every hole, most often its square."""
    word = _SQUARE if dice.chance(0.6) else pick_word(scope, dice)
    if word is None:
        return expression
    return fill(word, dict.fromkeys(word.holes, expression), scope, dice, expression.kind)


def _other_name(source: Source, material: Material, site: Site, chosen: Statement, dice: Dice) -> Edit:
    new = value(Scope(source, site.names, material.words), dice, site.expression.kind)
    return Edit(site.start - chosen.start, site.end - chosen.start, fitted(new, site.tight))
