"""What people tell a run: the rules, and whole simulated runs with any commands in between."""

import json
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from evolution import loop, replay
from evolution.commands import (
    COMMAND,
    Ban,
    Command,
    InjectIdea,
    InjectProgram,
    Pause,
    Pin,
    Resume,
    SetBudget,
    SetModels,
    Stop,
    Unban,
    Unpin,
    VerifyProgram,
    WithdrawIdea,
)
from evolution.evaluation import Verdict
from evolution.events import EVENT, BudgetSet, Paused, Proposed, Unpaused
from evolution.proposal import MODEL_OPERATORS, Operator, Refusal
from evolution.run import Budget, ModelChoice, Order, StopReason, StrategyName
from evolution.state import LogError
from evolution.steering import CommandRefused
from tests.evolution.simulation import ALL, AXES, MODELS, Run, config_of
from tests.evolution.steps import ask, begun, found, take
from tests.evolution.tables import Tables

BAN_THE_BEST = Ban(program=0, descendants=True)
LARGE_ALONE = SetModels(models=(ModelChoice(name="large", weight=0.5), ModelChoice(name="third")))


def commands() -> st.SearchStrategy[Command]:
    number = st.integers(0, 80)
    return st.one_of(
        st.builds(Pin, program=number, share=st.sampled_from([0.1, 0.5])),
        st.builds(Unpin, program=number),
        st.builds(Ban, program=number, descendants=st.booleans()),
        st.builds(Unban, program=number, descendants=st.booleans()),
        # The best, and all that came of it.
        st.just(BAN_THE_BEST),
        st.builds(InjectProgram, files=st.just({"program.py": "x = 1"}), island=st.sampled_from([None, 0, 1])),
        st.builds(InjectIdea, text=st.just("sort first"), prompts=st.sampled_from([None, 1, 7])),
        st.builds(WithdrawIdea, idea=st.integers(1, 40)),
        st.builds(VerifyProgram, program=number),
        st.just(Pause()),
        st.just(Resume()),
        st.builds(SetBudget, budget=st.builds(Budget, evaluations=st.integers(20, 110))),
        st.sampled_from([SetModels(models=()), SetModels(models=MODELS), LARGE_ALONE]),
    )


def family_of(run: Run, number: int) -> tuple[int, ...]:
    family = {number}
    for event in run.proposed:
        if event.parent in family:
            family.add(event.number)
    return tuple(sorted(family - {number}))


@dataclass
class Steered:
    """Gives a run one command every few steps, and holds it to what must be true after each of them."""

    told: list[tuple[int, Command]]
    tables: Tables = field(default_factory=Tables)
    refused: int = 0
    steps: int = 0
    seen: int = 0

    def __call__(self, run: Run) -> None:
        state = run.state
        for event in run.log[self.seen :]:
            if isinstance(event, Proposed):
                assert not {event.parent, *event.inspirations} & state.banned
                assert set(event.ideas) <= state.ideas.keys()
        assert state.best is None or state.best.number not in state.banned
        assert not state.banned & (state.verified.keys() | state.pins.keys())
        assert all(left is None or left >= 0 for left in state.ideas.values())
        if state.paused:
            assert not any(event.kind in {"proposed", "verification_asked"} for event in run.log[self.seen :])
        self.seen = len(run.log)
        self.tables.save(run)
        assert self.tables.load(run) == state
        assert replay.compare(state, self.tables.load(run)) == []
        assert all(arm.pending >= 0 for arm in [*state.operators.values(), *state.models.values()])
        assert list(state.operators) == [operator for operator in Operator if operator in state.operators]
        self.steps += 1
        while self.told and self.told[0][0] <= self.steps:
            self.tell(run, self.told.pop(0)[1])
        if not self.told and state.paused and self.steps > 40:
            self.tell(run, Resume())

    def tell(self, run: Run, command: Command) -> None:
        before = run.state.events
        try:
            if command is BAN_THE_BEST and run.state.best is not None:
                command = Ban(program=run.state.best.number, descendants=True)
            parsed = COMMAND.validate_json(command.model_dump_json())
            family = family_of(run, parsed.program) if isinstance(parsed, Ban | Unban) and parsed.descendants else ()
            run.log += take(run.state, parsed, self.steps, family)
        except CommandRefused:
            self.refused += 1
            assert run.state.events == before


@settings(max_examples=6, deadline=None)
@given(
    st.integers(0, 10_000),
    st.sampled_from(ALL),
    st.lists(st.tuples(st.integers(1, 30), commands()), max_size=12),
)
def test_any_commands_leave_a_run_that_replays(
    timing: int, kind: tuple[StrategyName, Order, bool], told: list[tuple[int, Command]]
) -> None:
    strategy, order, models = kind
    chosen = MODELS if models else ()
    config = config_of(strategy=strategy, order=order, models=chosen, max_islands=3, budget={"evaluations": 90})
    run = Run(config, order=np.random.default_rng(timing))
    run.on_step = Steered(sorted(told, key=lambda item: item[0]))
    run.go()
    assert replay.verify(run.log, config, AXES, run.seed) == []
    stored = [EVENT.validate_python(json.loads(json.dumps(event.model_dump(mode="json")))) for event in run.log]
    assert replay.fold(stored, config, AXES, run.seed) == run.state
    assert sum(arm.pending for arm in [*run.state.operators.values(), *run.state.models.values()]) == 0
    assert run.state.champion is None or run.state.champion not in run.state.banned
    given = [event.injection for event in run.log if event.kind == "program_injected"]
    proposed = [event.injection for event in run.proposed if event.injection is not None]
    assert proposed + [left.command for left in run.state.injections] == given


