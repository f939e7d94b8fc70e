"""People and agents as workers: lease what a run asks, answer it, see what became of it."""

import asyncio
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response

from database import assignments
from database.assignments import Leased, Outcome
from database.people import Caller
from evolution.people import Action
from server.auth import RunAccess, RunFor, Signed, require
from server.pages import Cursor, Limit, Page, paged, place_of
from server.problem_details import Refusal, problems
from server.schemas.base import LARGEST_ID, Id
from server.schemas.work import (
    Assignment,
    AssignmentOutcome,
    ExtendedLease,
    GivenAnswer,
    HeldLease,
    LeaseEnd,
    WorkWanted,
)
from server.service import Served, Service

router = APIRouter(tags=["work"], responses=problems(401))

LOOK_S = 2.0
"""Nobody is told when a lease of somebody else runs out: who waits looks this often."""


@dataclass(frozen=True, slots=True)
class _Held:
    """An assignment of a project where the caller may do what the route does."""

    id: int
    caller: Caller


class _AssignmentFor:
    """Lets a request pass if the caller may do `action` in the project of the assignment's run."""

    def __init__(self, action: Action) -> None:
        self._action = action

    async def __call__(self, assignment: Annotated[int, Path(ge=1, le=LARGEST_ID)], caller: Signed, service: Served) -> _Held:
        async with service.database.begin() as connection:
            run = await assignments.run_of(connection, assignment)
        facts = None if run is None else await service.recent.facts(run)
        if facts is None or not caller.may(Action.READ, facts.project):
            raise Refusal(404, f"there is no assignment {assignment}, or it belongs to a project that you do not belong to")
        require(caller, self._action, facts.project)
        return _Held(assignment, caller)


Workable = Annotated[_Held, Depends(_AssignmentFor(Action.WORK))]
Readable = Annotated[_Held, Depends(_AssignmentFor(Action.READ))]


@router.post(
    "/work/lease",
    summary="Lease an assignment",
    response_model=Assignment,
    responses=problems(403, 404) | {204: {"description": "there is nothing to do now; ask again"}},
)
async def lease_work(request: Request, service: Served, caller: Signed, wanted: WorkWanted) -> Response:
    """The oldest assignment that nobody has, of the projects where you may work; waits for one up to `wait_s` seconds.

    Two never hold the same one. A lease that runs out opens the assignment to others.
    """
    projects = await _projects(service, caller, wanted.run)
    found = await _waited(request, service, caller, projects, wanted)
    if found is None:
        return Response(status_code=204)
    return Response(Assignment.of(found).model_dump_json(), media_type="application/json")


async def _projects(service: Service, caller: Caller, run: int | None) -> list[int] | None:
    """Where the caller may work: of the run's project or of all; None for all there are."""
    if run is not None:
        facts = await service.recent.facts(run)
        if facts is None or not caller.may(Action.READ, facts.project):
            raise Refusal(404, f"there is no run {run}, or it belongs to a project that you do not belong to")
        require(caller, Action.WORK, facts.project)
    if caller.is_admin:
        return None
    among = [project for project in caller.memberships if caller.may(Action.WORK, project)]
    if not among:
        raise Refusal(403, "this needs the right to work in a project, and you have it in none; ask an administrator of one")
    return among


async def _waited(
    request: Request, service: Service, caller: Caller, projects: list[int] | None, wanted: WorkWanted
) -> Leased | None:
    now = asyncio.get_running_loop().time
    ends = now() + wanted.wait_s
    # Nobody leases for a client that went away.
    while not await request.is_disconnected():
        ring = service.bell.next_ring()
        async with service.database.begin() as connection:
            found = await assignments.lease(connection, caller, projects, wanted.lease_s, run=wanted.run, model=wanted.model)
        if found is not None or now() >= ends:
            return found
        try:
            async with asyncio.timeout_at(min(ends, now() + LOOK_S)):
                await ring.wait()
        except TimeoutError:
            continue
    return None


@router.post("/work/{assignment}/extend", summary="Extend a lease", responses=problems(403, 404, 409))
async def extend_lease(held: Workable, service: Served, wished: ExtendedLease) -> LeaseEnd:
    """Keep an assignment for longer, at most until it expires. 409: the lease is lost."""
    async with service.database.begin() as connection:
        until = await assignments.extend(connection, held.caller, held.id, wished.lease, wished.lease_s)
    return LeaseEnd(lease_until=until)


@router.post("/work/{assignment}/answer", summary="Answer an assignment", responses=problems(403, 404, 409))
async def answer_assignment(held: Workable, service: Served, given: GivenAnswer) -> AssignmentOutcome:
    """Store an answer; a worker reads it next. The same answer again is taken once. 409: the lease is lost.

    What became of it is told with the next assignment, and by reading this one.
    """
    async with service.database.begin() as connection:
        await assignments.answer(connection, held.caller, held.id, given.lease, given.text)
        return AssignmentOutcome.of(await assignments.outcome(connection, held.id))


@router.post(
    "/work/{assignment}/release",
    summary="Give an assignment back",
    status_code=204,
    responses=problems(403, 404, 409),
)
async def release_assignment(held: Workable, service: Served, given: HeldLease) -> Response:
    """Let others have it. 409: the lease is lost."""
    async with service.database.begin() as connection:
        await assignments.release(connection, held.caller, held.id, given.lease)
    return Response(status_code=204)


@router.get("/work/{assignment}", summary="What became of an assignment", responses=problems(403, 404))
async def read_assignment(held: Readable, service: Served) -> AssignmentOutcome:
    """Whether it was answered, and what was made of the answer."""
    async with service.database.begin() as connection:
        return AssignmentOutcome.of(await assignments.outcome(connection, held.id))


@router.get("/runs/{run}/assignments", summary="Assignments of a run", responses=problems(403, 404))
async def list_assignments(
    access: Annotated[RunAccess, Depends(RunFor(Action.READ))], service: Served, limit: Limit = 50, cursor: Cursor = None
) -> Page[AssignmentOutcome]:
    """All that people and agents were asked, newest first."""
    before = place_of(cursor, tuple[Id])
    async with service.database.begin() as connection:
        found = await assignments.listing(connection, access.run, before and before[0], limit + 1)
    items, following = paged(found, limit, _place)
    return Page(items=[AssignmentOutcome.of(item) for item in items], next=following)


def _place(item: Outcome) -> tuple[int]:
    return (item.id,)
