"""How exact a kernel's result has to be."""

import numpy as np
import pytest
from galapagos_judge import Rejected
from galapagos_timing import NotTimed, require_accuracy

_EXACT = np.array([1 / 3, 2.0, 0.0])
_PLAIN = _EXACT.astype(np.float32)
_SCALE = np.array([1.0, 2.0, 0.0])


def _refused(result: object) -> bool:
    try:
        require_accuracy(result, _EXACT, _PLAIN, _SCALE)
    except Rejected:
        return True
    return False


def test_as_exact_as_a_plain_computation_is_exact_enough() -> None:
    assert not _refused(_PLAIN)
    assert not _refused(_PLAIN + np.array([1e-7, 0, 0], np.float32))
    assert _refused(_PLAIN + np.array([1e-5, 0, 0], np.float32))


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf, 1e-30])
def test_where_nothing_was_added_up_only_the_exact_value_passes(wrong: float) -> None:
    assert _refused(np.array([_PLAIN[0], _PLAIN[1], wrong], np.float32))


@pytest.mark.parametrize(
    "result", [None, "0.3", [1 / 3, 2.0, 0.0], _EXACT, _PLAIN[:2], _PLAIN.astype(np.float16), _PLAIN[None]]
)
def test_what_is_no_such_array_is_the_candidates_fault(result: object) -> None:
    assert _refused(result)


def test_a_plain_result_without_a_finite_error_sets_no_limit() -> None:
    with pytest.raises(NotTimed, match="expected plain to be close to exact"):
        require_accuracy(_PLAIN, _EXACT, _PLAIN + np.array([0, 0, 1], np.float32), _SCALE)
