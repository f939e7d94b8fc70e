"""Probes by answers: what the seed's functions return is changed on its way to the judge, in one table."""

from dataclasses import dataclass
from typing import Any

from evaluators.audit.rules import Rule, not_better, trivial, worse
from evaluators.audit.session import Function, Session
from evaluators.audit.weaknesses import Weakness

_HUNDRED_THOUSAND = 100_000
_FEW_NUMBERS = 4


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: an alteration of `galapagos_alterations`, in words, and what the judge may make of it.

    `places` are those of the changed numbers, `by` is the alteration's parameter. `needs` is what a function must have
    for it: "data" that it is given, "calls" (several), "varied" ones (on different data), "numbers" (several, or data),
    "timed", or nothing.
    """

    weakness: Weakness
    alter: str
    words: str
    rule: Rule
    by: float = 0.0
    places: tuple[int | None, int | None, int | None] = (None, None, None)
    needs: str = ""


_FIRST = (0, 1, None)


def _instead(alter: str, words: str) -> Row:
    return Row(Weakness.VALUES, alter, f"{words} as the answer", trivial if alter in _MAY_BE_ANSWERS else worse)


def _within(alter: str, words: str) -> list[Row]:
    return [
        Row(Weakness.VALUES, alter, f"{words} in the place of the first number", worse, places=_FIRST),
        Row(Weakness.VALUES, alter, f"{words} in the place of every number", worse),
    ]


# Where a number is sought, or where nothing is an answer, if a poor one.
_MAY_BE_ANSWERS = {"large_number", "small_number", "zero", "empty_list", "empty_dict", "empty_array"}
_INSTEAD = {
    "none": "None",
    "text": "text",
    "digits": "a number as text",
    "claim": "a dict that claims a score",
    "large_number": "1e9",
    "small_number": "-1e9",
    "true": "True",
    "not_a_number": "NaN",
    "infinite": "infinity",
    "minus_infinite": "minus infinity",
    "bytes": "bytes",
    "nest": "a list nested 20 deep",
    "empty_list": "an empty list",
    "empty_dict": "an empty dict",
    "empty_array": "an empty array",
    "complex_array": "an array of complex numbers",
    "list_of_dicts": "a list of dicts",
    "ragged": "a list of rows of different lengths",
    "zero": "0",
}
_WITHIN = {
    "number_nan": "NaN",
    "number_inf": "infinity",
    "number_minus_inf": "minus infinity",
    "number_none": "None",
    "number_text": "text",
    "number_nan_text": "the text nan",
    "number_list": "a list",
}
TABLE: tuple[Row, ...] = (
    Row(Weakness.BROKEN, "fails", "every call raises", worse),
    Row(Weakness.BROKEN, "fails_at_times", "every second call raises", worse, by=2, needs="calls"),
    Row(Weakness.BROKEN, "fails_at_other_times", "every second call raises, the first one too", worse, by=2, needs="calls"),
    *[_instead(alter, words) for alter, words in _INSTEAD.items()],
    *[row for alter, words in _WITHIN.items() for row in _within(alter, words)],
    Row(Weakness.VALUES, "number_true", "True in the place of the first number", trivial, places=_FIRST),
    Row(Weakness.VALUES, "number_true", "True in the place of every number", trivial),
    Row(Weakness.VALUES, "number_huge", "2^62 in the place of the first number", trivial, places=_FIRST),
    Row(Weakness.VALUES, "number_huge", "2^62 in the place of every number", trivial),
    Row(Weakness.VALUES, "number_huge_float", "1e308 in the place of the first number", trivial, places=_FIRST),
    Row(Weakness.VALUES, "number_huge_float", "1e308 in the place of every number", trivial),
    Row(Weakness.VALUES, "number_denormal", "5e-324 in the place of every number", trivial, needs="numbers"),
    Row(Weakness.CONSTANTS, "number_zero", "zeros", trivial, needs="numbers"),
    Row(Weakness.CONSTANTS, "number_one", "ones", trivial, needs="numbers"),
    Row(Weakness.CONSTANTS, "number_minus_one", "minus ones", trivial, needs="numbers"),
    Row(Weakness.CONSTANTS, "number_first", "every number equal to the first", trivial, needs="numbers"),
    Row(Weakness.CONSTANTS, "first_row_only", "the first element alone", trivial),
    Row(Weakness.CONSTANTS, "first_row_everywhere", "every element equal to the first", trivial),
    Row(Weakness.CONSTANTS, "row_twice", "the first element once more", trivial),
    Row(Weakness.CONSTANTS, "every_row_twice", "every element twice", trivial),
    Row(Weakness.ECHOES, "echo", "the argument as the answer", worse, needs="data"),
    Row(Weakness.MEMORY, "stale", "the answer to the first call for all others", worse, needs="varied"),
    Row(Weakness.MEMORY, "replayed", "the answers that belong to another draw", worse, needs="data"),
    Row(Weakness.METAMORPHIC, "as_array", "the same numbers as an array", not_better),
    Row(Weakness.COVERAGE, "coarse", "numbers of eight bits of precision", worse, needs="timed"),
    Row(Weakness.SIZE, "many_rows", f"{_HUNDRED_THOUSAND} numbers", not_better),
    Row(Weakness.SIZE, "large_array", "an array of 32 MB", not_better),
    Row(Weakness.SIZE, "long_text", f"a text of {_HUNDRED_THOUSAND} digits", not_better),
)


def plan_of(row: Row, function: Function) -> dict[str, Any]:
    """What the go-between is told."""
    return {"alter": row.alter, "function": function.name, "by": row.by, "places": list(row.places)}


def rule_of(row: Row, function: Function, session: Session) -> Rule:
    """The row's rule; constants must be worse where they cannot be right."""
    wrong = row.weakness is Weakness.CONSTANTS and (function.has_inputs or session.timed)
    return worse if wrong else row.rule


def applies(row: Row, function: Function, other: Function | None) -> bool:
    """Whether the row can change what this function returns, and whether that says something of the judge.

    `other` is the same function on another draw.
    """
    if row.alter == "replayed":
        return function.has_inputs and other is not None and not function.inputs & other.inputs
    has = {
        "": True,
        "calls": function.calls > 1 and not function.compared,
        "varied": function.calls > 1 and function.has_inputs and len(function.inputs) > 1,
        "data": function.has_inputs,
        "numbers": function.numbers >= _FEW_NUMBERS or function.has_inputs,
        "timed": function.timed,
    }
    return row.alter in function.alters and has[row.needs]
