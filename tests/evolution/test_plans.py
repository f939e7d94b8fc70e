"""What is tuned and repaired, and how islands are founded."""

import pytest

from evolution import islands, loop, tuning
from evolution.evaluation import Verdict
from evolution.events import (
    IslandReset,
    IslandSpawned,
    Proposed,
    TuningEnded,
    TuningStarted,
)
from evolution.proposal import Operator, Refusal, TuningStep
from evolution.run import StrategyName
from evolution.selection.islands import island_probabilities
from evolution.state import REPAIRS_KEPT, SearchState
from evolution.state_values import MATURE
from tests.evolution.simulation import MODELS
from tests.evolution.steps import ask, begun, drive, found, grow


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

    @pytest.mark.parametrize(("found_elsewhere", "ends"), [(9.0, True), (0.5, False)])
    def test_it_ends_when_the_search_has_overtaken_it(self, found_elsewhere: float, ends: bool) -> None:
        state = begun(tune_share=0.5)
        grow(state, 75)
        proposed = [event for event in loop.propose(state, 12, 0.0) if isinstance(event, Proposed)]
        tuned = [event for event in proposed if event.operator is Operator.TUNE]
        other = next(event for event in proposed if event.operator is Operator.MUTATE)
        loop.admit(state, found(other.number, found_elsewhere, cell=2))
        taken = [event for one in tuned for event in loop.admit(state, found(one.number, 1.0, cell=3))]
        assert any(isinstance(event, TuningEnded) for event in taken) is ends
        assert (state.tuning is None) is ends

    def test_it_goes_on_while_its_own_children_are_the_best(self) -> None:
        state = begun(tune_share=0.5)
        grow(state, 75)
        for event in loop.propose(state, 10, 0.0):
            if isinstance(event, Proposed):
                loop.admit(state, found(event.number, 5.0, cell=3))
        assert state.best is not None
        assert state.best.score == 5.0
        assert state.tuning is not None

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
    def test_stagnation_spawns_up_to_the_limit_then_resets_the_worst_once_it_is_idle(self) -> None:
        state = begun(islands=1, max_islands=2, stagnation=30, tune=False)
        loop.admit(state, found(ask(state, Operator.MUTATE), 5.0, cell=3))
        grow(state, 31)
        assert islands.plan(state) is None
        grow(state, 32)
        spawned = islands.plan(state)
        assert spawned == IslandSpawned(island=1, founder=0)
        state.apply(spawned)
        assert [elite.number for elite in state.islands[1].archive.elites()] == [0], (
            "the seed, though its cell has another elite"
        )
        assert islands.plan(state) is None, "a new island gets its chance"
        loop.admit(state, found(ask(state, Operator.MUTATE, island=1), 3.0, cell=4))
        grow(state, 63, None, island=1)
        waiting = ask(state, Operator.MUTATE, island=1)
        assert islands.doomed_island(state) == 1
        assert island_probabilities(state).tolist() == [1.0, 0.0]
        assert islands.plan(state) is None, "a child of the old population is still to come"
        state.drain()
        loop.refuse(state, waiting, Refusal.DUPLICATE, 1)
        assert islands.plan(state) == IslandReset(island=1, founder=0)
        before = state.islands[1].archive.cells()
        state.apply(IslandReset(island=1, founder=0))
        island = state.islands[1]
        assert [elite.number for elite in island.archive.elites()] == [0]
        assert island.valid.tolist() == [0]
        drained = state.drain()
        assert {cell for index, cell in drained if index == 1} == {*before, *island.archive.cells()}
        assert sum(elite is not None for elite in drained.values()) == 1

    def test_a_reset_forgets_the_repairs_of_the_old_population(self) -> None:
        state = begun(models=MODELS, islands=2, max_islands=2)
        for island in (0, 1):
            number = ask(state, Operator.DIFF, island=island, model="small")
            loop.admit(state, found(number, None, Verdict.CRASHED))
        state.apply(IslandReset(island=1, founder=0))
        assert [broken.island for broken in state.repairs] == [0]

    def test_a_rise_by_a_trifle_does_not_end_stagnation(self) -> None:
        state = begun(islands=1, max_islands=2, stagnation=30, tune=False)
        loop.admit(state, found(ask(state, Operator.MUTATE), 5.0, cell=3))
        for step in range(30):
            loop.admit(state, found(ask(state, Operator.MUTATE), 5.0 + 0.0001 * (step + 1), cell=3))
        assert isinstance(islands.plan(state), IslandSpawned)
        loop.admit(state, found(ask(state, Operator.MUTATE), 5.1, cell=3))
        assert islands.plan(state) is None

    def test_islands_that_rise_are_preferred_and_young_ones_are_alone(self) -> None:
        state = begun(islands=2, max_islands=2, stagnation=30, tune=False)
        grow(state, 60)
        assert island_probabilities(state).tolist() == pytest.approx([0.15, 0.85])
        assert state.islands[0].alone
        grow(state, MATURE + 60)
        assert not state.islands[0].alone
        assert state.islands[1].alone

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
        state = begun(islands=1, max_islands=1, epsilon=0.2)
        grow(state, 100)
        grown = state.islands[0].epsilon
        assert grown > 0.2
        loop.admit(state, found(ask(state, Operator.MUTATE), 1.0))
        assert state.islands[0].epsilon == pytest.approx(grown * 0.8)
        grow(state, 1200, None)
        assert state.islands[0].epsilon == pytest.approx(0.8)
