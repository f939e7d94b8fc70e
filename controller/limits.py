"""What the project and the person of a run may still have evaluated, over all of their runs together."""

from dataclasses import dataclass

from controller import gpu_limits
from controller.current_pass import Pass
from database import allowances
from evolution import loop
from evolution.events import Admitted, BudgetSet, Proposed, Refused
from evolution.limits import Resource
from evolution.run import Order, StopReason


@dataclass(frozen=True, slots=True)
class _Counted:
    """Proposals of this pass by what became of them; the seed program, number 0, counts against no limit."""

    asked: int
    admitted: int
    refused: int


async def read_limits(now: Pass) -> None:
    """Lock what the run's evaluations count against, so that no other run's pass takes it meanwhile."""
    now.limits = await allowances.lock_counted(
        now.connection, now.run.id, now.row.project, now.row.person, gpus=now.run.gpu_time.any
    )


async def follow_new_limits(now: Pass) -> None:
    """Read the limits anew where somebody gave the run other ones."""
    if now.run.gpu_time.any and now.of_kind(BudgetSet):
        await read_limits(now)


def evaluations_left(now: Pass) -> int | None:
    """How many proposals the limits allow to be asked for by now; None if there is no limit."""
    left = [limit.left for limit in now.limits if limit.resource is Resource.EVALUATIONS and limit.left is not None]
    paid = gpu_limits.evaluations_left(now)
    if not left:
        return paid
    counted = _counted(now)
    most = min(left) + counted.refused - counted.asked
    return most if paid is None else min(most, paid)


def used_up(now: Pass) -> tuple[StopReason, str] | None:
    """Why the run must end: what it would ask for next is not allowed, and nothing of its own can free any."""
    left = evaluations_left(now)
    if left is None or left > 0:
        return None
    state = now.run.state
    # Under a fixed lag nothing is taken in before the next is asked for.
    waits = not loop.may_propose(state) if state.config.order is Order.FIXED_LAG else bool(state.pending)
    if waits:
        return None
    paid = gpu_limits.evaluations_left(now)
    if paid is not None and paid <= 0:
        return StopReason.GPU_SECONDS, gpu_limits.why_used_up(now)
    limits = [limit for limit in now.limits if limit.resource is Resource.EVALUATIONS and limit.left is not None]
    limit = min(limits, key=lambda limit: limit.left or 0)
    return StopReason.EVALUATIONS, f"{limit.name} may have {limit.most} evaluations, and all are done or under way"


async def count(now: Pass) -> None:
    """Write what the pass asked for and took in; for its end, since whoever counts holds up other runs of the project."""
    counts: dict[Resource, tuple[int, int]] = {}
    counted = _counted(now)
    if counted.asked or counted.admitted or counted.refused:
        counts[Resource.EVALUATIONS] = counted.admitted, counted.asked - counted.admitted - counted.refused
    spent, reserved = gpu_limits.settled(now)
    if spent or reserved:
        counts[Resource.GPU_MILLISECONDS] = spent, reserved
    if counts:
        await allowances.count(now.connection, now.run.id, now.limits, counts)


def _counted(now: Pass) -> _Counted:
    numbered = [event for event in now.log if isinstance(event, Proposed | Admitted | Refused) and event.number > 0]
    kinds = [type(event) for event in numbered]
    return _Counted(kinds.count(Proposed), kinds.count(Admitted), kinds.count(Refused))
