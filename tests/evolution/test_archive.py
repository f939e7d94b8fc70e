import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolution.archive import Archive, Elite, MissingFeatureError, Placement, cell_of, features_of, place
from evolution.problem import FeatureAxis, Scale
from evolution.randomness import stream
from tests.evolution.simulation import AXES

LINEAR = FeatureAxis(feature="speed", low=-1, high=1, cells=4)
LOG = FeatureAxis(feature="length", low=1, high=10_000, cells=4, scale=Scale.LOG)


def elite(number: int, score: float = 0.0, length: int = 10) -> Elite:
    return Elite(number, score, length, 1, number)


@pytest.mark.parametrize(("value", "cell"), [(-9, 0), (-1, 0), (-0.51, 0), (-0.49, 1), (0, 2), (0.99, 3), (1, 3), (9, 3)])
def test_a_linear_axis_has_cells_of_equal_width_and_clips(value: float, cell: int) -> None:
    assert cell_of((LINEAR,), (value,)) == (cell,)


@pytest.mark.parametrize(("value", "cell"), [(-5, 0), (1, 0), (9.9, 0), (10.1, 1), (101, 2), (9999, 3), (1e9, 3)])
def test_a_log_axis_has_cells_of_equal_ratio_and_clips(value: float, cell: int) -> None:
    assert cell_of((LOG,), (value,)) == (cell,)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=2, max_size=2))
def test_every_point_has_a_cell_within_the_grid(point: list[float]) -> None:
    cell = cell_of(AXES, (point[0], point[1]))
    assert all(0 <= index < axis.cells for index, axis in zip(cell, AXES, strict=True))


def test_without_axes_there_is_one_cell() -> None:
    assert cell_of((), ()) == ()


def test_features_come_in_axis_order_and_length_and_literals_are_known_of_every_program() -> None:
    axes = (FeatureAxis(feature="literals", low=0, high=9, cells=2), *AXES)
    assert features_of(axes, {"speed": 0.25, "unused": 9}, 120, 7) == (7.0, 120.0, 0.25)


@pytest.mark.parametrize("judged", [{}, {"speed": math.nan}, {"speed": math.inf}])
def test_a_missing_feature_names_the_axis_and_what_came(judged: dict[str, float]) -> None:
    with pytest.raises(MissingFeatureError, match=r"axis 'speed' needs a finite number .* take the axis out of problem\.toml"):
        features_of(AXES, judged, 120, 7)


def test_placement_by_score() -> None:
    assert place(1, 5, -3.0, 10, None) is Placement.NEW
    assert place(1, 5, 0.1, 99, elite(1)) is Placement.IMPROVED
    assert place(1, 5, -0.1, 1, elite(1)) is Placement.NOT_BETTER


def test_a_tie_goes_to_the_shorter_program_and_between_equals_to_chance() -> None:
    assert {place(1, number, 0.0, 9, elite(1)) for number in range(50)} == {Placement.IMPROVED}
    assert {place(1, number, 0.0, 11, elite(1)) for number in range(50)} == {Placement.NOT_BETTER}
    replaced = [place(1, number, 0.0, 10, elite(1)) is Placement.IMPROVED for number in range(400)]
    assert 150 < sum(replaced) < 250
    assert replaced == [place(1, number, 0.0, 10, elite(1)) is Placement.IMPROVED for number in range(400)]


def test_streams_are_equal_for_equal_names_and_differ_otherwise() -> None:
    assert stream(1, "parent", 2).random() == stream(1, "parent", 2).random()
    draws = {stream(*key).random() for key in [(1, "parent", 2), (2, "parent", 2), (1, "island", 2), (1, "parent", 3)]}
    assert len(draws) == 4
    assert abs(np.mean([stream(3, "u", number).random() for number in range(2000)]) - 0.5) < 0.03


rows = st.lists(st.tuples(st.tuples(st.integers(0, 3), st.integers(0, 3)), st.integers(-3, 3), st.integers(1, 5)), max_size=60)


@given(rows)
def test_an_archive_only_rises_and_its_arrays_agree_with_its_elites(found: list[tuple[tuple[int, int], int, int]]) -> None:
    archive = Archive()
    for number, (cell, score, length) in enumerate(found):
        before = archive.get(cell)
        if place(0, number, float(score), length, before) in {Placement.NEW, Placement.IMPROVED}:
            archive.put(cell, elite(number, float(score), length))
            assert before is None or score >= before.score
            assert before is None or before.number not in archive
        archive.count_child(number // 2)
    assert archive.scores.tolist() == [kept.score for kept in archive.elites()]
    assert archive.cells() == sorted(archive.cells())
    for index, kept in enumerate(archive.elites()):
        assert archive.at(index) == archive.find(kept.number) == kept
        assert archive.index_of(kept.number) == index
        assert archive.cell_of(kept.number) == archive.cells()[index]
    copy = Archive()
    copy.fill((cell, archive.find(kept.number) or kept, dict(archive.parents()).get(kept.number, 0))
              for cell, kept in reversed(list(zip(archive.cells(), archive.elites(), strict=True))))  # fmt: skip
    assert copy == archive
    assert archive.best() == max(archive.elites(), key=lambda kept: kept.score, default=None)


def test_archives_are_unequal_when_an_elite_or_a_count_of_children_differs() -> None:
    left, right = Archive(), Archive()
    left.put((0,), elite(1))
    assert left != right
    right.put((0,), elite(1))
    assert left == right
    right.count_child(1)
    assert left != right
    assert left != "an archive"


def test_an_archive_counts_its_elites() -> None:
    archive = Archive()
    assert archive.best() is None
    archive.put((0, 1), elite(1, 2.0))
    archive.put((3, 3), elite(2, -0.5))
    assert len(archive) == 2
    assert archive.find(9) is None
