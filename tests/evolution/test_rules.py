"""Single rules: when a run stops, what is tuned, repaired, verified, and how islands are founded."""

import pytest

from evolution import islands, loop, tuning
from evolution.archive import MissingFeatureError
from evolution.evaluation import Verdict
from evolution.events import (
    Admitted,
    IslandReset,
    IslandSpawned,
    Proposed,
    Refused,
    Resumed,
    TuningEnded,
    TuningStarted,
    Verified,
)
from evolution.loop import Evaluated
from evolution.proposal import Operator, Propensity, Refusal, TuningStep
from evolution.run import Order, StopReason, StrategyName
from evolution.state import REPAIRS_KEPT, VERIFIED_KEPT, LogError, SearchState
from tests.evolution.simulation import AXES, MODELS, config_of

CERTAIN = Propensity(1.0, 1.0, 1.0, 1.0, 1.0)


def found(number: int, score: float | None, verdict: Verdict = Verdict.SCORED, literals: int = 9, cell: int = 0) -> Evaluated:
    """A result; `cell` says where along the axis of length it falls."""
    features = {} if score is None else {"speed": 0.5}
    return Evaluated(number, number, number, verdict, score, features, 120 * 2**cell, literals)


def begun(score: float | None = 0.0, **changes: object) -> SearchState:
    state = SearchState.begin(config_of(**{"in_flight": 100, "budget": {}, **changes}), AXES, 1)
    loop.admit(state, found(0, score, Verdict.SCORED if score is not None else Verdict.CRASHED))
    return state


def grow(state: SearchState, evaluations: int, score: float | None = -1.0) -> None:
    """Mutants up to a count of evaluations, without asking the rules."""
    while state.evaluations < evaluations:
        loop.admit(state, found(ask(state, Operator.MUTATE), score, Verdict.SCORED if score is not None else Verdict.WRONG))


def drive(state: SearchState, room: int = 1, score: float | None = -1.0) -> list[TuningEnded]:
    """Ask the rules for up to `room` proposals and give all the same score."""
    loop.propose(state, room, 0.0)
    verdict = Verdict.SCORED if score is not None else Verdict.WRONG
    taken = [event for number in list(state.pending) for event in loop.admit(state, found(number, score, verdict))]
    return [event for event in taken if isinstance(event, TuningEnded)]


def ask(state: SearchState, operator: Operator, **changes: object) -> int:
    """A proposal that the rules did not choose."""
    number = state.next_number
    fields = {"operator": operator, "island": 0, "parent": 0, "parent_score": 0.0, "inspirations": (), "model": None}
    state.apply(Proposed(**{"number": number, "tuning": None, "propensity": CERTAIN, "progress": 0.0, **fields, **changes}))
    return number


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


