"""What people wish for single programs, and what they give: pins, bans, programs and ideas."""

import pytest

from evolution import loop
from evolution.commands import (
    Annotate,
    Ban,
    InjectIdea,
    InjectProgram,
    Pause,
    Pin,
    Resume,
    Unban,
    Unpin,
    VerifyProgram,
    WithdrawIdea,
)
from evolution.evaluation import Verdict
from evolution.events import Banned, Proposed, VerificationAsked
from evolution.proposal import Operator, Refusal
from evolution.state import LogError
from evolution.steering import MOST_VERIFYING, CommandRefused
from tests.evolution.simulation import MODELS
from tests.evolution.steps import ask, begun, found, grow, take


class TestPins:
    def test_a_pinned_program_is_the_parent_of_its_share_and_never_evicted(self) -> None:
        state = begun(tune=False, strategy="seq_best_of_n", in_flight=1000)
        for score in (1.0, 2.0, 3.0):
            loop.admit(state, found(ask(state, Operator.MUTATE), score))
        assert state.find_elite(1) is None, "better ones hold its cell"
        take(state, Pin(program=1, share=0.3))
        parents = [event.parent for event in loop.propose(state, 600, 0.0) if isinstance(event, Proposed)]
        assert 0.23 < parents.count(1) / 600 < 0.37
        assert parents.count(3) == 600 - parents.count(1)
        (last,) = [event for event in loop.propose(state, 1, 0.0) if isinstance(event, Proposed)]
        assert last.propensity.parent == pytest.approx(0.3 if last.parent == 1 else 0.7)
        take(state, Unpin(program=1))
        assert {event.parent for event in loop.propose(state, 50, 0.0) if isinstance(event, Proposed)} == {3}

    def test_what_cannot_be_pinned_is_refused(self) -> None:
        state = begun()
        loop.admit(state, found(ask(state, Operator.MUTATE), 1.0))
        loop.admit(state, found(ask(state, Operator.MUTATE), None, verdict=Verdict.CRASHED))
        for number, words in ((2, "has no score"), (77, "has no score")):
            with pytest.raises(CommandRefused, match=words):
                take(state, Pin(program=number))
        with pytest.raises(CommandRefused, match="1 is not pinned; pinned are: none"):
            take(state, Unpin(program=1))
        take(state, Pin(program=1, share=0.6))
        with pytest.raises(CommandRefused, match="are given already, and 0"):
            take(state, Pin(program=0, share=0.4))
        take(state, Pin(program=1, share=0.8))
        take(state, Ban(program=1))
        assert not state.pins
        with pytest.raises(CommandRefused, match="banned; unban it first"):
            take(state, Pin(program=1))


class TestVerifications:
    def test_the_first_score_counts_and_who_fails_later_loses_it(self) -> None:
        state = begun()
        loop.admit(state, found(ask(state, Operator.MUTATE), 1.0))
        asked_at = state.verification_asked_at
        for score, verdict, counted in (
            (0.9, Verdict.SCORED, 0.9),
            (1.7, Verdict.SCORED, 0.9),
            (None, None, 0.9),
            (None, Verdict.WRONG, None),
            (0.8, Verdict.SCORED, 0.8),
        ):
            assert take(state, VerifyProgram(program=1), 7) == [VerificationAsked(number=1, command=7)]
            loop.verified(state, 1, 1, verdict, score)
            assert state.verified[1] == counted
        assert state.verification_asked_at == asked_at, "people's wishes leave the rules their turn"

    def test_what_cannot_be_verified_again_is_refused(self) -> None:
        state = begun()
        for score in range(1, MOST_VERIFYING + 2):
            loop.admit(state, found(ask(state, Operator.MUTATE), float(score)))
        flying = ask(state, Operator.MUTATE)
        take(state, Ban(program=1))
        take(state, VerifyProgram(program=2))
        for number, words in ((1, "unban it first"), (2, "being verified already"), (flying, "not taken in yet")):
            with pytest.raises(CommandRefused, match=words):
                take(state, VerifyProgram(program=number))
        take(state, Pause())
        with pytest.raises(CommandRefused, match="resume it, then ask again"):
            take(state, VerifyProgram(program=3))
        take(state, Resume())
        for number in range(3, 2 + MOST_VERIFYING):
            take(state, VerifyProgram(program=number))
        with pytest.raises(CommandRefused, match="8 at most"):
            take(state, VerifyProgram(program=0))


