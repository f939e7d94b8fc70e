"""Commands of people as rules: which event each becomes, given the state, or why it is refused.

Like all rules these return events that they have applied to the state already.
"""

from evolution.commands import Command, Pause, Resume, SetBudget, SetModels, Stop
from evolution.events import BudgetSet, Event, ModelsSet, Paused, Stopping, Unpaused
from evolution.run import StopReason
from evolution.state import SearchState


class CommandRefused(ValueError):
    """The run is not in a state in which it can obey; the text says why, and what to do instead."""


def take(state: SearchState, command: Command) -> list[Event]:
    """Obey one command.

    Raises:
        CommandRefused: it cannot be obeyed; the state is unchanged.
    """
    if state.stopping is not None:
        raise CommandRefused(
            f"the run is ending already ({state.stopping.value}); wait for its end, then reopen it to let it go on"
        )
    match command:
        case Pause():
            event = _pause(state)
        case Resume():
            event = _resume(state)
        case Stop():
            event = Stopping(reason=StopReason.STOPPED, detail="somebody asked it to stop")
        case SetBudget():
            event = BudgetSet(budget=command.budget)
        case SetModels():
            event = _set_models(state, command)
    state.apply(event)
    return [event]


def _pause(state: SearchState) -> Event:
    if state.paused:
        raise CommandRefused("the run is paused already; resume lets it go on")
    return Paused()


def _resume(state: SearchState) -> Event:
    if not state.paused:
        raise CommandRefused("the run is not paused, so it cannot be resumed")
    return Unpaused()


def _set_models(state: SearchState, command: SetModels) -> Event:
    if not command.models and not state.config.mutate:
        raise CommandRefused("the run does not mutate, so without a model it could make no child; name at least one model")
    return ModelsSet(models=command.models)
