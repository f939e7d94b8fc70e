"""How the arguments of batched calls lie in shared memory; candidate, reference and judge each compute it alike.

A layout is plain data: `slots`, how many sets of arguments there are; `arguments`, for each one a number passed by
value or (area, dtype, shape, offset). Area 0 holds what is only read, area 1 what is written; `strides` are the bytes
from one slot to the next in each.
"""

from collections.abc import Sequence
from math import prod
from typing import Any, cast

import numpy as np

READ, WRITTEN = 0, 1
SHARE, RUN = "\0share", "\0run"
"""Names of requests that no function can have: take shared memory over; call a range of slots."""
EMPTY_STRIDE = 64
"""The stride of an area without arrays."""
Layout = dict[str, Any]
_ALIGNMENT, _GUARD = 64, 64
"""The guard is bytes behind each array that nobody may write: a line of the cache, so that the same place of all slots is not
in one set of it."""
AnyArray = np.ndarray[Any, np.dtype[Any]]


def lay_out(arguments: Sequence[tuple[int, AnyArray] | int | float]) -> Layout:
    """The layout of sets like this one, with `slots` not yet known."""
    strides = [0, 0]
    placed: list[object] = []
    for argument in arguments:
        if not isinstance(argument, tuple):
            placed.append(argument)
            continue
        area, array = argument
        placed.append((area, array.dtype.str, array.shape, strides[area]))
        strides[area] += array.nbytes + -array.nbytes % _ALIGNMENT + _GUARD
    return {"slots": 0, "arguments": placed, "strides": [stride or EMPTY_STRIDE for stride in strides]}


def arguments_of(layout: Layout, slot: int, areas: Sequence[Any]) -> list[AnyArray | int | float]:
    """The arguments in `slot`, arrays being views of the areas' buffers."""
    found: list[AnyArray | int | float] = []
    for argument in layout["arguments"]:
        if isinstance(argument, int | float):
            found.append(argument)
            continue
        area, code, shape, offset = cast("tuple[int, str, list[int], int]", argument)
        place = slot * layout["strides"][area] + offset
        found.append(np.ndarray(tuple(shape), np.dtype(code), areas[area], place))
    return found


def guards_of(layout: Layout, slot: int, written: Any) -> list[AnyArray]:
    """The bytes behind each array in `slot` of the area that is written, up to whatever is next."""
    found: list[AnyArray] = []
    for argument in layout["arguments"]:
        if isinstance(argument, int | float):
            continue
        area, code, shape, offset = cast("tuple[int, str, list[int], int]", argument)
        if area == WRITTEN:
            end = offset + prod(shape) * np.dtype(code).itemsize
            found.append(np.ndarray((-end % _ALIGNMENT + _GUARD,), np.uint8, written, slot * layout["strides"][area] + end))
    return found
