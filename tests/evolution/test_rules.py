"""When a run stops, what is verified, and which logs are refused."""

import pytest

from evolution import loop
from evolution.archive import MissingFeatureError
from evolution.evaluation import Verdict
from evolution.events import (
    Admitted,
    IslandReset,
    IslandSpawned,
    Refused,
    Resumed,
    TuningEnded,
    TuningStarted,
    Verified,
)
from evolution.loop import Evaluated
from evolution.proposal import Operator, Refusal
from evolution.run import Order, StopReason
from evolution.state import VERIFIED_KEPT, LogError, SearchState
from tests.evolution.simulation import AXES, MODELS, config_of
from tests.evolution.steps import ask, begun, found, grow


class TestStopping:
    def test_a_seed_without_a_score_ends_the_run(self) -> None:
        state = begun(None)
        assert not loop.may_propose(state)
        reason = loop.stop_reason(state, 0, 0, 1.0)
        assert reason is not None
        assert reason[0] is StopReason.SEED_FAILED
        assert [event.kind for event in loop.stop(state, *reason)] == ["stopping"]
        assert loop.stop(state, *reason) == []
        (finished,) = loop.finish(state)
        assert finished.kind == "finished"
        assert finished.champion is None
        assert loop.finish(state) == []

    def test_a_seed_that_could_not_be_evaluated_is_not_its_own_fault(self) -> None:
        state = SearchState.begin(config_of(), AXES, 1)
        assert loop.stop_reason(state, 0, 0, 1.0) is None
        loop.refuse(state, 0, Refusal.HOST_FAULT)
        reason = loop.stop_reason(state, 0, 0, 1.0)
        assert reason is not None
        assert reason[0] is StopReason.JUDGE_FAILED

    @pytest.mark.parametrize(
        ("budget", "sign", "reason"),
        [
            ({"target": 2.0}, 1.0, StopReason.TARGET),
            ({"target": 2.5}, 1.0, None),
            ({"target": -2.0}, -1.0, StopReason.TARGET),
            ({"target": -2.5}, -1.0, None),
            ({"evaluations": 1}, 1.0, StopReason.EVALUATIONS),
            ({"evaluations": 2}, 1.0, None),
            ({"seconds": 9.5}, 1.0, StopReason.SECONDS),
            ({"seconds": 10.5}, 1.0, None),
            ({"micro_dollars": 500}, 1.0, StopReason.MONEY),
            ({"micro_dollars": 501}, 1.0, None),
            ({}, 1.0, None),
        ],
    )
    def test_the_first_limit_reached_ends_the_run(
        self, budget: dict[str, float], sign: float, reason: StopReason | None
    ) -> None:
        state = begun(2.0, budget=budget, models=MODELS)
        got = loop.stop_reason(state, 10.0, 500, sign)
        assert (got and got[0]) == reason

    def test_money_is_no_limit_of_a_run_without_models(self) -> None:
        assert loop.stop_reason(begun(budget={"micro_dollars": 0}), 0, 0, 1.0) is None

    @pytest.mark.parametrize(
        ("refusal", "times", "reason", "mutate"),
        [
            (Refusal.BUDGET, 8, StopReason.MONEY, True),
            (Refusal.MODEL_FAILED, 20, StopReason.EXHAUSTED, False),
            (Refusal.WORKER_LOST, 20, StopReason.JUDGE_FAILED, True),
            (Refusal.DUPLICATE, 1000, StopReason.EXHAUSTED, True),
        ],
    )
    def test_a_drought_ends_the_run(self, refusal: Refusal, times: int, reason: StopReason, mutate: bool) -> None:
        state = begun(models=MODELS, mutate=mutate)
        for left in range(times, 0, -1):
            assert loop.stop_reason(state, 0, 0, 1.0) is None, left
            loop.refuse(state, ask(state, Operator.DIFF, model="small"), refusal)
        got = loop.stop_reason(state, 0, 0, 1.0)
        assert got is not None
        assert got[0] is reason
        loop.admit(state, found(ask(state, Operator.DIFF, model="small"), -1.0))
        assert loop.stop_reason(state, 0, 0, 1.0) is None

    def test_failing_models_do_not_end_a_run_that_mutates(self) -> None:
        state = begun(models=MODELS)
        for _ in range(30):
            loop.refuse(state, ask(state, Operator.DIFF, model="small"), Refusal.MODEL_FAILED)
        assert loop.stop_reason(state, 0, 0, 1.0) is None

    def test_a_run_without_an_operator_says_so(self) -> None:
        state = begun(mutate=False)
        assert not loop.may_propose(state)
        got = loop.stop_reason(state, 0, 0, 1.0)
        assert got is not None
        assert "name a model" in got[1]

    def test_what_is_in_flight_is_taken_in_before_the_end_and_a_reopened_run_goes_on(self) -> None:
        state = begun()
        loop.propose(state, 2, 0.0)
        loop.stop(state, StopReason.STOPPED, "")
        assert loop.propose(state, 2, 0.0) == []
        assert loop.finish(state) == []
        loop.admit(state, found(1, 1.0))
        loop.refuse(state, 2, Refusal.NO_CHANGE)
        for event in loop.verification_due(state):
            assert event.kind == "verification_asked"
            assert loop.finish(state) == []
            loop.verified(state, event.number, 1, Verdict.SCORED, 0.5)
        assert [event.kind for event in loop.finish(state)] == ["finished"]
        assert (state.finished, state.champion) == (True, 0)
        state.apply(Resumed(epoch=2))
        assert loop.may_propose(state)
        loop.stop(state, StopReason.STOPPED, "")
        state.apply(Resumed(epoch=3))
        assert state.stopping is StopReason.STOPPED
        state.apply(Resumed(epoch=4, reopened=True))
        assert loop.may_propose(state)


