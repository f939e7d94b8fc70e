"""Changes of a candidate's answer, to see what a judge makes of it: the table of an audit's alterations.

An alteration takes an answer as it came over the wire and returns another one that a candidate could have sent as well.
Numbers in an answer are counted in the order in which they stand; a `slice` over these places says which of them change.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from galapagos_judge import CandidateError
from galapagos_parts import (
    NUMBERS,
    NotApplicable,
    body,
    changed,
    count,
    is_array,
    is_arrays,
    rows,
    same,
    same_form,
)
from galapagos_values import AnyArray

_MANY = 100_000
_DIGITS = 100_000
_LARGE_ARRAY = (4_000_000,)


@dataclass(frozen=True, slots=True)
class Given:
    """One call: the function's arguments, its answer, how many calls of it came before, and the alteration's parameters.

    `places` are the numbers that change, `by` is how much; `earlier` is the function's first answer of the same form.
    """

    arguments: Sequence[Any]
    answer: Any
    number: int
    earlier: Any
    by: float
    places: slice


Alteration = Callable[[Given], Any]


def _like(found: list[Any], original: Any) -> Any:
    return np.array(found, dtype=original.dtype) if is_array(original) else found


def _of_rows(change: Callable[[list[Any]], list[Any]], *, not_floats: bool = False) -> Alteration:
    """An alteration of the elements of an answer's largest part; `not_floats`: where an element twice means nothing new."""

    def alter(given: Given) -> Any:
        inner, put = body(given.answer)
        found = rows(inner)
        if not_floats and isinstance(found[0], float | np.floating):
            raise NotApplicable
        return put(_like(change(found), inner))

    return alter


def _always(value: Any) -> Alteration:
    return lambda _given: value


def _numbers(change: Callable[[Any, float], Any]) -> Alteration:
    return lambda given: changed(given.answer, lambda value: change(value, given.by), given.places)


def _fixed(value: Any) -> Alteration:
    """Every chosen number becomes this value; numbers in arrays only where the array can hold it."""

    def one(old: Any) -> Any:
        if not is_array(old):
            return value
        if isinstance(value, int | float) and not isinstance(value, bool):
            return np.full(old.shape, value)
        raise NotApplicable

    return lambda given: changed(given.answer, one, given.places)


def _floats(change: Callable[[Any, float], Any]) -> Alteration:
    """Of floating-point numbers only."""

    def one(value: Any, by: float) -> Any:
        is_float = value.dtype.kind == "f" if is_array(value) else isinstance(value, float)
        return change(value, by) if is_float else value

    def alter(given: Given) -> Any:
        new = changed(given.answer, lambda value: one(value, given.by), given.places)
        if same(new, given.answer):
            raise NotApplicable
        return new

    return alter


def _number(value: float) -> Alteration:
    """Every chosen number becomes this one, and stays of its type."""

    def one(old: Any) -> Any:
        return np.full_like(old, value) if is_array(old) else type(old)(value)

    return lambda given: changed(given.answer, one, given.places)


def _first_everywhere(given: Given) -> Any:
    numbers: list[Any] = []
    changed(given.answer, lambda value: numbers.append(value) or value)
    first = numbers[0]
    first = first.flat[0].item() if is_array(first) else first

    def one(old: Any) -> Any:
        return np.full(old.shape, first) if is_array(old) else type(old)(first)

    return changed(given.answer, one)


def _corrupted(value: Any, _by: float) -> Any:
    """Another number of the same type and nearly the same size."""
    if is_array(value):
        return value + np.asarray(1, value.dtype)
    return value + 1


def _corrupted_at(given: Given) -> Any:
    """One number is wrong, that at the share `by` of all."""
    place = int(given.by * count(given.answer))
    return changed(given.answer, lambda value: _corrupted(value, 0.0), slice(place, place + 1))


def _coarse(value: Any, _by: float) -> Any:
    """With eight bits of mantissa, as in bfloat16."""
    dtype = value.dtype if is_array(value) else np.dtype(float)
    mantissa, exponent = np.frexp(np.asarray(value, dtype))
    coarse = np.ldexp(np.round(mantissa * 256) / 256, exponent)
    return coarse.astype(dtype) if is_array(value) else float(coarse)


