"""What was spent, over all runs."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from database import spending
from database.people import Caller
from evolution.limits import Group
from evolution.people import Action
from server.auth import Signed, require
from server.pages import Cursor, Limit, Page, paged, place_of
from server.problem_details import problems as failures
from server.schemas.base import LARGEST_ID
from server.schemas.spending import Limits, Spent
from server.service import Served

ModelName = Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")]
Numbered = Annotated[int, Field(ge=0, le=LARGEST_ID)]

router = APIRouter(tags=["results"], responses=failures(401, 403))


@router.get("/spend", summary="Read what was spent, summed up")
async def list_spending(
    service: Served,
    caller: Signed,
    by: Annotated[Group, Query(description="what is summed up: a line for each of these")] = Group.PROJECT,
    project: Annotated[int | None, Query(ge=1, le=LARGEST_ID, description="only by runs of this project")] = None,
    since: Annotated[date | None, Query(description="only what was spent on this day or later, in UTC")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[Spent]:
    """Money, tokens, evaluations and GPU time by project, person, run or model, of the projects that you may inspect.

    Only what spent something is listed, in the order of ids, or of names of models. Limits stand beside it; they count what
    was ever spent, and that of a person what was spent in every project.
    """
    if project is not None:
        require(caller, Action.INSPECT, project)
    after = place_of(cursor, tuple[ModelName] if by is Group.MODEL else tuple[Numbered])
    async with service.database.begin() as connection:
        found = await spending.read(
            connection,
            by,
            projects=_inspected(caller) if project is None else [project],
            since=since,
            after=None if after is None else str(after[0]),
            limit=limit + 1,
            limits_of=None if caller.is_admin else caller.person,
        )
    items, following = paged(found, limit, lambda item: (spending.place(item),))
    return Page(items=[_line(item, caller) for item in items], next=following)


def _inspected(caller: Caller) -> list[int] | None:
    return None if caller.is_admin else [project for project in caller.memberships if caller.may(Action.INSPECT, project)]


def _line(item: spending.Spent, caller: Caller) -> Spent:
    hidden = item.group is Group.MODEL or (item.group is Group.PERSON and not caller.is_admin and item.id != caller.person)
    return Spent(
        by=item.group,
        id=item.id,
        name=item.name,
        project=item.project,
        micro_dollars=item.micro_dollars,
        tokens_in=item.tokens_in,
        tokens_out=item.tokens_out,
        calls=item.calls,
        failed=item.failed,
        evaluations=item.evaluations,
        gpu_milliseconds=item.gpu_milliseconds,
        limits=None
        if hidden
        else Limits(
            micro_dollars=item.most_micro_dollars,
            tokens=item.most_tokens,
            evaluations=item.most_evaluations,
            gpu_milliseconds=item.most_gpu_milliseconds,
        ),
    )