class TestTuning:
    def test_it_starts_on_a_plateau_and_asks_a_whole_generation_before_the_next(self) -> None:
        state = begun(tune_share=0.5)
        grow(state, 75)
        events = loop.propose(state, 12, 0.0)
        (started,) = (event for event in events if isinstance(event, TuningStarted))
        assert (started.dimensions, started.population, started.generations) == (8, 10, 80)
        proposed = [event for event in events if isinstance(event, Proposed)]
        tuned = [event for event in proposed if event.operator is Operator.TUNE]
        assert [event.tuning for event in tuned] == [TuningStep(tuned[0].number, 0, index, 10) for index in range(10)]
        assert {event.operator for event in proposed[10:]} == {Operator.MUTATE}
        for event in tuned[:9]:
            loop.admit(state, found(event.number, 5.0))
        assert tuning.next_step(state, state.next_number) is None
        loop.refuse(state, tuned[9].number, Refusal.DUPLICATE, 3)
        step = tuning.next_step(state, state.next_number)
        assert step == TuningStep(tuned[0].number, 1, 0, 10)

    def test_it_waits_for_its_share(self) -> None:
        state = begun(tune_share=0.1)
        grow(state, 299)
        drive(state, 10)
        assert state.tuning is None
        while state.tune_asked < 60:
            drive(state, 10)
            assert state.tune_asked <= 0.1 * state.evaluations
        assert state.evaluations == pytest.approx(600, abs=20)

    def test_a_new_best_resets_the_patience_and_the_last_phase_ignores_it(self) -> None:
        state = begun(tune_share=1.0, strategy=StrategyName.GREEDY)
        grow(state, 29)
        assert tuning.start(state, 0.0) is None
        loop.admit(state, found(ask(state, Operator.MUTATE), 1.0))
        grow(state, 40)
        assert tuning.start(state, 0.94) is None
        started = tuning.start(state, 0.96)
        assert started is not None
        assert started.parent == state.best.number if state.best else False

    @pytest.mark.parametrize("changes", [{"tune": False}, {"tune_share": 0.0}])
    def test_it_never_starts_when_not_wanted(self, changes: dict[str, object]) -> None:
        state = begun(**changes)
        grow(state, 300)
        assert tuning.start(state, 1.0) is None

    def test_it_needs_a_literal_and_no_program_is_tuned_twice(self) -> None:
        state = begun(tune_share=1.0, stagnation=10_000)
        loop.admit(state, found(ask(state, Operator.MUTATE), 3.0, literals=0, cell=2))
        grow(state, 60)
        started = tuning.start(state, 0.0)
        assert started is not None
        assert started.parent == 0
        state.apply(started)
        state.apply(TuningEnded(parent=0, gain=0.0))
        grow(state, 120)
        assert state.tuned == [0]
        assert tuning.start(state, 1.0) is None

    @pytest.mark.parametrize(("score", "generations"), [(None, 1), (-1.0, 15)])
    def test_it_ends_without_scores_or_without_gains(self, score: float | None, generations: int) -> None:
        state = begun(tune_share=0.9)
        grow(state, 60)
        ended: list[TuningEnded] = []
        while not ended:
            ended = drive(state, 50, score)
        assert state.tune_asked == generations * 10
        assert ended == [TuningEnded(parent=0, gain=0.0 if score is None else -1.0)]

    def test_it_ends_after_its_generations_with_the_gain(self) -> None:
        state = begun(tune_share=1.0)
        loop.admit(state, found(ask(state, Operator.MUTATE), 1.0, literals=1, cell=1))
        grow(state, 60)
        ended: list[TuningEnded] = []
        score = 1.0
        while not ended:
            for event in loop.propose(state, 4, 0.0):
                if isinstance(event, Proposed):
                    score += 0.5 * (event.operator is Operator.TUNE)
                    taken = loop.admit(state, found(event.number, score if event.tuning else -1.0, cell=3))
                    ended += [one for one in taken if isinstance(one, TuningEnded)]
        assert state.tune_asked == 100
        assert ended == [TuningEnded(parent=1, gain=50.0)]

    def test_a_tuned_child_does_not_wear_its_parent_out(self) -> None:
        state = begun(tune_share=1.0)
        grow(state, 60)
        before = dict(state.islands[0].archive.parents()).get(0, 0), dict(state.islands[1].archive.parents()).get(0, 0)
        events = loop.propose(state, 10, 0.0)
        assert all(event.operator is Operator.TUNE for event in events if isinstance(event, Proposed))
        after = dict(state.islands[0].archive.parents()).get(0, 0), dict(state.islands[1].archive.parents()).get(0, 0)
        assert before == after


