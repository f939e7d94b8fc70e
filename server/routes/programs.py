"""Programs of a run: pages of them, one with all that is known of it, what changed, where it came from."""

import asyncio
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from database import program_lists, program_views, programs
from database.for_people import raw
from database.program_lists import Listed
from database.program_views import EvaluationView, ProgramView
from evolution.evaluation import StageResult, Verdict
from evolution.people import Action
from evolution.proposal import Operator
from server.auth import RunAccess, RunFor
from server.diffs import unified
from server.pages import Cursor, Limit, Page, paged, place_of
from server.problem_details import FieldError, Refusal, removed
from server.problem_details import problems as failures
from server.schemas.base import LARGEST_NUMBER, Id, Number
from server.schemas.programs import Evaluation, ModelCall, ProgramDetail, ProgramDiff, ProgramLine, Stage, Verification
from server.service import Served

router = APIRouter(prefix="/runs/{run}/programs", tags=["programs"], responses=failures(401, 404))
Reading = Annotated[RunAccess, Depends(RunFor(Action.READ))]
Inspecting = Annotated[RunAccess, Depends(RunFor(Action.INSPECT))]
Numbered = Annotated[int, Path(ge=0, le=LARGEST_NUMBER, description="number of a program within its run; the seed has 0")]


class Sort(StrEnum):
    """Orders of programs; a minus is the falling one."""

    NUMBER = "number"
    NUMBER_FALLING = "-number"
    SCORE = "score"
    SCORE_FALLING = "-score"

    @property
    def by_score(self) -> bool:
        """Whether programs without a score are left out."""
        return self in {Sort.SCORE, Sort.SCORE_FALLING}