class TestBans:
    def test_a_banned_best_leaves_its_place_to_the_next_one_and_its_cell_to_any(self) -> None:
        state = begun()
        for score in (5.0, 9.0):
            loop.admit(state, found(ask(state, Operator.MUTATE), score))
        assert state.best is not None
        loop.verification_due(state)
        take(state, Ban(program=2))
        assert (state.best.number, state.best.score) == (1, 5.0)
        made = loop.admit(state, found(ask(state, Operator.MUTATE), 4.0))
        assert [event.kind for event in made] == ["admitted"]
        assert state.find_elite(3) is not None
        assert state.find_elite(2) is None
        assert [event.kind for event in loop.admit(state, found(ask(state, Operator.MUTATE), 6.0))] == ["admitted", "new_best"]
        take(state, Unban(program=2))
        assert state.best.number == 2
        with pytest.raises(CommandRefused, match="2 is not banned"):
            take(state, Unban(program=2))

    def test_all_that_may_be_chosen_is_chosen_alike_when_every_elite_is_banned(self) -> None:
        state = begun(tune=False, in_flight=100, islands=1)
        for score in (1.0, 2.0):
            loop.admit(state, found(ask(state, Operator.MUTATE), score))
        take(state, Ban(program=2))
        made = [event for event in loop.propose(state, 60, 0.0) if isinstance(event, Proposed)]
        assert {event.parent for event in made} == {0, 1}
        assert {event.propensity.parent for event in made} == {0.5}
        assert {event.inspirations for event in made} == {()}

    def test_children_in_flight_share_the_ban_of_their_family_and_take_no_cell(self) -> None:
        state = begun(islands=1)
        loop.admit(state, found(ask(state, Operator.MUTATE), 1.0))
        child = ask(state, Operator.MUTATE, parent=1)
        other = ask(state, Operator.MUTATE)
        assert take(state, Ban(program=1, descendants=True)) == [Banned(number=1, descendants=())]
        assert state.banned == {1, child}
        (admitted,) = loop.admit(state, found(child, 8.0, cell=2))
        assert (admitted.kind, admitted.placement) == ("admitted", "not_better")
        assert [event.kind for event in loop.admit(state, found(other, 2.0))] == ["admitted", "new_best"]

    def test_a_tuning_session_of_a_banned_program_is_given_up(self) -> None:
        state = begun(tune_share=1.0)
        loop.admit(state, found(ask(state, Operator.MUTATE), 1.0))
        grow(state, 60)
        loop.propose(state, 2, 0.0)
        assert state.tuning is not None
        assert state.tuning.parent == 1
        tuned = [number for number, pending in state.pending.items() if pending.operator is Operator.TUNE]
        take(state, Ban(program=1))
        assert state.tuning is None
        take(state, Unban(program=1))
        for number in tuned:
            loop.admit(state, found(number, 3.0))
        assert not state.pending

    def test_a_verification_of_a_banned_program_makes_no_champion(self) -> None:
        state = begun()
        loop.admit(state, found(ask(state, Operator.MUTATE), 1.0))
        for number in (0, 1):
            state.verifying.add(number)
            loop.verified(state, number, 1, Verdict.SCORED, float(number))
        assert loop.champion_of(state) == 1
        take(state, Ban(program=1))
        assert loop.champion_of(state) == 0
        state.verifying.add(1)
        loop.verified(state, 1, 1, Verdict.SCORED, 1.0)
        assert loop.champion_of(state) == 0

    def test_the_seed_cannot_be_banned(self) -> None:
        for number in (0, 55):
            with pytest.raises(CommandRefused, match="from 1 to 0"):
                take(begun(), Ban(program=number))
            with pytest.raises(LogError, match="cannot be banned"):
                begun().apply(Banned(number=number, descendants=None))


class TestGifts:
    def test_a_program_is_the_next_proposal_and_counts_for_no_operator(self) -> None:
        state = begun(islands=2)
        loop.admit(state, found(ask(state, Operator.MUTATE, island=1), 1.0))
        take(state, InjectProgram(files={"program.py": "x"}), 31)
        take(state, InjectProgram(files={"program.py": "y"}, island=0), 32)
        first, second, third = (event for event in loop.propose(state, 3, 0.0) if isinstance(event, Proposed))
        assert (first.operator, first.injection, first.island, first.parent) == (Operator.INJECT, 31, 1, 0)
        assert (second.operator, second.injection, second.island) == (Operator.INJECT, 32, 0)
        assert third.injection is None
        arms = {operator: arm.successes for operator, arm in state.operators.items()}
        assert [event.kind for event in loop.admit(state, found(first.number, 5.0))] == ["admitted", "new_best"]
        assert {operator: arm.successes for operator, arm in state.operators.items()} == arms
        with pytest.raises(CommandRefused, match="an island below 2, got 2"):
            take(state, InjectProgram(files={"program.py": "x"}, island=2))
        with pytest.raises(LogError, match="no program of command 33 waits"):
            ask(state, Operator.INJECT, injection=33)

    def test_an_idea_is_told_so_often_and_again_where_no_model_answered(self) -> None:
        state = begun(models=MODELS, mutate=False, tune=False)
        take(state, InjectIdea(text="  think  ", prompts=2), 11)
        take(state, InjectIdea(text="think more"), 12)
        made = [event for event in loop.propose(state, 3, 0.0) if isinstance(event, Proposed)]
        assert [event.ideas for event in made] == [(11, 12), (11, 12), (12,)]
        loop.refuse(state, made[0].number, Refusal.MODEL_FAILED)
        loop.refuse(state, made[1].number, Refusal.DID_NOT_APPLY)
        take(state, WithdrawIdea(idea=12))
        made = [event for event in loop.propose(state, 2, 0.0) if isinstance(event, Proposed)]
        assert [event.ideas for event in made] == [(11,), ()]
        for idea in (11, 12, 99):
            with pytest.raises(CommandRefused, match="expected an idea that is still told"):
                take(state, WithdrawIdea(idea=idea))
        for number in range(5):
            take(state, InjectIdea(text="once more", prompts=1), number)
        with pytest.raises(CommandRefused, match="withdraw one of 0, 1, 2, 3, 4 first"):
            take(state, InjectIdea(text="one too many"), 6)

    def test_a_note_is_no_matter_of_the_search(self) -> None:
        with pytest.raises(CommandRefused, match="for people only"):
            take(begun(), Annotate(text="look at this"))