def test_other_models_are_asked_from_the_next_proposal_on() -> None:
    config = config_of(models=MODELS, budget=Budget(evaluations=300), tune=False)
    run = Run(config)
    told = Steered([(10, LARGE_ALONE), (40, SetModels(models=()))])
    run.on_step = told
    run.go()
    changes = [place for place, event in enumerate(run.log) if event.kind == "models_set"]
    asked = [
        {event.model for event in run.log[start:end] if isinstance(event, Proposed) and event.operator in MODEL_OPERATORS}
        for start, end in zip([0, *changes], [*changes, len(run.log)], strict=True)
    ]
    assert asked == [{"small", "large"}, {"large", "third"}, set()]
    assert told.refused == 0
    # The log of another run: its weights would have chosen otherwise.
    forged = [event.model_copy(update={"models": MODELS}) if event.kind == "models_set" else event for event in run.log]
    assert replay.verify(forged, config, AXES, run.seed) != []


class TestPausing:
    def test_nothing_is_asked_and_what_is_in_flight_is_taken_in(self) -> None:
        state = begun()
        loop.propose(state, 2, 0.0)
        assert take(state, Pause()) == [Paused()]
        assert loop.propose(state, 2, 0.0) == []
        assert loop.verification_due(state) == []
        loop.admit(state, found(1, 1.0))
        loop.refuse(state, 2, Refusal.NO_CHANGE)
        assert not state.pending
        assert take(state, Resume()) == [Unpaused()]
        assert [event.kind for event in loop.propose(state, 2, 0.0)] == ["proposed", "proposed"]

    def test_a_proposal_in_the_log_of_a_paused_run_is_found(self) -> None:
        run = Run(config_of())
        run.on_step = Steered([(5, Pause()), (9, Resume())])
        run.go()
        place = next(place for place, event in enumerate(run.log) if isinstance(event, Paused))
        later = next(place for place, event in enumerate(run.log) if isinstance(event, Unpaused))
        moved = [*run.log[:later], *run.log[later + 1 :]]
        assert place < later
        assert any("no proposal" in line for line in replay.verify(moved, run.config, AXES, run.seed))

    def test_what_makes_no_sense_is_refused(self) -> None:
        state = begun()
        with pytest.raises(CommandRefused, match="not paused"):
            take(state, Resume())
        take(state, Pause())
        with pytest.raises(CommandRefused, match="paused already"):
            take(state, Pause())
        with pytest.raises(LogError, match="cannot be paused"):
            state.apply(Paused())
        (stopping,) = take(state, Stop())
        assert stopping.kind == "stopping"
        assert (state.stopping, state.paused) == (StopReason.STOPPED, False)
        for command in (Pause(), Resume(), Stop(), SetBudget(budget=Budget()), SetModels(models=()), Ban(program=1)):
            with pytest.raises(CommandRefused, match="ending already"):
                take(state, command)
        with pytest.raises(LogError, match="cannot be paused"):
            state.apply(Paused())
        with pytest.raises(LogError, match="cannot go on"):
            state.apply(Unpaused())


def test_a_budget_takes_the_place_of_the_one_before() -> None:
    state = begun(budget={"evaluations": 1, "micro_dollars": 9})
    state.droughts.money = 7
    assert loop.stop_reason(state, 0, 0, 1.0) is not None
    assert take(state, SetBudget(budget=Budget(evaluations=5))) == [BudgetSet(budget=Budget(evaluations=5))]
    assert loop.stop_reason(state, 0, 0, 1.0) is None
    assert state.config.budget == Budget(evaluations=5)
    assert state.droughts.money == 0


class TestModels:
    def test_a_model_that_comes_back_counts_what_is_in_flight(self) -> None:
        state = begun(models=MODELS)
        number = ask(state, Operator.DIFF, model="small")
        take(state, SetModels(models=()))
        assert list(state.operators) == [Operator.MUTATE]
        take(state, SetModels(models=MODELS))
        assert state.models["small"].pending == state.operators[Operator.DIFF].pending == 1
        assert state.models["large"].pending == 0
        loop.refuse(state, number, Refusal.NO_CHANGE)
        assert state.models["small"].pending == state.operators[Operator.DIFF].pending == 0

    def test_what_was_learned_of_a_model_stays_and_its_repairs_go_with_it(self) -> None:
        state = begun(models=MODELS)
        loop.admit(state, found(ask(state, Operator.DIFF, model="large"), 1.0))
        loop.admit(state, found(ask(state, Operator.DIFF, model="small"), None, verdict=Verdict.CRASHED))
        assert state.models["large"].successes > 0
        assert len(state.repairs) == 1
        large = state.models["large"]
        take(state, LARGE_ALONE)
        assert state.models["large"] is large
        assert not state.repairs

    def test_a_run_that_does_not_mutate_needs_one(self) -> None:
        with pytest.raises(CommandRefused, match="name at least one"):
            take(begun(models=MODELS, mutate=False), SetModels(models=()))


@pytest.mark.parametrize(
    "payload",
    [
        {"kind": "halt"},
        {"kind": "pause", "why": "lunch"},
        {"kind": "set_budget"},
        {"kind": "set_budget", "budget": {"evaluations": 0}},
        {"kind": "set_models", "models": [{"name": "a"}, {"name": "a"}]},
        {"kind": "set_models", "models": [{"name": "a", "weight": 0}]},
        {"kind": "inject_program", "files": {}},
        {"kind": "inject_program", "files": {"a": "x" * 4_194_304}},
        {"kind": "inject_idea", "text": "  "},
        {"kind": "inject_idea", "text": "x" * 4001},
        {"kind": "pin", "program": 1, "share": 0.95},
        {"kind": "ban"},
    ],
)
def test_what_is_no_command_is_refused(payload: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        COMMAND.validate_python(payload)
