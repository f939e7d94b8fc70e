"""Runs: started, listed, looked at, forked, let go on after their end."""

import asyncio
import secrets
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from database import audit, gpus, problem_lists, problems, programs, projects, run_lists, runs, views
from database.engine import CONTROLLER, notify
from database.for_people import raw, told_why_damaged
from database.people import Caller
from database.run_lists import RunFilter
from database.views import Live
from evolution.examination import examine
from evolution.normalise import Normalised, normalise
from evolution.people import Action
from evolution.problem import Definition, Direction, Problem
from evolution.program import Program
from evolution.run import RunConfig, RunState
from server.auth import RunAccess, RunFor, Signed, readable, require
from server.once import REFUSED, REPLAY, DoneOnce, Once
from server.pages import Cursor, Limit, Page, paged, place_of
from server.problem_details import Refusal, removed
from server.problem_details import problems as failures
from server.run_requests import fitting, models_at
from server.schemas.base import LARGEST_ID, Id
from server.schemas.runs import BudgetRequest, ForkRequest, Money, Origin, Removal, RunDetail, RunLine, RunRequest
from server.service import Served, Service

router = APIRouter(prefix="/runs", tags=["runs"], responses=failures(401))
Reading = Annotated[RunAccess, Depends(RunFor(Action.READ))]
Steering = Annotated[RunAccess, Depends(RunFor(Action.STEER))]
Submitting = Annotated[RunAccess, Depends(RunFor(Action.SUBMIT))]
LARGEST_DRAWN_SEED = 1 << 31
_NO_GPU = (
    "expected an evaluator with a GPU, since a stage of the problem asks for one (gpus = 1); none was heard of within the last "
    "hour; start evaluators on a machine with a device and its driver, or set gpus = 0"
)


@router.post(
    "",
    status_code=201,
    summary="Start a run",
    response_model=RunDetail,
    responses={201: {"headers": REPLAY}} | failures(403, 404) | REFUSED,
)
async def start_run(body: RunRequest, service: Served, caller: Signed, once: DoneOnce) -> Response:
    """Store a run with every default resolved; its controller takes it up at once, and evaluates the seed first.

    A run whose seed has no score ends with the reason `seed_failed`.
    """
    require(caller, Action.SUBMIT, body.project)
    async with service.database.begin() as connection:
        await once.replay(connection)
        await projects.load(connection, body.project)
        revision = await problem_lists.revision_of(connection, body.project, body.problem)
        problem = await problems.load(connection, revision)
    with models_at("body.config.models"):
        config = fitting(service, body.config, problem.definition.language)
        known = await asyncio.to_thread(examine, problem)
        return await _created(service, caller, problem, config, body.seed, known, body.project, once=once)


@router.post(
    "/{run}/fork",
    status_code=201,
    summary="Fork a run",
    response_model=RunDetail,
    responses={201: {"headers": REPLAY}} | failures(403, 404) | REFUSED,
)
async def fork_run(body: ForkRequest, service: Served, access: Submitting, once: DoneOnce) -> Response:
    """Start a run of the same problem, in the same project, whose seed program is any program of this run."""
    async with service.database.begin() as connection:
        await once.replay(connection)
        row = await runs.load(connection, access.run)
        problem = await problems.load(connection, row.problem)
        origin = (await programs.load(connection, access.run, [body.program])).get(body.program)
    if origin is None:
        raise Refusal(404, f"run {access.run} has no program {body.program}; it may have been refused, or not be made yet")
    if not origin.files:
        raise removed(access.run, body.program)
    with models_at("run.config.models" if body.config is None else "body.config.models"):
        config = fitting(service, row.config if body.config is None else body.config, problem.definition.language)
        known = await asyncio.to_thread(normalise, origin.files, problem.definition.language)
        return await _created(
            service, access.caller, problem, config, body.seed, known, access.project, once=once, origin=origin
        )


