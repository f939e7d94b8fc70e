"""The models that runs may name."""

from typing import Annotated

from fastapi import APIRouter, Query

from database import allowed_models
from evolution.people import Action
from server.auth import Signed, readable, require
from server.pages import Cursor, Limit, Page, paged, place_of
from server.problem_details import problems as failures
from server.schemas.base import LARGEST_ID
from server.schemas.models import ModelLine
from server.service import Served

router = APIRouter(prefix="/models", tags=["runs"], responses=failures(401))


@router.get("", summary="List models", responses=failures(403, 404))
async def list_models(
    service: Served,
    caller: Signed,
    project: Annotated[int | None, Query(ge=1, le=LARGEST_ID, description="only what this project may use")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[ModelLine]:
    """The models that any of your projects may use, by name, with their prices and limits."""
    place = place_of(cursor, tuple[str])
    if project is not None:
        require(caller, Action.READ, project)
    among = readable(caller)
    async with service.database.begin() as connection:
        if project is not None:
            found = await allowed_models.of(connection, project)
            names = None if found.any else frozenset(found.models)
        else:
            names = None if among is None else await allowed_models.of_some(connection, among)
    lines = [
        ModelLine.of(model)
        for name, model in sorted(service.models.items())
        if (names is None or name in names) and (place is None or name > place[0])
    ]
    items, following = paged(lines, limit, lambda item: (item.name,))
    return Page(items=items, next=following)
