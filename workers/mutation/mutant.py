"""One child of one program by random edits within its EVOLVE-BLOCKs."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from numpy.random import Generator

from evolution.language import Language
from evolution.normalise import Normalised, normalise
from evolution.words import Word
from workers.mutation import c_code, exchange, expression_edits, statement_edits
from workers.mutation.c_code import CSource, read_c
from workers.mutation.dice import Dice
from workers.mutation.edits import Edit, Material, applied, disjoint
from workers.mutation.source import Source, read_source

ATTEMPTS = 8
"""So many children are tried before a proposal is given up."""

_DRAWS_PER_EDIT = 6
_MOST_EDITS = 4
_ANOTHER_EDIT = 0.3
_BY_TOKENS = frozenset({Language.C, Language.CPP})


@dataclass(frozen=True, slots=True)
class Parsed:
    """A program read once as material: as a parent, or as an inspiration."""

    files: Mapping[str, str]
    language: Language
    normalised_hash: bytes
    sources: tuple[Source, ...]
    c_sources: tuple[CSource, ...]


@dataclass(frozen=True, slots=True)
class Mutant:
    """A child that parses and differs from its parent."""

    files: Mapping[str, str]
    normalised: Normalised


Inspiration = Callable[[], Parsed]
"""A program that is read only if an edit asks for it."""


def read_program(files: Mapping[str, str], language: Language, normalised_hash: bytes | None = None) -> Parsed:
    """Analyse a program's evolvable files; its normalised hash is computed where it is not known.

    In a language that mutation does not know there is nothing to change.

    Raises:
        SyntaxError: a Python file does not parse.
        EvolveBlockError: the markers of a file do not pair up.
    """
    python = language is Language.PYTHON
    return Parsed(
        files=files,
        language=language,
        normalised_hash=normalised_hash or normalise(files, language).hash,
        sources=tuple(read_source(path, files[path]) for path in sorted(files)) if python else (),
        c_sources=tuple(read_c(path, files[path], language) for path in sorted(files)) if language in _BY_TOKENS else (),
    )


def mutants(
    parent: Parsed, inspirations: Sequence[Inspiration], words: tuple[Word, ...], generator: Generator
) -> Iterator[Mutant]:
    """Up to `ATTEMPTS` children of a parent, each drawn from what the generator gives next.

    All parse and differ from their parent after normalisation. The iterator is empty where nothing can be changed.
    """
    if not parent.sources and not parent.c_sources:
        return
    dice = Dice(generator)
    draw = _python_edits(parent, inspirations, words) if parent.sources else _c_edits(parent, inspirations)
    for _ in range(ATTEMPTS):
        changed = draw(dice)
        if changed is None:
            continue
        path, edits = changed
        files = {**parent.files, path: applied(parent.files[path], edits)}
        try:
            normalised = normalise(files, parent.language)
        except SyntaxError:
            continue
        if normalised.hash != parent.normalised_hash:
            yield Mutant(files, normalised)


Draw = Callable[[Dice], tuple[str, list[Edit]] | None]


def _chain(dice: Dice, one: Callable[[], list[Edit]]) -> list[Edit]:
    """Most often one edit, now and then up to four that do not touch each other."""
    edits: list[Edit] = []
    for _ in range(dice.several(_ANOTHER_EDIT, _MOST_EDITS)):
        for _ in range(_DRAWS_PER_EDIT):
            more = one()
            if more and disjoint(more, edits):
                edits += more
                break
    return edits


def _sources_of(inspiration: Inspiration) -> Callable[[], tuple[Source, ...]]:
    return lambda: inspiration().sources


PythonOperation = Callable[[Material, Source, Dice], list[Edit]]


def _python_edits(parent: Parsed, inspirations: Sequence[Inspiration], words: tuple[Word, ...]) -> Draw:
    material = Material(parent.sources, tuple(_sources_of(other) for other in inspirations), words)
    sizes = [float(len(source.sites) + len(source.statements)) for source in parent.sources]

    def draw(dice: Dice) -> tuple[str, list[Edit]] | None:
        if not any(sizes):
            return None
        source = dice.weighted(parent.sources, sizes)
        operations, weights = _python_weights(source, inspired=bool(inspirations))
        edits = _chain(dice, lambda: dice.weighted(operations, weights)(material, source, dice))
        return (source.path, edits) if edits else None

    return draw


def _python_weights(source: Source, *, inspired: bool) -> tuple[tuple[PythonOperation, ...], tuple[float, ...]]:
    """How often each kind of edit is tried: numbers more often where there are many, deletion where there is much."""
    numbers = sum(site.is_number for site in source.sites)
    table: tuple[tuple[PythonOperation, float], ...] = (
        (expression_edits.move_numbers, 0.6 + 4.0 * min(2.0, numbers / 10) if numbers else 0.0),
        (exchange.blend, 1.5 if inspired and numbers else 0.0),
        (exchange.exchange, 1.2 if inspired else 0.0),
        (expression_edits.change_operator, 0.7),
        (expression_edits.replace, 1.2),
        (expression_edits.wrap, 1.5),
        (expression_edits.unwrap, 0.4),
        (expression_edits.change_elements, 2.0 if source.displays else 0.0),
        (statement_edits.insert, 1.5),
        (statement_edits.accumulate, 1.0),
        (statement_edits.delete, 0.4 * (1.0 + len(source.statements) / 20)),
        (statement_edits.duplicate, 0.6),
        (statement_edits.swap, 0.3),
    )
    return tuple(operation for operation, _ in table), tuple(weight for _, weight in table)


COperation = Callable[[CSource, CSource | None, Dice], list[Edit]]
_C_OPERATIONS: tuple[tuple[COperation, float], ...] = (
    (c_code.move_numbers, 3.0),
    (c_code.change_operator, 1.0),
    (c_code.change_name, 1.0),
    (c_code.duplicate, 1.5),
    (c_code.delete, 0.7),
    (c_code.swap, 0.8),
    (c_code.exchange, 1.2),
)


def _c_edits(parent: Parsed, inspirations: Sequence[Inspiration]) -> Draw:
    operations = tuple(operation for operation, _ in _C_OPERATIONS)
    weights = tuple(weight for _, weight in _C_OPERATIONS)

    def draw(dice: Dice) -> tuple[str, list[Edit]] | None:
        source = dice.pick(parent.c_sources)
        program = dice.pick(inspirations)().c_sources if inspirations else ()
        inspiration = next((other for other in program if other.path == source.path), None)
        edits = _chain(dice, lambda: dice.weighted(operations, weights)(source, inspiration, dice))
        return (source.path, edits) if edits else None

    return draw
