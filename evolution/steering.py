"""Commands of people as rules: which event each becomes, given the state, or why it is refused.

Like all rules these return events that they have applied to the state already.
"""

from evolution import commands as told
from evolution import events as ev
from evolution.commands import Command
from evolution.events import Event
from evolution.run import StopReason
from evolution.state import SearchState

MOST_PINNED = 0.9
"""The largest share that all pins have together: the rest is left to the strategy."""
MOST_IDEAS = 5
"""So many ideas are told at the same time at most."""
MOST_VERIFYING = 8
"""Nobody may ask for one more verification while so many are under way: they take slots from the search."""


class CommandRefused(ValueError):
    """The run is not in a state in which it can obey; the text says why, and what to do instead."""


def take(state: SearchState, command: Command, number: int, descendants: tuple[int, ...] = ()) -> list[Event]:
    """Obey one command; `number` is its own. `descendants` are those of the program that it names, if it wants them.

    Raises:
        CommandRefused: it cannot be obeyed; the state is unchanged.
    """
    if state.stopping is not None:
        raise CommandRefused(
            f"the run is ending already ({state.stopping.value}); wait for its end, then reopen it to let it go on"
        )
    event = (
        _phase_or_limits(state, command)
        or _given(state, command, number)
        or _of_programs(state, command, descendants)
        or _verification(state, command, number)
    )
    if event is None:
        raise CommandRefused(f"a {command.kind} is for people only: no controller has to take it")
    state.apply(event)
    return [event]


def _phase_or_limits(state: SearchState, command: Command) -> Event | None:
    match command:
        case told.Pause():
            if state.paused:
                raise CommandRefused("the run is paused already; resume lets it go on")
            return ev.Paused()
        case told.Resume():
            if not state.paused:
                raise CommandRefused("the run is not paused, so it cannot be resumed")
            return ev.Unpaused()
        case told.Stop():
            return ev.Stopping(reason=StopReason.STOPPED, detail="somebody asked it to stop")
        case told.SetBudget():
            return ev.BudgetSet(budget=command.budget)
        case told.SetModels():
            if not command.models and not state.config.mutate:
                raise CommandRefused(
                    "the run does not mutate, so without a model it could make no child; name at least one model"
                )
            return ev.ModelsSet(models=command.models)
        case _:
            return None


def _given(state: SearchState, command: Command, number: int) -> Event | None:
    match command:
        case told.InjectProgram():
            if command.island is not None and command.island >= len(state.islands):
                raise CommandRefused(
                    f"expected an island below {len(state.islands)}, got {command.island}; leave it out to have it chosen"
                )
            return ev.ProgramInjected(injection=number, island=command.island)
        case told.InjectIdea():
            if len(state.told_ideas) >= MOST_IDEAS:
                known = ", ".join(map(str, state.told_ideas))
                raise CommandRefused(f"{MOST_IDEAS} ideas at most are told at a time; withdraw one of {known} first")
            return ev.IdeaGiven(idea=number, text=command.text, prompts=command.prompts)
        case told.WithdrawIdea():
            if command.idea not in state.told_ideas:
                known = ", ".join(map(str, state.told_ideas)) or "none"
                raise CommandRefused(f"expected an idea that is still told ({known}), got {command.idea}")
            return ev.IdeaWithdrawn(idea=command.idea)
        case _:
            return None


def _of_programs(state: SearchState, command: Command, descendants: tuple[int, ...]) -> Event | None:
    match command:
        case told.Pin():
            return _pin(state, command)
        case told.Unpin():
            if command.program not in state.pins:
                known = ", ".join(map(str, state.pins)) or "none"
                raise CommandRefused(f"program {command.program} is not pinned; pinned are: {known}")
            return ev.Unpinned(number=command.program)
        case told.Ban():
            if not 0 < command.program < state.next_number:
                raise CommandRefused(
                    f"expected a program from 1 to {state.next_number - 1}, got {command.program}; the seed program cannot be "
                    "banned, since every island begins with it"
                )
            return ev.Banned(number=command.program, descendants=descendants if command.descendants else None)
        case told.Unban():
            if not state.banned & {command.program, *descendants}:
                raise CommandRefused(f"program {command.program} is not banned")
            return ev.Unbanned(number=command.program, descendants=descendants if command.descendants else None)
        case _:
            return None


def _verification(state: SearchState, command: Command, number: int) -> Event | None:
    if not isinstance(command, told.VerifyProgram):
        return None
    program = command.program
    if state.paused:
        raise CommandRefused("the run is paused, so it has nothing verified; resume it, then ask again")
    if program in state.pending or not 0 <= program < state.next_number:
        raise CommandRefused(f"program {program} was not taken in yet; ask again when it was")
    if program in state.banned:
        raise CommandRefused(f"program {program} is banned; unban it first")
    if program in state.verifying:
        raise CommandRefused(f"program {program} is being verified already; ask again when that is done")
    if len(state.verifying) >= MOST_VERIFYING:
        raise CommandRefused(f"{len(state.verifying)} verifications are under way, {MOST_VERIFYING} at most; ask again later")
    return ev.VerificationAsked(number=program, command=number)


def _pin(state: SearchState, command: told.Pin) -> Event:
    number = command.program
    if number in state.banned:
        raise CommandRefused(f"program {number} is banned; unban it first")
    others = sum(pin.share for pin in state.pins.values() if pin.number != number)
    if others + command.share > MOST_PINNED:
        raise CommandRefused(
            f"all pins together may have a share of {MOST_PINNED:g}; {others:g} are given already, and {command.share:g} is "
            "too much beside them"
        )
    for index, island in enumerate(state.islands):
        if number in island.valid:
            score = island.scores[island.valid.index(number)]
            return ev.Pinned(number=number, share=command.share, island=index, score=score)
    raise CommandRefused(f"program {number} has no score, or its island was founded anew; pin one that an island holds")
