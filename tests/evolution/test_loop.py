"""Whole runs, simulated: what must hold in each of them whatever the order of completion."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evolution import loop, replay
from evolution.events import (
    EVENT,
    Admitted,
    Event,
    Finished,
    IslandReset,
    IslandSpawned,
    NewBest,
    Proposed,
    TuningStarted,
    VerificationAsked,
    Verified,
)
from evolution.proposal import Operator, Refusal
from evolution.run import Budget, ModelChoice, Order, StrategyName
from evolution.state import SearchState
from tests.evolution.simulation import ALL, AXES, MODELS, Run, config_of
from tests.evolution.tables import Tables


def run_of(strategy: StrategyName, order: Order, models: bool, timing: int = 0, **changes: object) -> Run:
    config = config_of(strategy=strategy, order=order, models=MODELS if models else (), **changes)
    return Run(config, order=np.random.default_rng(timing))


@pytest.mark.parametrize(("strategy", "order", "models"), ALL)
def test_a_run_ends_as_asked_and_its_replay_shows_no_discrepancy(strategy: StrategyName, order: Order, models: bool) -> None:
    run = run_of(strategy, order, models).go()
    assert run.state.evaluations == 200
    assert [event.number for event in run.proposed] == list(range(1, run.state.next_number))
    closed = [event.number for event in run.log if event.kind in {"admitted", "refused"}]
    assert sorted(closed) == list(range(run.state.next_number))
    assert replay.verify(run.log, run.config, AXES, run.seed) == []
    stored = [EVENT.validate_python(json.loads(json.dumps(event.model_dump(mode="json")))) for event in run.log]
    assert stored == run.log
    assert replay.fold(stored, run.config, AXES, run.seed) == run.state
    assert all(0 < chance <= 1 for event in run.proposed
               for chance in (event.propensity.island, event.propensity.parent, event.propensity.operator,
                              event.propensity.model, event.propensity.inspirations))  # fmt: skip


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(ALL))
def test_state_invariants_hold_at_every_step(timing: int, kind: tuple[StrategyName, Order, bool]) -> None:
    tables = Tables()
    best: list[dict[tuple[int, tuple[int, ...]], float]] = [{}]

    def check(run: Run) -> None:
        state, config = run.state, run.config
        tables.save(run)
        loaded = tables.load(run)
        assert loaded == state
        assert replay.compare(state, loaded) == []
        assert state.tune_evaluations <= state.tune_asked <= config.tune_share * state.evaluations
        assert state.evaluations + len([n for n in state.pending if n]) <= 200 + (0 in state.pending)
        assert state.events == len(run.log)
        assert list(state.pending) == sorted(state.pending)
        for island in state.islands:
            assert config.epsilon / 4 - 1e-12 <= island.epsilon <= min(1.0, config.epsilon * 4)
            assert {elite.number for elite in island.archive.elites()} <= set(island.valid)
        for arms in (state.operators, state.models):
            assert all(arm.pending >= 0 for arm in arms.values())
        now = {key: elite.score for key, elite in tables.elites.items()}
        if not any(isinstance(event, IslandReset) for event in run.log):
            assert all(now[key] >= score for key, score in best[0].items())
        best[0] = now

    run = run_of(*kind, timing=timing, max_islands=3)
    run.on_step = check
    run.go()
    assert replay.verify(run.log, run.config, AXES, run.seed) == []
    assert sum(arm.pending for arm in [*run.state.operators.values(), *run.state.models.values()]) == 0


def shape(state: SearchState) -> list[list[tuple[tuple[int, ...], int, float]]]:
    return [
        [(cell, elite.number, elite.score)
         for cell, elite in zip(island.archive.cells(), island.archive.elites(), strict=True)]
        for island in state.islands
    ]  # fmt: skip


def without_verification(log: list[Event]) -> list[Event]:
    return [event for event in log if not isinstance(event, VerificationAsked | Verified | Finished)]


@settings(max_examples=4, deadline=None)
@given(st.integers(1, 10_000), st.sampled_from(list(StrategyName)), st.booleans(), st.integers(1, 9))
def test_under_fixed_lag_any_timing_gives_the_same_archive(timing: int, strategy: StrategyName, models: bool, lag: int) -> None:
    one = run_of(strategy, Order.FIXED_LAG, models, lag=lag).go()
    other = run_of(strategy, Order.FIXED_LAG, models, timing=timing, lag=lag).go()
    assert shape(one.state) == shape(other.state)
    assert without_verification(one.log) == without_verification(other.log)
    for event in one.proposed:
        at = one.log.index(event)
        closed = {e.number for e in one.log[:at] if e.kind in {"admitted", "refused"}}
        if at < one.log.index(next(e for e in one.log if e.kind == "stopping")) and len(closed) < 150:
            assert closed == set(range(max(1, event.number - min(lag, 6) + 1)))


def test_as_completed_the_timing_matters_but_the_seed_alone_decides_otherwise() -> None:
    logs = [run_of(StrategyName.ISLANDS, Order.AS_COMPLETED, True, timing=timing).go().log for timing in (1, 1, 2)]
    assert logs[0] == logs[1]
    assert logs[0] != logs[2]


def test_events_of_a_run_tell_of_islands_records_and_tuning() -> None:
    run = run_of(
        StrategyName.ISLANDS, Order.AS_COMPLETED, True, budget={"evaluations": 1500}, max_islands=3, tune_share=0.8
    ).go()
    kinds = {event.kind for event in run.log}
    assert kinds >= {"island_spawned", "island_reset", "tuning_started", "tuning_ended", "new_best", "verified", "finished"}
    assert {event.operator for event in run.proposed} == set(Operator) - {Operator.SEED, Operator.INJECT}
    records = [event.score for event in run.log if isinstance(event, NewBest)]
    assert records == sorted(set(records))
    assert run.state.records == len(records)
    assert replay.verify(run.log, run.config, AXES, run.seed) == []
    last = run.log[-1]
    assert isinstance(last, Finished)
    assert last.champion == loop.champion_of(run.state)
    verified = {e.number: e.score for e in run.log if isinstance(e, Verified) and e.score is not None}
    assert last.champion is not None
    assert verified[last.champion] == max(verified.values())


def corrupted(log: list[Event]) -> list[tuple[str, list[Event]]]:
    """One log per kind of forgery, each with a word that the discrepancy must say."""
    middle = len(log) // 2

    def at(kind: type) -> int:
        return next(i for i, e in enumerate(log) if isinstance(e, kind) and (i >= middle or kind is TuningStarted))

    def swapped(kind: type, **changes: object) -> list[Event]:
        index = at(kind)
        return [*log[:index], log[index].model_copy(update=changes), *log[index + 1 :]]

    scored = next(i for i, e in enumerate(log) if isinstance(e, Admitted) and e.score is not None and i > 20)
    moved = [*log[:scored], log[scored].model_copy(update={"cell": (9, 9)}), *log[scored + 1 :]]
    record = next(i for i, e in enumerate(log) if isinstance(e, NewBest) and i > 10)
    return [
        ("the rules give Proposed", swapped(Proposed, inspirations=(0, 0, 0, 0))),
        ("the rules give Proposed", swapped(Proposed, parent_score=123.0)),
        ("expected proposal", swapped(Proposed, number=100_000)),
        ("not in flight", swapped(Admitted, number=100_000)),
        ("(9, 9)", moved),
        ("the rules give NewBest", [*log[:record], *log[record + 1 :]]),
        ("nothing of the kind", [*log[:record], log[record], *log[record:]]),
        ("TuningStarted", swapped(TuningStarted, generations=1)),
        ("the log has ended", log[: record]),
        ("IslandSpawned", swapped_first(log, IslandSpawned, founder=99_999)),
        ("a verification of one of", swapped_first(log, VerificationAsked, number=1)),
        ("the log has", [*log[:-1], log[-1].model_copy(update={"champion": 99_999})]),
        ("no proposal", [log[at(Proposed)], *log]),
    ]  # fmt: skip


def swapped_first(log: list[Event], kind: type, **changes: object) -> list[Event]:
    index = next(i for i, e in enumerate(log) if isinstance(e, kind))
    return [*log[:index], log[index].model_copy(update=changes), *log[index + 1 :]]


def test_every_kind_of_forged_event_is_found() -> None:
    run = run_of(StrategyName.ISLANDS, Order.AS_COMPLETED, True, budget={"evaluations": 400}, stagnation=15).go()
    for word, log in corrupted(run.log):
        found = replay.verify(log, run.config, AXES, run.seed)
        assert found, word
        assert any(word in line for line in found), (word, found[:2])
    assert replay.verify(run.log, run.config, AXES, run.seed + 1) != []


def test_a_log_out_of_order_is_found_under_fixed_lag() -> None:
    run = run_of(StrategyName.GREEDY, Order.FIXED_LAG, False).go()
    places = [i for i, e in enumerate(run.log) if isinstance(e, Admitted) and e.score is None]
    first = run.log[places[3]]
    assert isinstance(first, Admitted)
    later = first.model_copy(update={"number": first.number + 1})
    found = replay.verify([*run.log[: places[3]], later, *run.log[places[3] + 1 :]], run.config, AXES, run.seed)
    assert any(f"the closing of proposal {first.number}" in line for line in found)


def test_tables_that_differ_from_the_fold_are_named() -> None:
    tables = Tables()
    run = run_of(StrategyName.ISLANDS, Order.AS_COMPLETED, False)
    for _ in range(40):
        run.step()
    tables.save(run)
    assert replay.compare(run.state, tables.load(run)) == []
    key, elite = next(iter(tables.elites.items()))
    tables.elites[key] = type(elite)(elite.number, elite.score + 1, elite.length, elite.literals, elite.at)
    assert any(f"island {key[0]}, cell {key[1]}" in line for line in replay.compare(run.state, tables.load(run)))
    tables.elites[key] = elite
    loaded = tables.load(run)
    loaded.records += 1
    loaded.islands[0].evaluations += 1
    found = replay.compare(run.state, loaded)
    assert [line.split(":")[0] for line in found] == ["records", "island 0"]
    loaded.islands.pop()
    assert any("islands: the log gives" in line for line in replay.compare(run.state, loaded))


def test_room_and_in_flight_bound_what_is_asked() -> None:
    run = Run(config_of(in_flight=5))
    assert loop.propose(run.state, 10, 0.0) == []
    assert not loop.may_propose(run.state)
    run.close(0)
    assert len(loop.propose(run.state, 2, 0.0)) == 2
    assert len(loop.propose(run.state, 10, 0.0)) == 3
    assert loop.propose(run.state, 0, 0.0) == []
    assert run.state.next_to_close == 1
    assert loop.may_close(run.state, 3)
    assert not loop.may_close(run.state, 6)


def test_choice_of_is_the_stored_part_of_a_proposal() -> None:
    run = Run(config_of(models=MODELS)).go()
    for event in run.proposed:
        choice = loop.choice_of(event)
        for name in ("operator", "island", "parent", "inspirations", "model", "tuning", "propensity"):
            assert getattr(choice, name) == getattr(event, name)


def test_refusals_are_told_to_the_arm_but_for_the_hosts() -> None:
    run = Run(config_of())
    run.close(0)
    loop.propose(run.state, 3, 0.0)
    arm = run.state.operators[Operator.MUTATE]
    assert (arm.pending, arm.failures) == (3, 0)
    loop.refuse(run.state, 1, Refusal.WORKER_LOST)
    assert (arm.pending, arm.failures) == (2, 0)
    loop.refuse(run.state, 2, Refusal.DUPLICATE, 0)
    assert (arm.pending, arm.failures) == (1, 1)


@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize("mutate", [True, False])
def test_a_model_that_is_slow_never_has_more_than_its_bound_in_flight(order: Order, mutate: bool) -> None:
    most = 0

    def check(run: Run) -> None:
        nonlocal most
        waiting = sum(pending.model == "people" for pending in run.state.pending.values())
        most = max(most, waiting)

    models = (
        ModelChoice(name="people", weight=5.0, in_flight=2),
        *(() if mutate else (ModelChoice(name="small", in_flight=3),)),
    )
    run = run_of(StrategyName.ISLANDS, order, models=True, mutate=mutate, budget=Budget(evaluations=80))
    run = Run(run.config.model_copy(update={"models": models}), on_step=check).go()
    assert most == 2
    assert replay.verify(run.log, run.config, AXES, run.seed) == []


def test_where_all_models_have_their_bound_in_flight_nothing_is_asked() -> None:
    run = Run(config_of(mutate=False, tune=False, models=(ModelChoice(name="people", in_flight=2),)))
    run.close(0)
    loop.propose(run.state, 5, 0.0)
    assert len(run.state.pending) == 2
    assert not loop.may_propose(run.state)