@router.get("", summary="List runs")
async def list_runs(
    service: Served,
    caller: Signed,
    project: Annotated[int | None, Query(ge=1, le=LARGEST_ID, description="only runs of this project")] = None,
    problem: Annotated[str | None, Query(pattern="^[0-9a-f]{64}$", description="only runs of this revision")] = None,
    state: Annotated[RunState | None, Query(description="only runs in this state")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[RunLine]:
    """The runs of your projects, newest first."""
    place = place_of(cursor, tuple[Id])
    if project is not None:
        require(caller, Action.READ, project)
    among = RunFilter(readable(caller) if project is None else [project], problem, state, place[0] if place else None)
    async with service.database.begin() as connection:
        found = await run_lists.list_runs(connection, limit + 1, among)
    items, following = paged(found, limit, lambda item: (item.id,))
    return Page(items=[_line(item, caller) for item in items], next=following)


@router.get("/{run}", summary="Read a run", responses=failures(404, 409))
async def read_run(service: Served, access: Reading) -> RunDetail:
    """How a run stands now, at a cost that does not grow with the run."""
    async with told_why_damaged(service.database, access.run), service.database.begin() as connection:
        live = await views.live(connection, access.run)
        definition = await service.definition(connection, live.row.problem)
    return _detail(live, definition, access.may(Action.INSPECT))


@router.post(
    "/{run}/reopen",
    summary="Let an ended run go on",
    response_model=RunDetail,
    responses={200: {"headers": REPLAY}} | failures(403, 404) | REFUSED,
)
async def reopen_run(body: BudgetRequest, service: Served, access: Steering, once: DoneOnce) -> Response:
    """Let a run that has ended, or was interrupted, go on under these limits, counted from its beginning."""
    async with service.database.begin() as connection:
        await once.begin(connection)
        live = await views.live(connection, access.run)
        _refuse_used_up(live, body)
        with models_at("run.config.models"):
            await runs.reopen(connection, access.run, body.budget)
        told = {"budget": body.budget.model_dump(mode="json")}
        await audit.note(connection, access.caller, "reopen_run", f"run {access.run}", told)
        await notify(connection, CONTROLLER)
        live = await views.live(connection, access.run)
        definition = await service.definition(connection, live.row.problem)
        return await once.answer(connection, 200, _detail(live, definition, access.may(Action.INSPECT)))


def _refuse_used_up(live: Live, body: BudgetRequest) -> None:
    used = {"evaluations": live.evaluations, "seconds": live.row.active_s, "gpu_milliseconds": live.gpu_milliseconds or -1}
    for name, value in used.items():
        limit: float | None = getattr(body.budget, name)
        if limit is not None and limit <= value:
            raise Refusal(
                409,
                f"budget.{name}: expected more than the {value:g} that run {live.row.id} has used already; got {limit:g}; "
                "limits count from the beginning of the run",
            )


async def _created(
    service: Service,
    caller: Caller,
    problem: Problem,
    config: RunConfig,
    seed: int | None,
    known: Normalised,
    project: int,
    *,
    once: Once,
    origin: Program | None = None,
) -> Response:
    async with service.database.begin() as connection:
        await once.begin(connection)
        if problem.definition.gpus and not await gpus.known(connection):
            raise Refusal(409, _NO_GPU)
        run = await runs.create(
            connection,
            problem,
            config,
            secrets.randbelow(LARGEST_DRAWN_SEED) if seed is None else seed,
            service.settings.tier,
            normalised_hash=known.hash,
            length=known.length,
            literals=known.literals,
            project=project,
            person=caller.person,
            origin=origin,
        )
        told = {"project": project, "problem": problem.revision}
        if origin is not None:
            told |= {"origin_run": origin.run, "origin_program": origin.number}
        await audit.note(connection, caller, "start_run", f"run {run}", told)
        await notify(connection, CONTROLLER)
        made = _detail(await views.live(connection, run), problem.definition, caller.may(Action.INSPECT, project))
        return await once.answer(connection, 201, made)


def _line(item: run_lists.RunLine, caller: Caller) -> RunLine:
    inspects = caller.may(Action.INSPECT, item.project)
    return RunLine(
        id=item.id,
        project=item.project,
        problem=item.problem,
        revision=item.revision,
        title=item.title,
        state=item.state,
        stop_reason=item.stop_reason,
        tier=item.tier,
        score_isolated=item.score_isolated,
        created_at=item.created_at,
        finished_at=item.finished_at,
        seconds=item.active_s,
        evaluations=item.evaluations,
        best_score=raw(item.best_score, item.sign),
        verified_score=raw(item.verified_score, item.sign),
        spent_micro_dollars=item.spent_micro_dollars if inspects else None,
        limit_micro_dollars=item.limit_micro_dollars if inspects else None,
        limit_evaluations=item.limit_evaluations,
        limit_seconds=item.limit_seconds,
        gpus=item.gpus,
        gpu_milliseconds=item.gpu_milliseconds,
        limit_gpu_milliseconds=item.limit_gpu_milliseconds,
        direction=Direction.MINIMIZE if item.sign < 0 else Direction.MAXIMIZE,
        unit=item.unit,
        seed_score=raw(item.seed_score, item.sign),
        best_known=raw(item.best_known, item.sign),
    )


def _detail(live: Live, definition: Definition, inspects: bool) -> RunDetail:
    row, sign = live.row, definition.score.sign
    return RunDetail(
        id=row.id,
        project=row.project,
        problem=definition.name,
        revision=row.problem,
        title=definition.title,
        state=row.state,
        stop_reason=row.stop_reason,
        tier=row.tier,
        score_isolated=definition.score_isolated,
        created_at=row.created_at,
        finished_at=row.finished_at,
        seconds=row.active_s,
        evaluations=live.evaluations,
        best_score=raw(live.best_score, sign),
        verified_score=raw(live.verified_score, sign),
        spent_micro_dollars=row.account.spent_micro_dollars if inspects else None,
        limit_micro_dollars=row.account.limit_micro_dollars if inspects else None,
        limit_evaluations=row.config.budget.evaluations,
        limit_seconds=row.config.budget.seconds,
        gpus=definition.gpus,
        gpu_milliseconds=live.gpu_milliseconds,
        limit_gpu_milliseconds=row.config.budget.gpu_milliseconds,
        direction=definition.score.direction,
        unit=definition.score.unit,
        seed_score=raw(live.seed_score, sign),
        best_known=raw(max((sign * one.value for one in definition.known), default=None), sign),
        config=row.config,
        seed=row.seed,
        priority=row.priority,
        known=list(definition.known),
        stop_detail=row.stop_detail,
        as_of_event=row.as_of_event,
        programs=live.programs,
        rate=live.rate,
        best=live.best,
        verified=live.verified,
        champion=row.champion,
        cells=dict(live.cells),
        origin=None
        if row.origin_run is None or row.origin_program is None
        else Origin(run=row.origin_run, program=row.origin_program),
        started_by=row.person,
        money=Money.model_validate(row.account, from_attributes=True) if inspects else None,
        removal=None if live.removal is None else Removal.model_validate(live.removal, from_attributes=True),
    )
