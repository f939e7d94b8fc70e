"""The form of what a candidate answers: its numbers in the order in which they stand, its parts and its rows."""

from collections.abc import Callable
from typing import Any, TypeGuard

import numpy as np
from galapagos_values import AnyArray, NotPlainData, encode

EVERY = slice(None)
NUMBERS = "iuf"
Change = Callable[[Any], Any]


class NotApplicable(Exception):
    """An alteration changes nothing in an answer of this form."""


def is_array(value: object) -> TypeGuard[AnyArray]:
    """Whether it is an array."""
    return isinstance(value, np.ndarray)


def is_list(value: object) -> TypeGuard[list[Any]]:
    """Whether it is a list, which tuples are too once they have crossed the wire."""
    return isinstance(value, list)


def is_dict(value: object) -> TypeGuard[dict[str, Any]]:
    """Whether it is a dict."""
    return isinstance(value, dict)


def changed(answer: Any, change: Change, places: slice = EVERY) -> Any:
    """The answer with `change` applied to the numbers at these places; it gets numbers and arrays of them.

    Raises:
        NotApplicable: no number is there, or an array cannot hold the new ones.
    """
    walk = _Walk(change, places)
    new = walk.through(answer)
    if not walk.met:
        raise NotApplicable
    return new


def count(answer: Any) -> int:
    """How many numbers an answer holds."""
    walk = _Walk(lambda value: value, slice(0, 0))
    walk.through(answer)
    return walk.place


class _Walk:
    def __init__(self, change: Change, places: slice) -> None:
        self._change = change
        self._places = places
        self.place = 0
        self.met = False

    def through(self, value: Any) -> Any:
        if is_list(value):
            return [self.through(item) for item in value]
        if is_dict(value):
            return {key: self.through(item) for key, item in value.items()}
        if is_array(value):
            return self._array(value)
        if type(value) is int or type(value) is float:
            here = range(self.place, self.place + 1)
            self.place += 1
            if self._chosen(here):
                self.met = True
                return self._change(value)
        return value

    def _chosen(self, here: range) -> range:
        """Those of consecutive places that are to change, counted from the first."""
        first, last, step = self._places.start or 0, self._places.stop, self._places.step or 1
        start = max(first, here.start + (first - here.start) % step)
        end = here.stop if last is None else min(last, here.stop)
        return range(start - here.start, end - here.start, step)

    def _array(self, array: AnyArray) -> AnyArray:
        if array.dtype.kind not in NUMBERS:
            return array
        chosen = self._chosen(range(self.place, self.place + array.size))
        self.place += array.size
        if not chosen:
            return array
        new = array.copy()
        flat = new.reshape(-1)
        part = slice(chosen.start, chosen.stop, chosen.step)
        try:
            with np.errstate(all="ignore"):
                values = np.asarray(self._change(flat[part].copy()))
        except OverflowError:
            raise NotApplicable from None
        if values.dtype.kind not in NUMBERS or not np.can_cast(values.dtype, array.dtype, "same_kind"):
            raise NotApplicable
        flat[part] = values
        self.met = True
        return new


def body(answer: Any) -> tuple[Any, Callable[[Any], Any]]:
    """The part of an answer that holds most of its numbers, and a function that puts another in its place."""
    parts: dict[Any, Any] = {}
    if is_dict(answer):
        parts = answer
    elif is_list(answer) and 2 <= len(answer) <= 6:
        parts = dict(enumerate(answer))
    sizes = {key: count(value) for key, value in parts.items()}
    if not sizes or max(sizes.values()) < 0.6 * sum(sizes.values()) or max(sizes.values()) < 2:
        return answer, lambda new: new
    largest = max(sizes, key=lambda key: sizes[key])
    inner, put = body(parts[largest])

    def put_back(new: Any) -> Any:
        replaced = {**parts, largest: put(new)}
        return replaced if is_dict(answer) else list(replaced.values())

    return inner, put_back


def rows(value: Any) -> list[Any]:
    """The elements of a list or an array.

    Raises:
        NotApplicable: it has fewer than two.
    """
    found: list[Any] = value if is_list(value) else []
    if is_array(value) and value.ndim:
        found = list(value)
    if len(found) < 2:
        raise NotApplicable
    return found


def is_arrays(value: Any) -> bool:
    """Whether it is a list of arrays, and not empty."""
    if not is_list(value):
        return False
    found = value
    return bool(found) and all(is_array(item) for item in found)


def same_form(new: Any, old: Any) -> bool:
    """Whether two answers are arrays of equal shapes and dtypes."""
    return is_arrays(new) and is_arrays(old) and form(new) == form(old)


def form(answer: Any) -> str:
    """The shapes and dtypes of an answer that is arrays; of any other what it is."""
    return str([(one.shape, one.dtype.str) for one in answer]) if is_arrays(answer) else type(answer).__name__


def same(new: Any, old: Any) -> bool:
    """Whether two answers are the same bytes on the wire."""
    return fingerprint(new) == fingerprint(old)


def fingerprint(value: Any) -> bytes:
    """What crosses the wire for a value.

    Raises:
        NotApplicable: it cannot cross it.
    """
    try:
        structure, buffers, _ = encode(value)
    except NotPlainData:
        raise NotApplicable from None
    return b"".join([structure, *map(bytes, buffers)])
