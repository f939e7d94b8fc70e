"""What people tell a run, taken in by its controller's pass: each command becomes events, or is refused in words."""

from controller import gpu_limits
from controller.current_pass import Pass
from database import commands, programs, runs
from database.commands import CommandRow, Settled
from database.errors import NotAllowed
from evolution import steering
from evolution.commands import Ban, SetBudget, Unban, VerifyProgram
from evolution.events import BudgetSet, Event, Stopping
from evolution.steering import CommandRefused


def follow_reopening(now: Pass) -> None:
    """Log the budget under which somebody reopened the run. A pass writes row and state together: else they are equal."""
    budget = now.row.config.budget
    if budget != now.run.state.config.budget:
        changed = BudgetSet(budget=budget)
        now.run.state.apply(changed)
        now.note([changed])


async def take_commands(now: Pass) -> None:
    """Obey what was asked since the last pass, in the order of asking."""
    if not now.row.steered:
        return
    for asked in await commands.waiting(now.connection, now.run.id):
        try:
            made = await _take(now, asked)
        except (CommandRefused, NotAllowed) as refusal:
            now.commands.append(Settled(asked.id, None, str(refusal)))
        else:
            now.commands.append(Settled(asked.id, now.note(made)))
            for event in made:
                if isinstance(event, Stopping):
                    now.stopped = (event.reason, event.detail)


async def _take(now: Pass, asked: CommandRow) -> list[Event]:
    if asked.command is None:
        raise CommandRefused(f"this controller knows no command {asked.kind!r} with such content; update it, then ask again")
    if isinstance(asked.command, SetBudget) and now.run.state.stopping is None:
        # Refused here if too much is spent by now: what a call has reserved may have come after the command was asked.
        await runs.limit_spending(now.connection, now.row, asked.command.budget)
    if isinstance(asked.command, VerifyProgram) and not gpu_limits.may_verify(now):
        raise CommandRefused(f"{gpu_limits.why_unpaid(now)}; raise that limit, then ask again")
    descendants: tuple[int, ...] = ()
    if isinstance(asked.command, Ban | Unban) and asked.command.descendants:
        descendants = await programs.descendants(now.connection, now.run.id, asked.command.program)
    return steering.take(now.run.state, asked.command, asked.id, descendants)
