"""What the judges of kernels are made of: roofline, values, comparisons of whole numbers, pictures."""

import numpy as np
import pytest
from galapagos_judge import Rejected
from galapagos_kernels.drawings import Bar, chart
from galapagos_kernels.exactness import require_equal
from galapagos_kernels.roofline import Machine, Work, measured, require_plausible
from galapagos_kernels.values import MIXES, floats


def test_a_time_below_the_roofline_is_refused_and_not_cut() -> None:
    machine = measured()
    work = Work(bytes=1 << 20, operations=1 << 20)
    least = machine.least_seconds(work)
    assert require_plausible(4 * least, work, machine) == pytest.approx(0.25)
    # A figure that no machine reaches, even if a second look finds this one ten times as fast.
    with pytest.raises(Rejected, match="too fast to be true"):
        require_plausible(least / 20, work, machine)


def test_a_roofline_that_was_measured_too_low_refuses_nobody() -> None:
    work = Work(bytes=1 << 20)
    slow = Machine(1e6, 1e6)
    seconds = 3 * measured().least_seconds(work)
    assert seconds < slow.least_seconds(work)
    assert require_plausible(seconds, work, slow) < 1


def test_this_machine_moves_and_multiplies() -> None:
    machine = measured()
    assert 1e9 < machine.bytes_per_second < 1e12
    assert 1e9 < machine.operations_per_second < 1e13
    assert machine.least_seconds(Work(0, 10**9)) == 10**9 / machine.operations_per_second


@pytest.mark.parametrize("mix", MIXES)
def test_values_are_of_single_precision_and_finite(mix: str) -> None:
    values = floats(np.random.default_rng(3), (40, 50), mix)
    assert values.dtype == np.float32
    assert values.shape == (40, 50)
    assert np.isfinite(values).all()


def test_mixes_are_what_they_are_called() -> None:
    rng = np.random.default_rng(4)
    assert np.abs(floats(rng, (1000,), "offset")).min() > 900
    assert np.abs(floats(rng, (10_000,), "heavy")).max() > 1000
    assert np.unique(floats(rng, (1000,), "constant")).size == 1
    assert 0 < np.abs(floats(rng, (1000,), "tiny")).max() < np.finfo(np.float32).tiny
    assert 0.8 < np.mean(floats(rng, (1000,), "sparse") == 0) < 0.97
    with pytest.raises(ValueError, match="expected one of normal"):
        floats(rng, (1,), "strange")


def test_whole_numbers_have_to_be_equal() -> None:
    exact = np.arange(5, dtype=np.int64)
    require_equal(exact.copy(), exact, "numbers")
    with pytest.raises(Rejected, match="2 of 5 values are wrong, the first at 1"):
        require_equal(np.array([0, 0, 0, 3, 4]), exact, "numbers")
    for other in (exact.astype(np.int32), exact[:4], 3, None, [0, 1, 2, 3, 4]):
        with pytest.raises(Rejected, match="expected numbers as an array"):
            require_equal(other, exact, "numbers")


def test_a_chart_ends_at_the_roofline() -> None:
    drawn = chart([Bar("8 x 8", 1e-6, 1e-4, 1e-6), Bar("9 x 9", 1e-5, 1e-4, 1e-6)])
    # 240 high at the roofline, a quarter less for each decade below it.
    assert [drawn.count(f'height="{height:.1f}"') for height in (240, 180, 120)] == [1, 1, 2]
    assert "roofline of this machine" in drawn
