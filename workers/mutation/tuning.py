"""Numeric tuning: up to eight literals of one program, moved by CMA-ES generation by generation.

Everything about a session is drawn from the run's seed and the session's number, and its optimiser is rebuilt from the
scores of its earlier generations: no state is kept but what the program database holds.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from cmaes import CMA

from evolution.expressions import fitted
from evolution.normalise import normalise
from evolution.randomness import stream
from evolution.words import number
from workers.mutation.c_code import CSource, Token
from workers.mutation.dice import Dice
from workers.mutation.edits import Edit, applied
from workers.mutation.mutant import Mutant, Parsed
from workers.mutation.numbers import float_text
from workers.mutation.source import Site, literal_value

MOST_LITERALS = 8
_DIGITS = 7
_WHOLE_NUMBERS = 0.3


@dataclass(frozen=True, slots=True)
class Literal:
    """A numeric literal to be tuned: where it stands, its value, and the precedence that its place asks for."""

    path: str
    start: int
    end: int
    value: float | int
    tight: int
    suffix: str = ""

    def at(self, z: float, width: float) -> str:
        """Source of the literal `z` steps away, a step being about `width` of its size.

        Small and large numbers, and the distance to one of numbers close to one, move by factors; others by sums.
        Whole numbers stay whole: their step is close to one however small `width` is.
        """
        value = self.value
        if isinstance(value, int):
            text = str(round(value + z * max(0.8, 0.3 * width * abs(value))))
        elif 0.9 <= value < 1.0:
            text = float_text(1.0 - (1.0 - value) * _factor(z * width), _DIGITS + 2)
        elif value and not 0.02 <= abs(value) <= 50.0:
            text = float_text(value * _factor(z * width), _DIGITS)
        else:
            text = float_text(value + z * width * max(abs(value), 0.05), _DIGITS)
        return fitted(number(text), self.tight) + self.suffix


def _factor(exponent: float) -> float:
    return math.exp(max(-20.0, min(2.5 * exponent, 20.0)))


def literals_of(program: Parsed) -> list[Literal]:
    """The literals of a program's blocks that tuning may choose from, in the order of the text."""
    found = [
        Literal(source.path, site.start, site.end, value, site.tight)
        for source in program.sources
        for site in source.sites
        if (value := _value(site)) is not None
    ]
    return found + [_c_literal(source, token) for source in program.c_sources for token in source.numbers]


def _value(site: Site) -> float | int | None:
    return literal_value(site.node)


def _c_literal(source: CSource, token: Token) -> Literal:
    digits = token.text.rstrip("uUlLfF")
    value = int(digits, 8 if digits.startswith("0") else 10) if digits.isdigit() else float(digits)
    return Literal(source.path, token.start, token.end, value, 0, token.text[len(digits) :])


class TuningSession:
    """One session: the literals it moves and its optimiser, at one generation at a time."""

    def __init__(self, parent: Parsed, run_seed: int, session: int, population: int) -> None:
        """Draw the literals and the optimiser's random state from the run's seed and the session's number.

        Raises:
            ValueError: the program has no numeric literal in its blocks.
        """
        generator = stream(run_seed, "tune", session)
        dice = Dice(generator)
        self._parent = parent
        self.literals = _chosen(literals_of(parent), dice)
        if not self.literals:
            raise ValueError("expected a numeric literal in the EVOLVE-BLOCKs; there is none to tune")
        self._width = 10.0 ** dice.uniform(-2.2, -0.5)
        # The library needs two dimensions; of a single literal's pair the second one moves nothing.
        self._optimiser = CMA(
            mean=np.zeros(max(2, len(self.literals))),
            sigma=1.0,
            seed=int(generator.integers(2**31)),
            population_size=population,
        )
        self._population = population
        self.generation = 0
        self._asked = self._ask()

    def _ask(self) -> list[np.ndarray]:
        return [self._optimiser.ask() for _ in range(self._population)]

    def tell(self, scores: Sequence[float | None]) -> None:
        """Go on to the next generation.

        Args:
            scores: of this generation's candidates in index order; higher is better, None is a failure and counts
                as the worst of its generation.
        """
        scored = [score for score in scores if score is not None]
        worst = min(scored, default=0.0)
        self._optimiser.tell(
            [(point, -(worst if score is None else score)) for point, score in zip(self._asked, scores, strict=True)]
        )
        self.generation += 1
        self._asked = self._ask()

    def candidate(self, index: int) -> Mutant:
        """The program that candidate `index` of the present generation stands for; all but literals is the parent's.

        Raises:
            SyntaxError: the language refuses the literals.
        """
        edits: dict[str, list[Edit]] = {}
        for literal, z in zip(self.literals, self._asked[index].tolist(), strict=False):
            edits.setdefault(literal.path, []).append(Edit(literal.start, literal.end, literal.at(z, self._width)))
        files = {path: applied(text, edits.get(path, ())) for path, text in self._parent.files.items()}
        return Mutant(files, normalise(files, self._parent.language))


def _chosen(literals: list[Literal], dice: Dice) -> list[Literal]:
    """Up to eight at random, in the order of the text; whole numbers take part in some sessions only."""
    fractions = [literal for literal in literals if isinstance(literal.value, float)]
    left = literals if len(fractions) < 2 or dice.chance(_WHOLE_NUMBERS) else fractions
    left = list(left)
    taken = [left.pop(dice.below(len(left))) for _ in range(min(MOST_LITERALS, len(left)))]
    return sorted(taken, key=lambda literal: (literal.path, literal.start))