def test_progress_is_the_largest_share_of_the_budget() -> None:
    state = begun(budget={"evaluations": 10, "seconds": 100.0, "micro_dollars": 1000})
    assert loop.progress_of(state, 5.0, 20) == 0.1
    assert loop.progress_of(state, 50.0, 20) == 0.5
    assert loop.progress_of(state, 500.0, 990) == 1.0
    assert loop.progress_of(begun(), 500.0, 990) == 0.0
    fixed = begun(order=Order.FIXED_LAG, budget={"evaluations": 10, "seconds": 100.0})
    assert loop.progress_of(fixed, 50.0, 0) == 0.1


class TestVerification:
    def test_the_seed_first_then_a_new_best_when_the_search_is_calm(self) -> None:
        state = begun()
        assert [event.number for event in loop.verification_due(state)] == [0]
        assert loop.verification_due(state) == []
        loop.verified(state, 0, 1, Verdict.SCORED, 0.0)
        loop.admit(state, found(ask(state, Operator.MUTATE), 1.0))
        assert loop.verification_due(state) == []
        grow(state, 25)
        assert [event.number for event in loop.verification_due(state)] == [1]
        loop.admit(state, found(ask(state, Operator.MUTATE), 2.0))
        grow(state, 80)
        assert loop.verification_due(state) == [], "one at a time"

    def test_finalists_that_fail_are_replaced_by_the_next(self) -> None:
        state = begun()
        for cell in range(4):
            loop.admit(state, found(ask(state, Operator.MUTATE), 1.0 + cell, cell=cell))
        loop.propose(state, 1, 0.0)
        loop.stop(state, StopReason.STOPPED, "")
        assert [event.number for event in loop.verification_due(state)] == [0], "what is in flight may still be better"
        loop.refuse(state, 5, Refusal.NO_CHANGE)
        assert [event.number for event in loop.verification_due(state)] == [4, 3, 2]
        loop.verified(state, 0, 1, Verdict.SCORED, 0.0)
        loop.verified(state, 4, 1, None, None)
        loop.verified(state, 3, 1, Verdict.WRONG, None)
        loop.verified(state, 2, 1, Verdict.SCORED, 0.5)
        assert [event.number for event in loop.verification_due(state)] == [1]
        loop.verified(state, 1, 1, Verdict.SCORED, 0.5)
        assert loop.champion_of(state) == 1, "of equals the oldest"

    def test_a_run_whose_finalists_all_fail_ends_without_them(self) -> None:
        state = begun()
        for number in range(1, 41):
            loop.admit(state, found(ask(state, Operator.MUTATE, island=number % 2), float(number), cell=number % 4))
        for number in range(1, VERIFIED_KEPT + 1):
            state.verifying.add(number)
            loop.verified(state, number, 1, None, None)
        loop.stop(state, StopReason.STOPPED, "")
        asked: list[int] = []
        while due := loop.verification_due(state):
            for event in due:
                assert event.kind == "verification_asked"
                asked.append(event.number)
                loop.verified(state, event.number, 1, None, None)
        assert len(asked) == len(set(asked)) <= 13
        (finished,) = loop.finish(state)
        assert finished.kind == "finished"
        assert finished.champion is None

    def test_verified_scores_are_bounded_and_keep_seed_and_best(self) -> None:
        state = begun()
        loop.verification_due(state)
        loop.verified(state, 0, 1, Verdict.SCORED, -99.0)
        for number in range(1, VERIFIED_KEPT + 20):
            state.verifying.add(number)
            state.apply(Verified(number=number, evaluation=1, verdict=Verdict.SCORED, score=float(number)))
        assert len(state.verified) == VERIFIED_KEPT
        assert state.verified[0] == -99.0
        assert loop.champion_of(state) == VERIFIED_KEPT + 19


