"""Whose fault a failure is, and which numbers may rank."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluators.faults import TEXT_BYTES, HostFault, JudgeFault, bounded, check_number, verdict_of
from evaluators.sandbox import Cause, JobResult, Judged
from evolution.evaluation import Verdict


def result(cause: Cause, message: str = "words", value: Judged | None = None) -> JobResult:
    return JobResult(cause, value, message, 0.1, 0.1, 10.0, "log line")


@pytest.mark.parametrize("cause", sorted(set(Cause) - {Cause.OK, Cause.JUDGE_ERROR, Cause.HOST_FAULT}))
def test_every_doing_of_the_candidate_is_a_verdict_without_a_score(cause: Cause) -> None:
    assert verdict_of(result(cause), "stage 'score'") is not Verdict.SCORED


@pytest.mark.parametrize(("cause", "fault"), [(Cause.JUDGE_ERROR, JudgeFault), (Cause.HOST_FAULT, HostFault)])
def test_what_is_not_the_candidates_fault_is_no_verdict(cause: Cause, fault: type[Exception]) -> None:
    with pytest.raises(fault, match="stage 'score', repeat 0: words\nlast log lines:\nlog line"):
        verdict_of(result(cause), "stage 'score', repeat 0")


@pytest.mark.parametrize(
    "number", [math.nan, math.inf, -math.inf, True, "1", None, np.float64(1), 10**400], ids=lambda value: repr(value)[:12]
)
def test_only_finite_numbers_of_exactly_int_or_float_rank(number: object) -> None:
    with pytest.raises(JudgeFault, match="score"):
        check_number("score", number, "stage 'score'")


@pytest.mark.parametrize("number", [0, -3, 2.5, 10**300])
def test_honest_numbers_pass(number: float) -> None:
    check_number("score", number, "stage 'score'")


@pytest.mark.parametrize("place", ["score", "metrics.m", "features.f"])
def test_numbers_are_checked_wherever_they_stand(place: str) -> None:
    wrong = math.nan
    value = Judged(
        wrong if place == "score" else 1.0,
        {"m": wrong if place == "metrics.m" else 1.0},
        {"f": wrong if place == "features.f" else 1.0},
        "",
        None,
    )
    with pytest.raises(JudgeFault, match=place):
        verdict_of(result(Cause.OK, value=value), "stage 'score'")


@given(st.text(st.characters(), max_size=200), st.integers(0, 80))
def test_texts_are_bounded_and_storable(text: str, times: int) -> None:
    kept = bounded(text * times)
    assert len(kept.encode()) <= TEXT_BYTES
    assert "\0" not in kept
    if len((text * times).encode(errors="replace")) <= TEXT_BYTES and "\0" not in text:
        assert kept == (text * times).encode(errors="replace").decode()


def test_a_long_text_keeps_its_head_and_its_tail() -> None:
    kept = bounded("head" + "x" * 10_000 + "tail")
    assert kept.startswith("head")
    assert kept.endswith("tail")
    assert "[...]" in kept
