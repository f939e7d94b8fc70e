"""The commands that tell a run of a service something: `galapagos remote pause`, `steer`, `limit`, `fork` and the rest."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated

import typer

from evolution.commands import CommandState
from evolution.run import RunState
from galapagos import options
from galapagos.command_options import CommandArgument, command_of
from galapagos.failures import ExitCode, Failure
from galapagos.people_options import WeightArgument
from galapagos.remote.answers import print_json, say, with_client
from galapagos.rows import tell

if TYPE_CHECKING:
    # Imported where they are used: all other commands would pay for them with memory.
    from galapagos.remote.client import AsyncClient
    from server.schemas.runs import AskedCommand, RunDetail

RemoteRun = Annotated[int, typer.Argument(metavar="RUN", help="Number of a run; `galapagos remote runs` lists them.")]
ProgramArgument = Annotated[int, typer.Argument(metavar="PROGRAM", help="Number of a program within its run.")]
HEARD_S = 10.0
LOOK_S = 0.2


def pause(number: RemoteRun, as_json: options.JsonOption = False) -> None:
    """Let a run ask for nothing new; what is in flight is taken in."""
    _tell(number, lambda client: client.pause(number), "is paused", as_json)


def resume(number: RemoteRun, as_json: options.JsonOption = False) -> None:
    """Let a paused run go on."""
    _tell(number, lambda client: client.resume(number), "goes on", as_json)


def stop(number: RemoteRun, as_json: options.JsonOption = False) -> None:
    """End a run: what is in flight is taken in, and the best is verified."""
    _tell(number, lambda client: client.stop(number), "is stopping", as_json)


def limit(
    number: RemoteRun,
    seconds: options.SecondsOption = None,
    evaluations: options.EvaluationsOption = None,
    budget: options.BudgetOption = None,
    tokens: options.TokensOption = None,
    gpu_seconds: options.GpuSecondsOption = None,
    target: options.TargetOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """Give a run these limits in place of its present ones; one that has ended goes on under them."""
    limits = options.budget_of(seconds, evaluations, budget, tokens, gpu_seconds, target)

    async def work(client: "AsyncClient") -> "AskedCommand | RunDetail":
        ended = (await client.run(number)).state is RunState.FINISHED
        return await (client.reopen(number, limits) if ended else _heard(client, await client.set_budget(number, limits)))

    _told(number, with_client(work), "has other limits", as_json)


def steer(number: RemoteRun, command: CommandArgument, as_json: options.JsonOption = False) -> None:
    """Tell a run that goes on anything that it understands, as a JSON object (docs/steering.md)."""
    told = command_of(sys.stdin.read() if command == "-" else command)
    _tell(number, lambda client: client.tell(number, told), f"obeys {told.kind}", as_json)


def fork(
    number: RemoteRun, program: ProgramArgument, seed: options.SeedOption = None, as_json: options.JsonOption = False
) -> None:
    """Start a run of the same problem and configuration whose seed is a program of this run."""
    made = with_client(lambda client: client.fork(number, program, seed=seed))
    if as_json:
        print_json(made.model_dump(mode="json"))
    else:
        say(f"run {made.id} of {made.problem} goes on; galapagos remote watch {made.id} shows how")


def priority(number: RemoteRun, weight: WeightArgument, as_json: options.JsonOption = False) -> None:
    """Give a run another share among the runs of its project."""
    tell(with_client(lambda client: client.set_priority(number, weight)), as_json)


def verify(number: RemoteRun, program: ProgramArgument, as_json: options.JsonOption = False) -> None:
    """Have a scored program of a run that goes on verified once more, on seeds that it never had."""
    _tell(number, lambda client: client.verify(number, program), f"has program {program} verified again", as_json)


COMMANDS = (pause, resume, stop, limit, steer, verify, fork, priority)


def _tell(number: int, ask: "Callable[[AsyncClient], Awaitable[AskedCommand]]", done: str, as_json: bool) -> None:
    async def work(client: "AsyncClient") -> "AskedCommand":
        return await _heard(client, await ask(client))

    _told(number, with_client(work), done, as_json)


async def _heard(client: "AsyncClient", asked: "AskedCommand") -> "AskedCommand":
    """The command as soon as it is taken or refused, or as it stands when nobody heard it in time."""
    loop = asyncio.get_running_loop()
    until = loop.time() + HEARD_S
    found = asked
    while found.state is CommandState.WAITING and loop.time() < until:
        await asyncio.sleep(LOOK_S)
        found = await client.command(asked.run, asked.id)
    return found


def _told(number: int, found: "AskedCommand | RunDetail", done: str, as_json: bool) -> None:
    answer = found.model_dump(mode="json")
    if answer["state"] == CommandState.REFUSED:
        raise Failure(answer["detail"] or "the command was refused", ExitCode.BAD_INPUT)
    waits = answer["state"] == CommandState.WAITING
    if as_json:
        print_json(answer)
    else:
        say(f"run {number} is not served now; it will be told as soon as it is" if waits else f"run {number} {done}")
