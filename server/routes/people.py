"""Who there is, and by which tokens people are known."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Path

from database import allowances, audit, people, projects
from database.people import Caller
from evolution.limits import Payer
from evolution.people import Action
from server.auth import Administrator, Signed, administrator
from server.pages import Cursor, Limit, Page, paged, place_of
from server.problem_details import Refusal
from server.problem_details import problems as failures
from server.schemas.base import LARGEST_ID, Id
from server.schemas.people import (
    Allowances,
    AuditEntry,
    LimitsRequest,
    Me,
    Membership,
    NewToken,
    Person,
    PersonChange,
    PersonRequest,
    Token,
    TokenRequest,
)
from server.service import Served

router = APIRouter(tags=["people"], responses=failures(401))
PersonNumber = Annotated[int, Path(ge=1, le=LARGEST_ID, description="id of a person")]
TokenNumber = Annotated[int, Path(ge=1, le=LARGEST_ID, description="id of a token")]
FOR_ADMINISTRATORS = [Depends(administrator)]
REFUSED = failures(403)
MISSING = failures(403, 404)
CONFLICT = failures(403, 404, 409)


@router.get("/me", summary="Who you are and what you may do")
async def read_me(service: Served, caller: Signed) -> Me:
    """The person behind the token, with the role in each project that the person belongs to and the actions it allows."""
    async with service.database.begin() as connection:
        found = await projects.projects(connection, of=caller.person)
    return Me(
        person=caller.person,
        name=caller.name,
        is_admin=caller.is_admin,
        token=caller.token,
        memberships=[
            Membership(
                project=item.id,
                name=item.name,
                role=caller.memberships[item.id],
                actions=[action for action in Action if caller.may(action, item.id)],
            )
            for item in found
            # A membership that is newer than what is remembered of the caller is told a second later.
            if item.id in caller.memberships
        ],
    )


@router.get("/people", summary="List people", responses=REFUSED, dependencies=FOR_ADMINISTRATORS)
async def list_people(service: Served, limit: Limit = 50, cursor: Cursor = None) -> Page[Person]:
    """Everybody, in the order in which they were added."""
    place = place_of(cursor, tuple[Id])
    async with service.database.begin() as connection:
        found = await people.people(connection, after=place[0] if place else 0, limit=limit + 1)
    items, following = paged(found, limit, lambda item: (item.id,))
    return Page(items=[Person.model_validate(item, from_attributes=True) for item in items], next=following)


@router.post("/people", status_code=201, summary="Add a person", responses=failures(403, 409))
async def add_person(body: PersonRequest, service: Served, caller: Administrator) -> Person:
    """Somebody new, who has no token and belongs to no project yet. 409: there is one of this name."""
    async with service.database.begin() as connection:
        made = await people.create_person(connection, body.name, by=caller, is_admin=body.is_admin)
    return Person.model_validate(made, from_attributes=True)


@router.patch("/people/{person}", summary="Take somebody's access away, or give it back", responses=CONFLICT)
async def change_person(person: PersonNumber, body: PersonChange, service: Served, caller: Administrator) -> Person:
    """The last active administrator of the installation stays."""
    async with service.database.begin() as connection:
        found = await people.set_active(connection, person, body.active, by=caller)
    return Person.model_validate(found, from_attributes=True)


@router.get("/people/{person}/limits", summary="Read what somebody may spend", responses=MISSING)
async def read_person_limits(person: PersonNumber, service: Served, caller: Signed) -> Allowances:
    """Over all runs that the person started. Everybody may read their own."""
    _only_own(caller, person)
    async with service.database.begin() as connection:
        await people.person(connection, person)
        return Allowances.of((await allowances.of(connection, Payer.PERSON, [person]))[person])


@router.patch("/people/{person}/limits", summary="Limit what somebody may spend", responses=CONFLICT)
async def limit_person(person: PersonNumber, body: LimitsRequest, service: Served, caller: Administrator) -> Allowances:
    """409: more than that is spent or reserved already."""
    async with service.database.begin() as connection:
        return Allowances.of(await allowances.set_limits(connection, Payer.PERSON, person, body.given, by=caller))


@router.get("/people/{person}/tokens", summary="List somebody's tokens", responses=MISSING)
async def list_tokens(
    person: PersonNumber, service: Served, caller: Signed, limit: Limit = 50, cursor: Cursor = None
) -> Page[Token]:
    """When they were made and last used; never their text. Everybody may list their own."""
    _only_own(caller, person)
    place = place_of(cursor, tuple[Id])
    async with service.database.begin() as connection:
        await people.person(connection, person)
        found = await people.tokens(connection, person, after=place[0] if place else 0, limit=limit + 1)
    items, following = paged(found, limit, lambda item: (item.id,))
    return Page(items=[Token.model_validate(item, from_attributes=True) for item in items], next=following)


@router.post("/people/{person}/tokens", status_code=201, summary="Make a token", responses=CONFLICT)
async def create_token(person: PersonNumber, body: TokenRequest, service: Served, caller: Administrator) -> NewToken:
    """Its text is told now and never again. 409: the person is deactivated."""
    until = None if body.days is None else datetime.now(UTC) + timedelta(days=body.days)
    async with service.database.begin() as connection:
        made = await people.create_token(connection, person, body.name, by=caller, expires_at=until)
    return NewToken.model_validate(made, from_attributes=True)


@router.delete("/tokens/{token}", summary="Revoke a token", responses=MISSING)
async def revoke_token(token: TokenNumber, service: Served, caller: Signed) -> Token:
    """It is worth nothing from now on. Everybody may revoke their own."""
    async with service.database.begin() as connection:
        if not caller.is_admin:
            own = await people.tokens(connection, caller.person, after=token - 1, limit=1)
            _only_own(caller, own[0].person if own and own[0].id == token else 0)
        found = await people.revoke_token(connection, token, by=caller)
    return Token.model_validate(found, from_attributes=True)


@router.get("/audit", summary="Read who changed what", responses=REFUSED, dependencies=FOR_ADMINISTRATORS)
async def list_audit(service: Served, limit: Limit = 50, cursor: Cursor = None) -> Page[AuditEntry]:
    """Every change to people, tokens, projects and roles, and whatever runs were told, newest first."""
    place = place_of(cursor, tuple[Id])
    async with service.database.begin() as connection:
        found = await audit.read(connection, before=place[0] if place else None, limit=limit + 1)
    items, following = paged(found, limit, lambda item: (item.id,))
    return Page(items=[AuditEntry.model_validate(item, from_attributes=True) for item in items], next=following)


def _only_own(caller: Caller, person: int) -> None:
    if not caller.is_admin and caller.person != person:
        raise Refusal(403, "this is for the person alone, and for administrators of the installation; ask one of them")
