"""The commands that tell how a service stands: `galapagos remote spend` and `galapagos remote fleet`."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from galapagos import options
from galapagos.failures import ExitCode, Failure
from galapagos.remote.answers import print_json, say, with_client
from galapagos.rows import tell_all

if TYPE_CHECKING:
    # Imported where they are used: all other commands would pay for them with memory.
    from galapagos.remote.client import AsyncClient
    from server.schemas.fleet import FleetGpu
    from server.schemas.spending import Spent

GROUPS = ("project", "person", "run", "model")
ByOption = Annotated[str, typer.Option("--by", help="project, person, run or model.")]
SinceOption = Annotated[
    datetime | None, typer.Option("--since", formats=["%Y-%m-%d"], help="First day, in UTC. [default: ever]")
]


@dataclass(frozen=True, slots=True)
class SpentLine:
    """What a table tells of spending; `dollars` is what models cost."""

    name: str
    dollars: float
    tokens: int
    calls: int
    evaluations: int | None
    gpu_seconds: float | None

    @classmethod
    def of(cls, spent: "Spent") -> "SpentLine":
        """The row of one sum."""
        name = spent.name if spent.id is None else f"{spent.id} {spent.name}"
        held = None if spent.gpu_milliseconds is None else spent.gpu_milliseconds / 1000
        tokens = spent.tokens_in + spent.tokens_out
        return cls(name, spent.micro_dollars / 1e6, tokens, spent.calls, spent.evaluations, held)


@dataclass(frozen=True, slots=True)
class ProcessLine:
    """What a table tells of a process."""

    kind: str
    state: str
    host: str | None
    version: str
    slots: int | None
    busy: int | None


@dataclass(frozen=True, slots=True)
class GpuLine:
    """What a table tells of a GPU."""

    model: str
    host: str | None
    health: str
    run: int | None
    temperature_c: int | None
    power_w: float | None
    memory_used_mib: int | None

    @classmethod
    def of(cls, gpu: "FleetGpu") -> "GpuLine":
        """The row of one device."""
        return cls(gpu.model, gpu.host, gpu.health.value, gpu.run, gpu.temperature_c, gpu.power_w, gpu.memory_used_mib)


def spend(by: ByOption = "project", since: SinceOption = None, as_json: options.JsonOption = False) -> None:
    """Sum up what was spent on all runs, by project, person, run or model."""
    from evolution.limits import Group

    if by not in GROUPS:
        raise Failure(f"expected --by with one of {', '.join(GROUPS)}; got {by!r}", ExitCode.BAD_INPUT)
    day = None if since is None else since.replace(tzinfo=UTC).date()

    async def work(client: "AsyncClient") -> "list[Spent]":
        return [one async for one in client.spending(Group(by), since=day)]

    found = with_client(work)
    tell_all("spent", found if as_json else [SpentLine.of(one) for one in found], as_json)


def fleet(as_json: options.JsonOption = False) -> None:
    """Show the processes of the service, its GPUs, and how much waits for them."""
    found = with_client(lambda client: client.fleet())
    if as_json:
        print_json(found.model_dump(mode="json"))
        return
    rows = [
        ProcessLine(one.kind.value, one.state.value, one.host, one.version, one.slots, one.busy_slots)
        for one in found.processes
    ]
    tell_all("processes", rows, as_json=False)
    if found.gpus:
        tell_all("GPUs", [GpuLine.of(one) for one in found.gpus], as_json=False)
    for queue in found.queues:
        waiting = f"{queue.proposals.waiting} proposals and {queue.evaluations.waiting} evaluations wait"
        say(f"run {queue.run}: {waiting}, {queue.proposals.held} and {queue.evaluations.held} are under way")