@router.get("", summary="List programs")
async def list_programs(
    service: Served,
    access: Reading,
    *,
    sort: Annotated[Sort, Query(description="by number or by raw score; by score only what has one")] = Sort.NUMBER,
    verdict: Annotated[Verdict | None, Query(description="only with this verdict")] = None,
    operator: Annotated[Operator | None, Query(description="only made so")] = None,
    island: Annotated[int | None, Query(ge=0, le=32767, description="only of this island")] = None,
    model: Annotated[str | None, Query(max_length=64, pattern=r"^[\w.:/-]+$", description="only made by this model")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[ProgramLine]:
    """One filter at a time, and by score none but `island`: what no index finds is refused.

    Programs of one verdict come in the order in which they were stored, which is that of their numbers but for those that were
    made at the same time.
    """
    given = {"verdict": verdict, "operator": operator, "island": island, "model": model}
    listed, value = _listed(sort, {name: value for name, value in given.items() if value is not None})
    # What rises in raw scores falls in recorded ones where less is better.
    falling = sort.startswith("-") != (sort.by_score and access.sign < 0)
    after = place_of(cursor, tuple[float, Number]) if sort.by_score else place_of(cursor, tuple[int])
    async with service.database.begin() as connection:
        found = await program_lists.listing(connection, access.run, listed, value, after, limit + 1, falling=falling)
    items, following = paged(found, limit, lambda item: item.place)
    return Page(items=[_line(item, access.sign) for item in items], next=following)


def _listed(sort: Sort, given: dict[str, str | int]) -> tuple[Listed, str | int | None]:
    if len(given) > 1 or (sort.by_score and given.keys() - {"island"}):
        said = (
            "no index finds this: expected one of the filters verdict, operator, island and model, and with sort=score island "
            f"alone; got {', '.join(given)} with sort={sort.value}; leave some out"
        )
        raise Refusal(400, said, [FieldError(field=f"query.{name}", message=said) for name in given])
    if not given:
        return (Listed.SCORE if sort.by_score else Listed.NUMBER), None
    ((name, value),) = given.items()
    return (Listed.ISLAND_SCORE if sort.by_score else Listed(name)), str(value) if isinstance(value, StrEnum) else value


@router.get("/{number}", summary="Read a program")
async def read_program(service: Served, access: Reading, number: Numbered) -> ProgramDetail:
    """The source, the stages of its evaluation with their metrics, feedback and logs, and its newest verification.

    Hidden stages are shown to who may inspect, and to nobody else.
    """
    async with service.database.begin() as connection:
        view = await program_views.program(connection, access.run, number)
        verified = await program_views.verifications(connection, access.run, number, 1)
    return _detail(view, verified[0] if verified else None, access)


@router.get("/{number}/verifications", summary="List the verifications of a program")
async def list_verifications(
    service: Served, access: Reading, number: Numbered, limit: Limit = 20, cursor: Cursor = None
) -> Page[Verification]:
    """All of them, newest first: each ran on seeds of its own, so that they tell how far the score spreads."""
    place = place_of(cursor, tuple[Id])
    async with service.database.begin() as connection:
        found = await program_views.verifications(connection, access.run, number, limit + 1, place[0] if place else None)
        if not found and not await programs.exists(connection, access.run, number):
            raise program_views.no_program(access.run, number)
    items, following = paged(found, limit, lambda item: (item.id,))
    return Page(items=[_verification(item, access) for item in items], next=following)


@router.get("/{number}/calls", summary="Read the model calls of a program", responses=failures(403))
async def list_calls(service: Served, access: Inspecting, number: Numbered) -> list[ModelCall]:
    """Prompts and answers of one proposal, in order; those of a refused one too. Empty where no model was asked."""
    async with service.database.begin() as connection:
        found = await program_views.calls(connection, access.run, number)
    return [ModelCall.model_validate(item, from_attributes=True) for item in found]


@router.get("/{number}/diff", summary="Read what changed in a program", responses=failures(409))
async def diff_program(
    service: Served,
    access: Reading,
    number: Numbered,
    to: Annotated[
        str,
        Query(pattern=r"^(parent|seed|[0-9]{1,9})$", description="`parent`, `seed`, or the number of another program"),
    ] = "parent",
) -> ProgramDiff:
    """A unified diff from another program to this one. The seed, which has no parent, is compared with itself."""
    async with service.database.begin() as connection:
        after = (await programs.load(connection, access.run, [number])).get(number)
        if after is None:
            raise program_views.no_program(access.run, number)
        wanted = {"parent": after.parent or 0, "seed": 0}.get(to)
        other = int(to) if wanted is None else wanted
        before = (await programs.load(connection, access.run, [other])).get(other)
    for program in (before, after):
        if program is not None and not program.files:
            raise removed(access.run, program.number)
    if before is None:
        raise program_views.no_program(access.run, other)
    return ProgramDiff(before=other, after=number, diff=await asyncio.to_thread(unified, before.files, after.files))


@router.get("/{number}/ancestors", summary="List the ancestors of a program")
async def list_ancestors(
    service: Served, access: Reading, number: Numbered, limit: Limit = 50, cursor: Cursor = None
) -> Page[ProgramLine]:
    """Its parent, the parent of that one and so on, up to the seed."""
    place = place_of(cursor, tuple[Number])
    async with service.database.begin() as connection:
        found = await program_lists.ancestors(connection, access.run, place[0] if place else number, limit + 1)
    items, following = paged(found, limit, lambda item: (item.number,))
    return Page(items=[_line(item, access.sign) for item in items], next=following)


@router.get("/{number}/children", summary="List the children of a program")
async def list_children(
    service: Served, access: Reading, number: Numbered, limit: Limit = 50, cursor: Cursor = None
) -> Page[ProgramLine]:
    """The programs that were made of it, by number."""
    place = place_of(cursor, tuple[Number])
    async with service.database.begin() as connection:
        found = await program_lists.children(connection, access.run, number, place[0] if place else -1, limit + 1)
    items, following = paged(found, limit, lambda item: (item.number,))
    return Page(items=[_line(item, access.sign) for item in items], next=following)


def _line(item: program_lists.ProgramLine, sign: float) -> ProgramLine:
    return ProgramLine(
        number=item.number,
        operator=item.operator,
        model=item.model,
        island=item.island,
        parent=item.parent,
        generation=item.generation,
        length=item.length,
        literals=item.literals,
        verdict=item.verdict,
        score=raw(item.score, sign),
        duration_s=item.duration_s,
        created_at=item.created_at,
    )


def _detail(view: ProgramView, verified: EvaluationView | None, access: RunAccess) -> ProgramDetail:
    program = view.program
    searched = None if view.evaluation is None else _evaluation(view.evaluation, access)
    return ProgramDetail(
        number=program.number,
        operator=view.operator,
        model=view.model,
        island=program.island,
        parent=program.parent,
        inspirations=list(view.inspirations),
        generation=program.generation,
        length=view.length,
        literals=view.literals,
        files=dict(program.files),
        evaluation=searched,
        duration_s=None if view.evaluation is None else view.evaluation.duration_s,
        banned=view.banned,
        pinned=view.pinned,
        verification=None if verified is None else _verification(verified, access),
    )


def _verification(found: EvaluationView, access: RunAccess) -> Verification:
    return Verification(
        **_evaluation(found, access).model_dump(),
        series=found.series,
        duration_s=found.duration_s,
        host_fault=found.host_fault,
        picture=found.picture,
    )


def _evaluation(found: EvaluationView, access: RunAccess) -> Evaluation:
    outcome = found.outcome
    stages = () if outcome is None else outcome.stages
    return Evaluation(
        state=found.state,
        verdict=None if outcome is None else outcome.verdict,
        score=None if outcome is None else raw(outcome.score, access.sign),
        metrics={} if outcome is None else outcome.metrics,
        features={} if outcome is None else outcome.features,
        stages=[_stage(stage, access.sign) for stage in stages if not stage.hidden or access.may(Action.INSPECT)],
        tier=found.tier,
        machine=None if found.machine is None else dict(found.machine),
        twin=found.twin,
        finished_at=found.finished_at,
    )


def _stage(stage: StageResult, sign: float) -> Stage:
    return Stage(
        stage=stage.stage,
        hidden=stage.hidden,
        verdict=stage.verdict,
        score=raw(stage.score, sign),
        metrics=stage.metrics,
        features=stage.features,
        samples=[sign * sample for sample in stage.samples],
        duration_s=stage.duration_s,
        cpu_s=stage.cpu_s,
        gpu_s=stage.gpu_s,
        gpu=stage.gpu,
        peak_memory_mib=stage.peak_memory_mib,
        feedback=stage.feedback,
        log_tail=stage.log_tail,
    )