class TestRepair:
    def crashed(self, state: SearchState, operator: Operator = Operator.DIFF, **changes: object) -> int:
        number = ask(state, operator, **{"model": "small", **changes})
        loop.admit(state, found(number, None, Verdict.CRASHED))
        return number

    def test_a_crashed_child_of_a_model_is_repaired_at_most_twice_and_charged_to_its_arm(self) -> None:
        state = begun(models=MODELS)
        broken = self.crashed(state)
        for turns in (1, 2):
            assert [one.number for one in state.repairs] == [broken]
            event = next(event for event in self.asked(state) if event.operator is Operator.REPAIR)
            assert (event.parent, event.model, event.parent_score, event.propensity.operator) == (broken, "small", 0.0, 0.5)
            assert state.pending[event.number].credit is Operator.DIFF
            assert state.pending[event.number].turns == turns
            broken = event.number
            loop.admit(state, found(broken, None, Verdict.CRASHED))
        assert not state.repairs

    def asked(self, state: SearchState) -> list[Proposed]:
        asked: list[Proposed] = []
        while not any(event.operator is Operator.REPAIR for event in asked):
            asked += [event for event in loop.propose(state, 1, 0.0) if isinstance(event, Proposed)]
        assert all(event.propensity.operator <= 0.5 for event in asked)
        return asked

    def test_success_is_a_score_above_that_of_the_crashed_programs_parent(self) -> None:
        state = begun(models=MODELS)
        self.crashed(state, Operator.REWRITE, parent_score=2.0)
        event = self.asked(state)[-1]
        assert state.operators[Operator.REWRITE].successes == 0
        loop.admit(state, found(event.number, 2.5))
        assert state.operators[Operator.REWRITE].successes == 1
        assert state.models["small"].successes == 1

    def test_mutants_and_wrong_programs_are_not_repaired(self) -> None:
        state = begun(models=MODELS)
        self.crashed(state, Operator.MUTATE, model=None)
        loop.admit(state, found(ask(state, Operator.DIFF, model="small"), None, Verdict.WRONG))
        assert not state.repairs

    def test_the_oldest_wait_no_longer_when_there_are_too_many(self) -> None:
        state = begun(models=MODELS)
        numbers = [self.crashed(state) for _ in range(REPAIRS_KEPT + 3)]
        assert [one.number for one in state.repairs] == numbers[3:]


class TestIslands:
    def test_stagnation_spawns_up_to_the_limit_then_resets_the_worst_from_the_best(self) -> None:
        state = begun(islands=2, max_islands=3, stagnation=30, tune=False)
        loop.admit(state, found(ask(state, Operator.MUTATE, island=1), 5.0, cell=3))
        grow(state, 31)
        assert islands.plan(state) is None
        grow(state, 32)
        spawned = islands.plan(state)
        assert isinstance(spawned, IslandSpawned)
        state.apply(spawned)
        assert [(elite.number) for elite in state.islands[2].archive.elites()] == [spawned.founder]
        assert islands.plan(state) is None, "a new island gets its chance"
        state.drain()
        grow(state, 62, None)
        reset = islands.plan(state)
        assert isinstance(reset, IslandReset)
        assert reset.founder == 1
        assert reset.island in {0, 2}
        before = state.islands[reset.island].archive.cells()
        state.apply(reset)
        island = state.islands[reset.island]
        assert [elite.number for elite in island.archive.elites()] == [1]
        assert island.valid.tolist() == [1]
        drained = state.drain()
        assert {cell for index, cell in drained if index == reset.island} == {*before, *island.archive.cells()}
        assert sum(elite is not None for elite in drained.values()) == 1

    def test_one_island_alone_is_not_reset(self) -> None:
        state = begun(islands=1, max_islands=1, stagnation=10, tune=False)
        grow(state, 50)
        assert islands.plan(state) is None

    @pytest.mark.parametrize("strategy", [StrategyName.GREEDY, StrategyName.SEQ_BEST_OF_N, StrategyName.IID_BEST_OF_N])
    def test_other_strategies_keep_one(self, strategy: StrategyName) -> None:
        state = begun(strategy=strategy, islands=3, stagnation=10)
        grow(state, 50)
        assert len(state.islands) == 1
        assert islands.plan(state) is None

    def test_epsilon_grows_while_nothing_is_gained_and_shrinks_with_a_gain(self) -> None:
        state = begun(islands=1, max_islands=1)
        grow(state, 100)
        grown = state.islands[0].epsilon
        assert grown > 0.2
        loop.admit(state, found(ask(state, Operator.MUTATE), 1.0))
        assert state.islands[0].epsilon == pytest.approx(grown * 0.8)
        grow(state, 1200, None)
        assert state.islands[0].epsilon == pytest.approx(0.8)


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
