"""The commands that tell a run something while it goes on: pause, unpause, stop, steer."""

import asyncio
import json
import sys
import time
from pathlib import Path

from database import commands
from database.commands import CommandRow
from evolution.commands import Command, CommandState, Pause, Resume, Stop
from galapagos import options
from galapagos.command_options import CommandArgument, command_of
from galapagos.failures import ExitCode, Failure
from galapagos.ground import Ground, visit

HEARD_S = 10.0
"""A controller looks once a second: one that has not heard after so long is not there, or hangs."""
LOOK_S = 0.1


def pause(number: options.RunArgument, data: options.DataOption = None, as_json: options.JsonOption = False) -> None:
    """Let a run that goes on ask for nothing new; what is in flight is admitted, and its clock stands still."""
    _tell(number, Pause(), data, "paused: galapagos unpause lets it go on", as_json)


def unpause(number: options.RunArgument, data: options.DataOption = None, as_json: options.JsonOption = False) -> None:
    """Let a paused run go on."""
    _tell(number, Resume(), data, "goes on", as_json)


def stop(number: options.RunArgument, data: options.DataOption = None, as_json: options.JsonOption = False) -> None:
    """End a run that goes on: what is in flight is admitted and the best is verified."""
    _tell(number, Stop(), data, "is stopping", as_json)


def steer(
    number: options.RunArgument,
    command: CommandArgument,
    data: options.DataOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """Tell a run that goes on anything that it understands, as a JSON object (docs/steering.md)."""
    told = command_of(sys.stdin.read() if command == "-" else command)
    _tell(number, told, data, f"obeys {told.kind}", as_json)


def _tell(run: int, command: Command, data: Path | None, done: str, as_json: bool) -> None:
    async def work(ground: Ground) -> CommandRow:
        async with ground.database.begin() as connection:
            asked = await commands.ask(connection, run, command)
        # A server that this command started for itself serves no controller that could hear it.
        return await _heard(ground, run, asked, 0.0 if ground.server is not None else HEARD_S)

    row = visit(data, work)
    if row.state is CommandState.REFUSED:
        raise Failure(row.detail or "the command was refused", ExitCode.BAD_INPUT)
    if as_json:
        told = {"run": run, "command": row.id, "kind": row.kind, "state": row.state.value, "event": row.event}
        sys.stdout.write(json.dumps(told) + "\n")
    elif row.state is CommandState.TAKEN:
        sys.stdout.write(f"run {run} {done}\n")
    else:
        sys.stdout.write(f"run {run} is not served now; it will be told as soon as it is: galapagos resume {run}\n")


async def _heard(ground: Ground, run: int, asked: int, seconds: float) -> CommandRow:
    """The command as soon as it is taken or refused, or as it stands when nobody heard it in time."""
    until = time.monotonic() + seconds
    while True:
        async with ground.database.begin() as connection:
            (row,) = await commands.list_commands(connection, run, after=asked - 1, limit=1)
        if row.state is not CommandState.WAITING or time.monotonic() > until:
            return row
        await asyncio.sleep(LOOK_S)
