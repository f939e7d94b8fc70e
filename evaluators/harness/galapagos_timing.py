"""How a judge times a kernel beside a reference, with neither the clock nor the memory within the candidate's reach.

    from galapagos_timing import Output, require_accuracy

    def make_inputs():
        return a, b, Output((96, 160), np.float32)

    def check(inputs, outputs):
        ...raise Rejected

    timing = candidate.compare("matmul", make_inputs, check, reference="references/naive.c")

Measured are processor seconds, T(K), of K calls in one request, K drawn at random, while the process runs only between
the request and its answer. The time of a call is the median of (T(K) - T(0)) / K with the *reference's* T(0), its cost
of an empty request: whatever else the candidate does is its own time. See docs/sandbox.md.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from galapagos_judge import Rejected
from galapagos_slots import AnyArray

MakeInputs = Callable[[], Sequence[Any]]
Check = Callable[[list[Any], list[Any]], None]


class NotTimed(RuntimeError):
    """The measurement failed through no fault of the candidate. The text says why and what to do."""


class Restless(NotTimed):
    """The reference took unequally long: the machine's doing. Every result so far was right."""


class Output:
    """An array that the function is to fill. It holds poison before every call: NaN, or random whole numbers."""

    def __init__(self, shape: tuple[int, ...] | int, dtype: Any) -> None:
        self.array: AnyArray = np.zeros(shape, dtype)


class InPlace:
    """An array that the function changes. It gets a copy of its own in every call."""

    def __init__(self, array: AnyArray) -> None:
        self.array = array


@dataclass(frozen=True, slots=True)
class Timing:
    """What a comparison gave.

    `ratio` is seconds of the reference over seconds of the candidate, the median over `runs`; `spread` the distance of
    its quartiles over the median. `seconds` and `reference_seconds` are processor time of one call. `control` is the same
    ratio of the reference against itself, the median over the runs.
    """

    ratio: float
    seconds: float
    reference_seconds: float
    spread: float
    control: float
    runs: int


def require_accuracy(result: object, exact: AnyArray, plain: AnyArray, scale: AnyArray | float, factor: float = 4.0) -> None:
    """Refuse a result that is less exact than a plain computation in the same precision, `factor` times over.

    `exact` is the answer in higher precision, `plain` that of a straightforward program in the precision of `result`,
    `scale` the size of what was added up (|A| @ |B| for a product of matrices), all for the same inputs. The error is
    max |result - exact| / scale; that of `plain`, or half a unit in the last place if it is smaller, sets the limit.

    Where nothing was added up, `scale` being zero, the result has to be exact. Integers: compare with `np.array_equal`.

    Raises:
        Rejected: the error is beyond the limit or not a number, or the result is no such array.
        NotTimed: the error of `plain` is not finite.
    """
    if not isinstance(result, np.ndarray):
        raise Rejected(f"expected an array {exact.shape} of {plain.dtype}; got {type(result).__name__}")
    array = cast("AnyArray", result)
    if array.shape != exact.shape or array.dtype != plain.dtype:
        raise Rejected(f"expected an array {exact.shape} of {plain.dtype}; got {array.shape} of {array.dtype}")
    floor = float(np.finfo(plain.dtype).eps) / 2
    error = _error(array, exact, scale)
    usual = _error(plain, exact, scale)
    if not np.isfinite(usual):
        raise NotTimed(f"expected plain to be close to exact; its relative error is {usual}")
    limit = factor * max(floor, usual)
    if not error <= limit:
        raise Rejected(f"expected a relative error of at most {limit:.3g}; got {error:.3g}")


def _error(result: AnyArray, exact: AnyArray, scale: AnyArray | float) -> float:
    distance = np.abs(result - exact)
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.max(np.where(distance == 0, 0.0, distance / scale), initial=0.0))
