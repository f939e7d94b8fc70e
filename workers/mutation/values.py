"""What may stand in a place: variables in scope, expressions of the program, words of the vocabulary, numbers."""

from collections.abc import Mapping
from dataclasses import dataclass

from evolution.expressions import Expression, Kind
from evolution.words import BASIC, Word, number
from workers.mutation.dice import Dice
from workers.mutation.numbers import fresh_margin, fresh_number, fresh_share
from workers.mutation.source import Source

_DONOR_CHARACTERS = 60
_DONOR_DRAWS = 4
_PLAIN = len(BASIC)
_AFFINITY: dict[tuple[Kind, Kind], float] = {
    (Kind.INT, Kind.INT): 1.0,
    (Kind.FLOAT, Kind.FLOAT): 1.0,
    (Kind.FLOAT, Kind.INT): 0.4,
    (Kind.FLOAT, Kind.UNKNOWN): 0.6,
    (Kind.FLOAT, Kind.ARRAY): 0.05,
    (Kind.ARRAY, Kind.ARRAY): 1.0,
    (Kind.ARRAY, Kind.UNKNOWN): 0.8,
    (Kind.ARRAY, Kind.FLOAT): 0.25,
    (Kind.ARRAY, Kind.INT): 0.08,
    (Kind.UNKNOWN, Kind.UNKNOWN): 1.0,
    (Kind.UNKNOWN, Kind.ARRAY): 0.8,
    (Kind.UNKNOWN, Kind.FLOAT): 0.6,
    (Kind.UNKNOWN, Kind.INT): 0.25,
}
"""How readily a value of the second kind goes to a place of the first."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What can be read at one place of a file: variables and their kinds, and the words that may be used."""

    source: Source
    names: Mapping[str, Kind]
    words: tuple[Word, ...]

    def reads(self, names: frozenset[str]) -> bool:
        """Whether all of the names are known here."""
        return all(name in self.names or name in self.source.known for name in names)

    def variables(self, wanted: Kind) -> tuple[list[str], list[float]]:
        """Names of values that fit, and how readily each is taken."""
        weights = {name: _AFFINITY.get((wanted, kind), 0.0) for name, kind in self.names.items() if name.isidentifier()}
        return [name for name, weight in weights.items() if weight], [weight for weight in weights.values() if weight]


def pick_word(scope: Scope, dice: Dice, holes: int = 1) -> Word | None:
    """A word with at least so many holes that can be used in this scope; a problem's own words twice as often."""
    own = len(scope.words) - _PLAIN
    weights = [
        (2.0 if place < own else 1.0) * (len(word.holes) >= holes and scope.reads(word.needs))
        for place, word in enumerate(scope.words)
    ]
    return dice.weighted(scope.words, weights) if any(weights) else None


def fillings(
    word: Word, given: Mapping[str, Expression], scope: Scope, dice: Dice, wanted: Kind, depth: int = 1
) -> dict[str, Expression]:
    """An expression for every hole of a word: as given, and drawn for all others."""
    filled = dict(given)
    for name in word.numbers:
        fresh = fresh_share if name in word.shares else fresh_margin if name in word.margins else fresh_number
        filled[name] = number(fresh(dice))
    for name in word.holes:
        if name not in filled:
            filled[name] = value(scope, dice, wanted, depth)
    return filled


def fill(word: Word, given: Mapping[str, Expression], scope: Scope, dice: Dice, wanted: Kind, depth: int = 1) -> Expression:
    """The word, its holes filled as given, and all others with drawn values."""
    return word.filled(fillings(word, given, scope, dice, wanted, depth))


def value(scope: Scope, dice: Dice, wanted: Kind, depth: int = 0) -> Expression:
    """A value of about the wanted kind."""
    way = dice.uniform()
    if wanted is Kind.INT:
        return _whole(scope, dice)
    if way < 0.2 and (donor := _donor(scope, dice, wanted)) is not None:
        return donor
    if way < 0.32 and depth < 2 and (word := pick_word(scope, dice)) is not None:
        return fill(word, {}, scope, dice, wanted, depth + 1)
    names, weights = scope.variables(wanted)
    if not names or (way > 0.92 and wanted is not Kind.ARRAY):
        return number(fresh_number(dice))
    name = dice.weighted(names, weights)
    return Expression(name, 15, scope.names[name], frozenset({name}))


def _whole(scope: Scope, dice: Dice) -> Expression:
    names, weights = scope.variables(Kind.INT)
    if not names or dice.chance(0.3):
        return number(str(dice.below(12)))
    name = dice.weighted(names, weights)
    way = dice.uniform()
    if way < 0.6:
        return Expression(name, 15, Kind.INT, frozenset({name}))
    return Expression(f"{name} {'+' if way < 0.8 else '-'} {1 + dice.below(3)}", 10, Kind.INT, frozenset({name}))


def _donor(scope: Scope, dice: Dice, wanted: Kind) -> Expression | None:
    """An expression of the program that can be read here."""
    for _ in range(_DONOR_DRAWS):
        site = dice.pick(scope.source.sites)
        donor = site.expression
        fits = dice.chance(_AFFINITY.get((wanted, donor.kind), 0.0)) and len(donor.text) <= _DONOR_CHARACTERS
        if fits and donor.names and "\n" not in donor.text and scope.reads(donor.names):
            return donor
    return None
