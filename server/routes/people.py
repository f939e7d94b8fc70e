"""Who there is, and who may do what."""

from fastapi import APIRouter

from database import projects
from evolution.people import Action
from server.auth import Signed
from server.problem_details import problems as failures
from server.schemas.people import Me, Membership
from server.service import Served

router = APIRouter(tags=["people"], responses=failures(401))


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
