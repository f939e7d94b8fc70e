"""The part of the search state's fold that takes in what people told the run."""

from collections import deque
from typing import TYPE_CHECKING

from evolution.events import BudgetSet, ModelsSet, Paused, Unpaused
from evolution.proposal import MODEL_OPERATORS, Operator
from evolution.state_values import Arm

if TYPE_CHECKING:
    from evolution.state import SearchState

SteeringEvent = Paused | Unpaused | BudgetSet | ModelsSet
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
