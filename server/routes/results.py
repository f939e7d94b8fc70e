"""What runs have come to: archives, records, counts, spending, and runs side by side."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import JSONResponse

from database import history_views, result_views, run_lists, runs, views
from database.archive import Record as StoredRecord
from database.for_people import OperatorCount
from database.run_lists import RunFilter
from database.views import Tally
from evolution.evaluation import Verdict
from evolution.people import Action
from evolution.problem import Direction
from evolution.proposal import Operator, Refusal
from server.auth import RunAccess, RunFor, Signed, readable
from server.pages import Cursor, Limit, Page, paged, place_of
from server.problem_details import Refusal as Refused
from server.problem_details import problems as failures
from server.schemas.base import Id
from server.schemas.history import RunHistory, columns
from server.schemas.results import (
    ArchivePage,
    Cell,
    ComparedRun,
    Comparison,
    ModelSpend,
    OperatorCounts,
    OperatorSpend,
    Record,
    RunCounts,
    Spend,
)
from server.schemas.runs import Money
from server.service import Served

router = APIRouter(tags=["results"], responses=failures(401, 404))
Reading = Annotated[RunAccess, Depends(RunFor(Action.READ))]
Inspecting = Annotated[RunAccess, Depends(RunFor(Action.INSPECT))]
MOST_COMPARED = 16
STRETCH = 50_000
"""Events that one request for a history looks at, at most."""


@router.get("/runs/{run}/archive", summary="Read the archive of a run", responses=failures(409))
async def read_archive(
    service: Served,
    access: Reading,
    island: Annotated[int | None, Query(ge=0, le=32767, description="only of this island")] = None,
    limit: Limit = 200,
    cursor: Cursor = None,
) -> ArchivePage:
    """The filled cells in order, by island and cell."""
    after = place_of(cursor, tuple[int, list[int]])
    async with service.database.begin() as connection:
        config = await runs.load(connection, access.run)
        definition = await service.definition(connection, config.problem)
        found = await result_views.cells(connection, access.run, island, after, limit + 1)
    items, following = paged(found, limit, lambda item: (item.island, item.cell))
    cells = [
        Cell(
            island=item.island,
            cell=list(item.cell),
            number=item.number,
            score=access.sign * item.score,
            length=item.length,
            literals=item.literals,
            event=item.at_event,
        )
        for item in items
    ]
    return ArchivePage(axes=list(definition.axes), items=cells, next=following)


@router.get("/runs/{run}/history", summary="Read which programs a run took in", response_model=RunHistory)
async def read_history(
    service: Served,
    access: Reading,
    after: Annotated[int, Query(ge=0, le=1 << 62, description="the number of an event: those behind it are looked at")] = 0,
    limit: Annotated[int, Query(ge=1, le=STRETCH, description="most events to look at")] = 20_000,
) -> Response:
    """All programs that were taken in, scored or not, in columns; ask again with `next` as `after` until it is `newest`."""
    async with service.database.begin() as connection:
        found = await history_views.history(connection, access.run, after, limit)
    return JSONResponse(columns(found, access.sign))


@router.get("/runs/{run}/records", summary="Read the best-so-far curve of a run")
async def list_records(service: Served, access: Reading, limit: Limit = 200, cursor: Cursor = None) -> Page[Record]:
    """Every rise of the best score, oldest first."""
    place = place_of(cursor, tuple[int])
    begin = max(place[0], 0) if place else 0
    async with service.database.begin() as connection:
        found = await result_views.records(connection, [access.run])
    # A record is added at the end only, so its place stays.
    numbered = list(enumerate(found))[begin : begin + limit + 1]
    items, following = paged(numbered, limit, lambda item: (item[0] + 1,))
    inspects = access.may(Action.INSPECT)
    return Page(items=[_record(item.record, access.sign, inspects) for _, item in items], next=following)


@router.get("/runs/{run}/counts", summary="Count what became of a run's proposals", responses=failures(409))
async def read_counts(service: Served, access: Reading) -> RunCounts:
    """By operator, verdict and refusal, from the log. Of a long log each request counts a stretch: see `as_of_event`."""
    async with service.database.begin() as connection:
        newest = (await runs.load(connection, access.run)).as_of_event
    counted = await service.tallies.read(access.run, newest)
    return _counts(counted.tallies(), counted.until, newest)


@router.get("/runs/{run}/spend", summary="Read what a run spent", responses=failures(403, 409))
async def read_spend(service: Served, access: Inspecting) -> Spend:
    """Money, and calls, tokens and money by model and by operator."""
    async with service.database.begin() as connection:
        row = await runs.load(connection, access.run)
        by_model = await views.model_spend(connection, access.run)
        by_operator = await views.operator_spend(connection, access.run)
    return Spend(
        money=Money.model_validate(row.account, from_attributes=True),
        models=[ModelSpend.model_validate(item, from_attributes=True) for item in by_model],
        operators=[OperatorSpend.model_validate(item, from_attributes=True) for item in by_operator],
    )


@router.get("/comparison", summary="Compare runs")
async def compare_runs(
    service: Served,
    caller: Signed,
    run: Annotated[list[Id], Query(min_length=1, max_length=MOST_COMPARED, description="ids of runs; repeat it for each")],
) -> Comparison:
    """The best-so-far curves of several runs, each point with its evaluations, seconds, money and GPU time."""
    async with service.database.begin() as connection:
        lines = await run_lists.list_runs(connection, MOST_COMPARED, RunFilter(projects=readable(caller), ids=run))
        if missing := sorted(set(run) - {line.id for line in lines}):
            raise Refused(404, f"there is no run {missing[0]}, or it belongs to a project that you do not belong to")
        found = await result_views.records(connection, run)
    compared = [
        ComparedRun(
            run=line.id,
            problem=line.problem,
            revision=line.revision,
            title=line.title,
            direction=Direction.MINIMIZE if line.sign < 0 else Direction.MAXIMIZE,
            records=[
                _record(item.record, line.sign, caller.may(Action.INSPECT, line.project))
                for item in found
                if item.run == line.id
            ],
        )
        for line in sorted(lines, key=lambda line: run.index(line.id))
    ]
    return Comparison(same_problem=len({line.revision for line in lines}) == 1, runs=compared)


def _record(item: StoredRecord, sign: float, inspects: bool) -> Record:
    return Record(
        number=item.number,
        score=sign * item.score,
        evaluations=item.evaluations,
        seconds=item.seconds,
        micro_dollars=item.micro_dollars if inspects else None,
        gpu_milliseconds=item.gpu_milliseconds,
    )


def _counts(tallies: list[Tally], until: int, newest: int) -> RunCounts:
    operators: dict[Operator, OperatorCount] = {}
    verdicts: dict[Verdict, int] = {}
    refusals: dict[Refusal, int] = {}
    for item in tallies:
        operators.setdefault(item.operator, OperatorCount(item.operator)).add(item)
        if item.verdict is not None:
            verdicts[item.verdict] = verdicts.get(item.verdict, 0) + item.count
        if item.refusal is not None:
            refusals[item.refusal] = refusals.get(item.refusal, 0) + item.count
    return RunCounts(
        as_of_event=until,
        newest_event=newest,
        operators=[OperatorCounts.model_validate(item, from_attributes=True) for item in operators.values()],
        verdicts=verdicts,
        refusals=refusals,
    )