class TestBadLogs:
    def test_a_missing_feature_leaves_the_proposal_in_flight(self) -> None:
        state = begun()
        number = ask(state, Operator.MUTATE)
        with pytest.raises(MissingFeatureError):
            loop.admit(state, Evaluated(number, 1, 1, Verdict.SCORED, 1.0, {}, 100, 1))
        loop.refuse(state, number, Refusal.HOST_FAULT)
        assert not state.pending

    def test_what_is_not_in_flight_cannot_be_closed(self) -> None:
        state = begun()
        with pytest.raises(LogError, match="not in flight"):
            loop.admit(state, found(0, 1.0))
        with pytest.raises(LogError, match="not in flight"):
            loop.refuse(state, 5, Refusal.NO_CHANGE)

    @pytest.mark.parametrize(
        ("event", "words"),
        [
            (Verified(number=4, evaluation=1, verdict=None, score=None), "no verification of program 4"),
            (IslandSpawned(island=7, founder=0), "island 7 cannot be founded"),
            (IslandReset(island=0, founder=99), "cannot be founded with program 99"),
            (TuningStarted(parent=9, island=0, dimensions=1, population=4, generations=1), "program 9 cannot be tuned"),
            (TuningStarted(parent=0, island=9, dimensions=1, population=4, generations=1), "program 0 cannot be tuned"),
            (Refused(number=8, reason=Refusal.NO_CHANGE), "proposal 8 is not in flight"),
        ],
    )
    def test_events_that_do_not_fit_are_refused(self, event: IslandSpawned, words: str) -> None:
        with pytest.raises(LogError, match=words):
            begun().apply(event)

    def test_proposals_that_do_not_fit_are_refused(self) -> None:
        state = begun(models=MODELS)
        with pytest.raises(LogError, match="no tuning session runs"):
            ask(state, Operator.TUNE)
        with pytest.raises(LogError, match="does not wait for a repair"):
            ask(begun(), Operator.REPAIR)
        with pytest.raises(LogError, match="there is no island 9"):
            ask(begun(), Operator.MUTATE, island=9)
        state = begun(tune_share=1.0)
        grow(state, 60)
        loop.propose(state, 1, 0.0)
        state.apply(TuningEnded(parent=0, gain=0.0))
        with pytest.raises(LogError, match="a tuning proposal closed"):
            loop.refuse(state, state.next_number - 1, Refusal.NO_CHANGE)

    def test_a_scored_program_needs_a_cell(self) -> None:
        bare = Admitted(
            number=0, program=1, evaluation=1, verdict=Verdict.SCORED, score=1.0, features=None, length=1, literals=1,
            cell=None, placement="new",
        )  # fmt: skip
        with pytest.raises(LogError, match="needs a cell"):
            SearchState.begin(config_of(), AXES, 1).apply(bare)
        state = begun()
        ask(state, Operator.MUTATE)
        with pytest.raises(LogError, match="needs a cell"):
            state.apply(bare.model_copy(update={"number": 1}))
        ask(state, Operator.DIFF)
        with pytest.raises(LogError, match="names no model"):
            state.apply(bare.model_copy(update={"number": 2, "score": None, "verdict": Verdict.CRASHED}))
