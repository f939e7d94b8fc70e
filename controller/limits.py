"""What the project and the person of a run may still have evaluated, over all of their runs together."""

from dataclasses import dataclass

from controller.current_pass import Pass
from database import allowances
from evolution import loop
from evolution.events import Admitted, Proposed, Refused
from evolution.run import Order, StopReason


@dataclass(frozen=True, slots=True)
class _Counted:
    """Proposals of this pass by what became of them; the seed program, number 0, counts against no limit."""

    asked: int
    admitted: int
    refused: int


async def read_limits(now: Pass) -> None:
    """Lock what the run's evaluations count against, so that no other run's pass takes it meanwhile."""
    now.limits = await allowances.lock_evaluations(now.connection, now.run.id, now.row.project, now.row.person)


def evaluations_left(now: Pass) -> int | None:
    """How many proposals the limits allow to be asked for by now; None if there is no limit."""
    left = [limit.left for limit in now.limits if limit.left is not None]
    if not left:
        return None
    counted = _counted(now)
    return min(left) + counted.refused - counted.asked


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
    limit = min((limit for limit in now.limits if limit.left is not None), key=lambda limit: limit.left or 0)
    return StopReason.EVALUATIONS, f"{limit.name} may have {limit.most} evaluations, and all are done or under way"


async def count_evaluations(now: Pass) -> None:
    """Write what the pass asked for and took in; for its end, since whoever counts holds up other runs of the project."""
    counted = _counted(now)
    if counted.asked or counted.admitted or counted.refused:
        reserved = counted.asked - counted.admitted - counted.refused
        await allowances.count_evaluations(now.connection, now.run.id, now.limits, counted.admitted, reserved)


def _counted(now: Pass) -> _Counted:
    numbered = [event for event in now.log if isinstance(event, Proposed | Admitted | Refused) and event.number > 0]
    kinds = [type(event) for event in numbered]
    return _Counted(kinds.count(Proposed), kinds.count(Admitted), kinds.count(Refused))
