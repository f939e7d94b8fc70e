"""What a run that goes on is told. Each thing waits as a command until the run's controller takes it, or refuses it."""

from typing import Annotated

from fastapi import APIRouter, Body, Depends, Query, Response

from database import audit, commands, runs
from database.commands import CommandRow
from evolution.commands import Command, CommandKind, Pause, Resume, SetBudget, SetModels, Stop
from evolution.people import Action
from server.auth import RunAccess, RunFor
from server.once import REFUSED, REPLAY, DoneOnce, Once
from server.pages import Cursor, Limit, Page, paged, place_of
from server.problem_details import problems as failures
from server.run_requests import check_models, models_at
from server.schemas.base import Id
from server.schemas.runs import AskedCommand, BudgetRequest, ModelsRequest, PriorityRequest, RunPriority
from server.service import Served, Service

router = APIRouter(prefix="/runs/{run}", tags=["runs"], responses=failures(401, 403, 404))
Steering = Annotated[RunAccess, Depends(RunFor(Action.STEER))]
Told = Annotated[Command, Body(examples=[{"kind": "set_budget", "budget": {"evaluations": 20000}}, {"kind": "pause"}])]
ONCE = {202: {"headers": REPLAY}} | REFUSED


@router.post("/commands", status_code=202, summary="Tell a run something", response_model=AskedCommand, responses=ONCE)
async def tell_run(body: Told, service: Served, access: Steering, once: DoneOnce) -> Response:
    """Ask the run's controller for anything that it understands; it answers at its next pass, within about a second."""
    return await _asked(service, access, body, once)


@router.get("/commands", summary="List what a run was told")
async def list_commands(
    service: Served,
    access: Annotated[RunAccess, Depends(RunFor(Action.READ))],
    kind: Annotated[list[CommandKind] | None, Query(max_length=20, description="of this kind; repeat it for more")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[AskedCommand]:
    """Commands in the order of asking, with what became of each."""
    place = place_of(cursor, tuple[Id])
    async with service.database.begin() as connection:
        found = await commands.list_commands(connection, access.run, place[0] if place else 0, limit + 1, kind or ())
    items, following = paged(found, limit, lambda item: (item.id,))
    return Page(items=[_answer(item) for item in items], next=following)


@router.post("/pause", status_code=202, summary="Pause a run", response_model=AskedCommand, responses=ONCE)
async def pause_run(service: Served, access: Steering, once: DoneOnce) -> Response:
    """Nothing new is asked for; what is in flight is taken in, and the run's clock stands still."""
    return await _asked(service, access, Pause(), once)


@router.post("/resume", status_code=202, summary="Let a paused run go on", response_model=AskedCommand, responses=ONCE)
async def resume_run(service: Served, access: Steering, once: DoneOnce) -> Response:
    """The run goes on where it was. One that has ended is let go on by `reopen`."""
    return await _asked(service, access, Resume(), once)


@router.post("/stop", status_code=202, summary="End a run", response_model=AskedCommand, responses=ONCE)
async def stop_run(service: Served, access: Steering, once: DoneOnce) -> Response:
    """What is in flight is taken in and the best is verified; then the run rests."""
    return await _asked(service, access, Stop(), once)


@router.put("/budget", status_code=202, summary="Set a run's limits", response_model=AskedCommand, responses=ONCE)
async def set_budget(body: BudgetRequest, service: Served, access: Steering, once: DoneOnce) -> Response:
    """These limits take the place of all present ones, counted from the run's beginning."""
    return await _asked(service, access, SetBudget(budget=body.budget), once)


@router.put("/models", status_code=202, summary="Set a run's models", response_model=AskedCommand, responses=ONCE)
async def set_models(body: ModelsRequest, service: Served, access: Steering, once: DoneOnce) -> Response:
    """These models are asked from the next proposal on, as often as their weights say."""
    return await _asked(service, access, SetModels(models=body.models), once)


@router.put("/priority", summary="Set a run's priority")
async def set_priority(body: PriorityRequest, service: Served, access: Steering) -> RunPriority:
    """Its share of slots and of model calls among the runs of its project, from now on."""
    async with service.database.begin() as connection:
        await runs.set_priority(connection, access.run, body.priority, by=access.caller)
    return RunPriority(run=access.run, priority=body.priority)


async def _asked(service: Service, access: RunAccess, command: Command, once: Once) -> Response:
    async with service.database.begin() as connection:
        await once.begin(connection)
        if isinstance(command, SetModels | SetBudget):
            config = await runs.load_config(connection, access.run)
            models = command.models if isinstance(command, SetModels) else config.models
            budget = command.budget if isinstance(command, SetBudget) else config.budget
            with models_at("body.models" if isinstance(command, SetModels) else "body.budget"):
                check_models(service, models, money_limited=budget.micro_dollars is not None)
        with models_at("body.models"):
            number = await commands.ask(connection, access.run, command, access.caller.person)
        told = command.model_dump(mode="json")
        await audit.note(connection, access.caller, f"command_{command.kind}", f"run {access.run}", told)
        found = await commands.list_commands(connection, access.run, number - 1, 1)
        return await once.answer(connection, 202, _answer(found[0]))


def _answer(item: CommandRow) -> AskedCommand:
    return AskedCommand.model_validate(item, from_attributes=True)
