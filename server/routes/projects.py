"""Projects: who belongs to them, and what they may spend and use."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response

from database import allowances, allowed_models, people, projects, retention
from database.people import Caller
from evolution.limits import Payer
from evolution.people import Action
from server.auth import Administrator, Signed, require
from server.pages import Cursor, Limit, Page, paged, place_of
from server.problem_details import Refusal
from server.problem_details import problems as failures
from server.schemas.base import LARGEST_ID, Id
from server.schemas.people import (
    Allowances,
    LimitsRequest,
    Member,
    MemberRequest,
    ModelsAllowed,
    Project,
    ProjectRequest,
    Retention,
    WeightRequest,
)
from server.service import Served

router = APIRouter(prefix="/projects", tags=["people"], responses=failures(401))
ProjectNumber = Annotated[int, Path(ge=1, le=LARGEST_ID, description="id of a project")]
MISSING = failures(403, 404)
CONFLICT = failures(403, 404, 409)


@dataclass(frozen=True, slots=True)
class ProjectAccess:
    """That the caller may do what the route does in this project, if there is one."""

    project: int
    caller: Caller


class ProjectFor:
    """Lets a request pass if the caller may do `action` in the project. One that the caller may not read is not there."""

    def __init__(self, action: Action) -> None:
        self._action = action

    async def __call__(self, project: ProjectNumber, caller: Signed) -> ProjectAccess:
        """Look at the caller's roles."""
        if not caller.may(Action.READ, project):
            raise Refusal(404, f"there is no project {project}, or you do not belong to it")
        require(caller, self._action, project)
        return ProjectAccess(project, caller)


Reading = Annotated[ProjectAccess, Depends(ProjectFor(Action.READ))]
Inspecting = Annotated[ProjectAccess, Depends(ProjectFor(Action.INSPECT))]
Administering = Annotated[ProjectAccess, Depends(ProjectFor(Action.ADMINISTER))]


@router.get("", summary="List projects")
async def list_projects(service: Served, caller: Signed, limit: Limit = 50, cursor: Cursor = None) -> Page[Project]:
    """Those that you belong to; all of them for who administers the installation."""
    place = place_of(cursor, tuple[Id])
    of = None if caller.is_admin else caller.person
    async with service.database.begin() as connection:
        found = await projects.projects(connection, of=of, after=place[0] if place else 0, limit=limit + 1)
    items, following = paged(found, limit, lambda item: (item.id,))
    return Page(items=[_project(item) for item in items], next=following)


@router.post("", status_code=201, summary="Add a project", responses=failures(403, 409))
async def create_project(body: ProjectRequest, service: Served, caller: Administrator) -> Project:
    """Nobody belongs to it yet. 409: there is one of this name."""
    async with service.database.begin() as connection:
        return _project(await projects.create(connection, body.name, by=caller))


@router.patch("/{project}", summary="Rename a project", responses=CONFLICT)
async def rename_project(body: ProjectRequest, service: Served, access: Administering) -> Project:
    """409: another one is named so."""
    async with service.database.begin() as connection:
        return _project(await projects.rename(connection, access.project, body.name, by=access.caller))


@router.put("/{project}/weight", summary="Set a project's share", responses=MISSING)
async def weigh_project(project: ProjectNumber, body: WeightRequest, service: Served, caller: Administrator) -> Project:
    """Of slots and model calls, against other projects: 1 unless somebody sets it."""
    async with service.database.begin() as connection:
        return _project(await projects.set_weight(connection, project, body.weight, by=caller))


@router.put("/{project}/models", summary="Set the models that a project may use", responses=MISSING)
async def allow_models(project: ProjectNumber, body: ModelsAllowed, service: Served, caller: Administrator) -> ModelsAllowed:
    """Runs that go on keep what they have."""
    async with service.database.begin() as connection:
        found = await allowed_models.set_models(connection, project, body.models, by=caller)
    return ModelsAllowed(models=None if found.any else list(found.models))


@router.get("/{project}/retention", summary="Read how long a project keeps texts", responses=MISSING)
async def read_retention(service: Served, access: Reading) -> Retention:
    """Sources, prompts, answers, feedback and logs of ended runs, but for what is of lasting worth (docs/operations.md)."""
    async with service.database.begin() as connection:
        await projects.load(connection, access.project)
        return Retention(days=await retention.days(connection, access.project))


@router.put("/{project}/retention", summary="Set how long a project keeps texts", responses=MISSING)
async def set_retention(body: Retention, service: Served, access: Administering) -> Retention:
    """What is gone stays gone: it begins within a minute, with runs that ended earlier than that."""
    async with service.database.begin() as connection:
        return Retention(days=await retention.set_days(connection, access.project, body.days, by=access.caller))


@router.get("/{project}/limits", summary="Read what a project may spend", responses=MISSING)
async def read_project_limits(service: Served, access: Inspecting) -> Allowances:
    """Over all its runs, and what they spent."""
    async with service.database.begin() as connection:
        await projects.load(connection, access.project)
        return Allowances.of((await allowances.of(connection, Payer.PROJECT, [access.project]))[access.project])


@router.patch("/{project}/limits", summary="Limit what a project may spend", responses=CONFLICT)
async def limit_project(body: LimitsRequest, service: Served, access: Administering) -> Allowances:
    """409: more than that is spent or reserved already."""
    async with service.database.begin() as connection:
        found = await allowances.set_limits(connection, Payer.PROJECT, access.project, body.given, by=access.caller)
    return Allowances.of(found)


@router.get("/{project}/members", summary="List who belongs to a project", responses=MISSING)
async def list_members(service: Served, access: Reading, limit: Limit = 50, cursor: Cursor = None) -> Page[Member]:
    """In the order in which they were added to the installation."""
    place = place_of(cursor, tuple[Id])
    async with service.database.begin() as connection:
        await projects.load(connection, access.project)
        found = await projects.members(connection, access.project, after=place[0] if place else 0, limit=limit + 1)
    items, following = paged(found, limit, lambda item: (item.person,))
    return Page(items=[Member.model_validate(item, from_attributes=True) for item in items], next=following)


@router.post("/{project}/members", summary="Give somebody a role in a project", responses=MISSING)
async def admit_member(body: MemberRequest, service: Served, access: Administering) -> Member:
    """Instead of the one that the person has there. 404: nobody is called so."""
    async with service.database.begin() as connection:
        somebody = await people.person(connection, body.person)
        await projects.set_member(connection, access.project, somebody.id, body.role, by=access.caller)
    return Member(person=somebody.id, name=somebody.name, active=somebody.active, role=body.role)


@router.delete("/{project}/members/{person}", status_code=204, summary="Dismiss somebody", responses=MISSING)
async def dismiss_member(
    person: Annotated[int, Path(ge=1, le=LARGEST_ID, description="id of a person")], service: Served, access: Administering
) -> Response:
    """The person belongs to the project no more."""
    async with service.database.begin() as connection:
        await projects.remove_member(connection, access.project, person, by=access.caller)
    return Response(status_code=204)


def _project(found: projects.Project) -> Project:
    return Project.model_validate(found, from_attributes=True)
