"""The part of the search state's fold that takes in what people told the run."""

from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from evolution.events import (
    Banned,
    BudgetSet,
    IdeaGiven,
    IdeaWithdrawn,
    ModelsSet,
    Paused,
    Pinned,
    ProgramInjected,
    Unbanned,
    Unpaused,
    Unpinned,
)
from evolution.proposal import MODEL_OPERATORS, Operator
from evolution.state_values import Arm, Best, Injection, Pin

if TYPE_CHECKING:
    from evolution.state import SearchState

Mark = Pinned | Unpinned | Banned | Unbanned
SteeringEvent = Paused | Unpaused | BudgetSet | ModelsSet | ProgramInjected | IdeaGiven | IdeaWithdrawn | Mark
MODEL_ARMS = tuple(operator for operator in Operator if operator in MODEL_OPERATORS - {Operator.REPAIR})
"""The operators that a run with models offers; a repair is credited to the one whose child it repairs."""


class SteeringError(ValueError):
    """The event does not fit the state."""


def apply(state: "SearchState", event: SteeringEvent) -> None:
    """Take in one event.

    Raises:
        SteeringError: it cannot follow the ones before it.
    """
    match event:
        case Paused():
            if state.paused or state.stopping is not None:
                raise SteeringError("a run that is paused, or ending, cannot be paused")
            state.paused = True
        case Unpaused():
            if not state.paused:
                raise SteeringError("a run that is not paused cannot go on")
            state.paused = False
        case BudgetSet():
            state.config = state.config.model_copy(update={"budget": event.budget})
            state.droughts.money = 0
        case ModelsSet():
            _set_models(state, event)
        case ProgramInjected():
            state.injections.append(Injection(event.injection, event.island))
        case IdeaGiven() | IdeaWithdrawn():
            _idea(state, event)
        case _:
            _mark(state, event)


def _mark(state: "SearchState", event: Mark) -> None:
    match event:
        case Pinned() | Unpinned():
            _pin(state, event)
        case Banned():
            _ban(state, event)
        case Unbanned():
            _unban(state, event)


def tell(state: "SearchState", idea: int, count: int) -> None:
    """Count a prompt that gets an idea (-1), or that came to nothing (1); nothing if it was withdrawn, or has no limit."""
    left = state.ideas.get(idea)
    if left is not None:
        state.ideas[idea] = left + count


def _idea(state: "SearchState", event: IdeaGiven | IdeaWithdrawn) -> None:
    if isinstance(event, IdeaGiven):
        state.ideas[event.idea] = event.prompts
    elif event.idea in state.ideas:
        del state.ideas[event.idea]
    else:
        raise SteeringError(f"there is no idea {event.idea} to withdraw")


def _pin(state: "SearchState", event: Pinned | Unpinned) -> None:
    if isinstance(event, Unpinned):
        if state.pins.pop(event.number, None) is None:
            raise SteeringError(f"program {event.number} is not pinned")
        return
    if event.number in state.banned or not 0 <= event.island < len(state.islands):
        raise SteeringError(f"program {event.number} cannot be pinned: it is banned, or there is no island {event.island}")
    state.pins[event.number] = Pin(event.number, event.share, event.island, event.score)


def _ban(state: "SearchState", event: Banned) -> None:
    numbers = {event.number, *(event.descendants or ())}
    if min(numbers) <= 0 or max(numbers) >= state.next_number:
        raise SteeringError(f"programs {min(numbers)} to {max(numbers)} cannot be banned: one is the seed, or none at all")
    if event.descendants is not None:
        numbers |= {number for number, pending in state.pending.items() if pending.parent in numbers}
    state.banned |= numbers
    for number in sorted(numbers):
        state.pins.pop(number, None)
        state.verified.pop(number, None)
        for island in state.islands:
            island.bar(number)
    state.repairs = deque(broken for broken in state.repairs if broken.number not in numbers)
    if state.tuning is not None and state.tuning.parent in numbers:
        state.tuning, state.tuning_ended_at = None, state.evaluations
        state.pending = {number: replace(pending, tuning=None) for number, pending in state.pending.items()}
    if state.best is not None and state.best.number in numbers:
        # It counts as found now: what is tuned or verified next depends on how long ago the best was found.
        score, number = max(_eligible(state))
        state.best = Best(-number, score, state.evaluations)


def _unban(state: "SearchState", event: Unbanned) -> None:
    numbers = {event.number, *(event.descendants or ())}
    state.banned -= numbers
    for number in sorted(numbers):
        for island in state.islands:
            island.unbar(number)
    if state.best is not None and (found := max(_eligible(state)))[0] > state.best.score:
        state.best = Best(-found[1], found[0], state.evaluations)


def _eligible(state: "SearchState") -> Iterator[tuple[float, int]]:
    """The scored programs that may be chosen, as (score, -number): of equals the oldest is the largest."""
    for island in state.islands:
        barred = set(island.barred)
        for place, (number, score) in enumerate(zip(island.valid, island.scores, strict=True)):
            if place not in barred:
                yield score, -number


def _set_models(state: "SearchState", event: ModelsSet) -> None:
    """Kept models keep what was learned of them; proposals in flight count for arms that come back, too."""
    flying = list(state.pending.values())
    names = [model.name for model in event.models]
    state.config = state.config.model_copy(update={"models": event.models})
    state.models = {
        name: state.models.get(name) or Arm(pending=sum(pending.model == name for pending in flying)) for name in names
    }
    offered = {operator: arm for operator, arm in state.operators.items() if operator not in MODEL_ARMS}
    if names:
        offered |= {
            operator: state.operators.get(operator) or Arm(pending=sum(pending.credit is operator for pending in flying))
            for operator in MODEL_ARMS
        }
    # Choices depend on the order of the arms: it is always that of the operators' definition.
    state.operators = {operator: offered[operator] for operator in Operator if operator in offered}
    state.repairs = deque(broken for broken in state.repairs if broken.model in state.models)
    state.droughts.models = state.droughts.money = 0
