"""Comparisons for kernels whose results are whole numbers."""

from typing import Any, cast

import numpy as np
from galapagos_judge import Rejected

Array = np.ndarray[Any, np.dtype[Any]]


def require_equal(result: object, exact: Array, what: str) -> None:
    """Refuse a result that differs anywhere from `exact`, in shape or in dtype.

    Raises:
        Rejected: it differs; the text says how much of it does and where first, but not what was expected there.
    """
    if not isinstance(result, np.ndarray):
        raise Rejected(f"expected {what} as an array {exact.shape} of {exact.dtype}; got {type(result).__name__}")
    array = cast("Array", result)
    if array.shape != exact.shape or array.dtype != exact.dtype:
        raise Rejected(f"expected {what} as an array {exact.shape} of {exact.dtype}; got {array.shape} of {array.dtype}")
    wrong = np.flatnonzero(array != exact)
    if wrong.size:
        raise Rejected(f"expected {what} to be exact; {wrong.size} of {exact.size} values are wrong, the first at {wrong[0]}")
