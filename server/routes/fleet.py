"""Which processes there are, and what waits for them."""

from datetime import UTC, datetime

from fastapi import APIRouter

from database import fleet, gpus
from database.fleet import QueueOfRun
from database.gpus import StoredGpu
from database.leases import Queue
from database.people import Caller
from evolution.people import Action
from server.auth import Signed, readable
from server.problem_details import problems as failures
from server.schemas.fleet import NOTHING, Fleet, FleetGpu, Life, Process, RunQueues, Waiting
from server.service import Served

router = APIRouter(tags=["service"], responses=failures(401))


@router.get("/fleet", summary="Read what lives, and what waits")
async def read_fleet(service: Served, caller: Signed) -> Fleet:
    """The processes that say that they live, and for an hour those that were lost without a word; GPUs; what waits, by run.

    At most 1,000 processes, and the 200 runs with most work, of your projects.
    """
    async with service.database.begin() as connection:
        found = await fleet.processes(connection)
        queues = await fleet.queues(connection, readable(caller))
        devices = await gpus.known(connection)
    inspects = caller.is_admin or any(caller.may(Action.INSPECT, project) for project in caller.memberships)
    return Fleet(
        processes=[_process(item, inspects) for item in found],
        gpus=[_gpu(item, caller, inspects) for item in devices],
        queues=_by_run(queues),
    )


def _gpu(item: StoredGpu, caller: Caller, inspects: bool) -> FleetGpu:
    state, device = item.state, item.state.gpu
    seen = item.project is not None and caller.may(Action.READ, item.project)
    return FleetGpu(
        uuid=device.uuid,
        host=item.host if inspects else None,
        model=device.model,
        driver=device.driver,
        memory_mib=device.memory_mib,
        memory_used_mib=state.memory_used_mib,
        health=state.health,
        cause=state.cause if inspects else "",
        temperature_c=state.temperature_c,
        power_w=state.power_w,
        power_limit_w=state.power_limit_w,
        sm_clock_mhz=state.sm_clock_mhz,
        sm_clock_max_mhz=state.sm_clock_max_mhz,
        throttle=list(state.throttle),
        run=item.run if seen else None,
        project=item.project if seen else None,
        held_s=None if item.leased_at is None else max(0.0, (datetime.now(UTC) - item.leased_at).total_seconds()),
        heard_at=item.heard_at,
    )


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
