"""Which processes there are, and what waits for them."""

from fastapi import APIRouter

from database import fleet
from database.fleet import QueueOfRun
from database.leases import Queue
from evolution.people import Action
from server.auth import Signed, readable
from server.problem_details import problems as failures
from server.schemas.fleet import NOTHING, Fleet, Life, Process, RunQueues, Waiting
from server.service import Served

router = APIRouter(tags=["service"], responses=failures(401))


@router.get("/fleet", summary="Read what lives, and what waits")
async def read_fleet(service: Served, caller: Signed) -> Fleet:
    """The processes that say that they live, and for an hour those that were lost without a word; and what waits, by run.

    At most 1,000 processes, and the 200 runs with most work, of your projects.
    """
    async with service.database.begin() as connection:
        found = await fleet.processes(connection)
        queues = await fleet.queues(connection, readable(caller))
    inspects = caller.is_admin or any(caller.may(Action.INSPECT, project) for project in caller.memberships)
    return Fleet(processes=[_process(item, inspects) for item in found], queues=_by_run(queues))


def _process(item: fleet.Process, inspects: bool) -> Process:
    return Process(
        id=item.id,
        kind=item.kind,
        state=Life.LOST if item.lost else Life.ALIVE,
        host=item.host if inspects else None,
        version=item.version,
        started_at=item.started_at,
        heard_at=item.heard_at,
        slots=item.slots,
        busy_slots=item.busy,
        tier=item.tier,
        machine=None if item.machine is None else item.machine.hex(),
    )


def _by_run(found: list[QueueOfRun]) -> list[RunQueues]:
    runs = {item.run: item for item in found}
    queues = {(item.run, item.queue): Waiting.model_validate(item, from_attributes=True) for item in found}
    return [
        RunQueues(
            run=run,
            project=item.project,
            title=item.title,
            proposals=queues.get((run, Queue.PROPOSAL), NOTHING),
            evaluations=queues.get((run, Queue.EVALUATION), NOTHING),
        )
        for run, item in runs.items()
    ]