def _echo(given: Given) -> Any:
    inputs: list[Any] = [
        argument for argument in given.arguments if isinstance(argument, list | dict | np.ndarray | str | bytes)
    ]
    if not inputs:
        raise NotApplicable
    if not is_arrays(given.answer):
        return inputs[0]
    whole = next((one for one in inputs if same_form(one, given.answer)), None)
    if whole is not None:
        return whole
    answer: list[AnyArray] = given.answer
    fitting = [
        next((one for one in inputs if is_array(one) and one.shape == old.shape and one.dtype == old.dtype), None)
        for old in answer
    ]
    if any(one is None for one in fitting):
        raise NotApplicable
    return fitting


def _shuffled(given: Given) -> Any:
    order = np.random.default_rng(int(given.by)).permutation

    def change(found: list[Any]) -> list[Any]:
        return [found[place] for place in order(len(found))]

    return _of_rows(change)(given)


def _as_array(given: Given) -> Any:
    inner, put = body(given.answer)
    try:
        array = np.asarray(inner)
    except (ValueError, OverflowError):
        raise NotApplicable from None
    if is_array(inner) or array.ndim == 0 or array.dtype.kind not in NUMBERS:
        raise NotApplicable
    return put(array)


def _many(given: Given) -> Any:
    inner, put = body(given.answer)
    found = rows(inner)
    each = max(1, count(found) // len(found))
    return put(_like((found * (_MANY // len(found) + 1))[: max(2, _MANY // each)], inner))


def _stale(given: Given) -> Any:
    if given.earlier is given.answer:
        raise NotApplicable
    return given.earlier


def _fails_if(chosen: Callable[[Given], bool]) -> Alteration:
    def alter(given: Given) -> Any:
        if chosen(given):
            raise CandidateError("call_error", "ValueError: raised by the audit in the candidate's place")
        return given.answer

    return alter


def _nest(levels: int) -> list[Any]:
    nest: list[Any] = []
    for _ in range(levels):
        nest = [nest]
    return nest


ALTERATIONS: dict[str, Alteration] = {
    # Another value in the answer's place.
    "none": _always(None),
    "text": _always("the best of all answers"),
    "digits": _always("1e9"),
    "claim": _always({"score": 1e9, "value": 1e9, "valid": True}),
    "large_number": _always(1e9),
    "small_number": _always(-1e9),
    "true": _always(True),
    "not_a_number": _always(math.nan),
    "infinite": _always(math.inf),
    "minus_infinite": _always(-math.inf),
    "bytes": _always(b"\x00\xff"),
    "nest": _always(_nest(20)),
    "empty_list": _always([]),
    "empty_dict": _always({}),
    "empty_array": _always(np.empty((0, 2))),
    "complex_array": _always(np.array([1j, 2j])),
    "list_of_dicts": _always([{}, {}]),
    "ragged": _always([[1], [1, 2], [1, 2, 3]]),
    "zero": _always(0),
    # Another value in the place of numbers.
    "number_nan": _fixed(math.nan),
    "number_inf": _fixed(math.inf),
    "number_minus_inf": _fixed(-math.inf),
    "number_true": _fixed(True),
    "number_none": _fixed(None),
    "number_text": _fixed("1e9"),
    "number_nan_text": _fixed("nan"),
    "number_list": _fixed([1]),
    "number_huge": _fixed(2**62),
    "number_huge_float": _fixed(1e308),
    "number_denormal": _fixed(5e-324),
    "number_zero": _number(0),
    "number_one": _number(1),
    "number_minus_one": _number(-1),
    "number_first": _first_everywhere,
    # Elements.
    "first_row_only": _of_rows(lambda found: found[:1]),
    "first_row_everywhere": _of_rows(lambda found: [found[0]] * len(found)),
    "row_twice": _of_rows(lambda found: [*found, found[0]], not_floats=True),
    "every_row_twice": _of_rows(lambda found: found + found, not_floats=True),
    "shuffled": _shuffled,
    "as_array": _as_array,
    "many_rows": _many,
    "large_array": _always(np.zeros(_LARGE_ARRAY)),
    "long_text": _always("7" * _DIGITS),
    # Answers that belong elsewhere.
    "echo": _echo,
    "stale": _stale,
    # Small changes.
    "scaled": _floats(lambda value, by: value * by),
    "shifted": _floats(lambda value, by: value + by),
    "raised": _numbers(lambda value, by: value + by),
    "corrupted": _corrupted_at,
    "coarse": _floats(_coarse),
    # Failures.
    "fails": _fails_if(lambda _given: True),
    "fails_at_times": _fails_if(lambda given: given.number % int(given.by) != 0),
    "fails_at_other_times": _fails_if(lambda given: given.number % int(given.by) == 0),
}
FAILURES = frozenset(name for name in ALTERATIONS if name.startswith("fails"))
