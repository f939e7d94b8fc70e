"""Who asks, and what they may do."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Path, Request
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBearer

from database.people import Caller
from evolution.people import Action
from server.problem_details import Refusal
from server.rate_limit import COOKIE, SIGNED
from server.schemas.base import LARGEST_ID
from server.service import Served, Service

_bearer = HTTPBearer(
    auto_error=False, scheme_name="token", description="A token of a person: `Authorization: Bearer gal_...` (docs/people.md)"
)
OWN_PAGES = "X-Galapagos"
"""A header that pages of other sites cannot send: browsers ask the service first, and it allows them nothing."""
_cookie = APIKeyCookie(
    name=COOKIE,
    auto_error=False,
    scheme_name="session",
    description=f"The cookie of `POST /api/v1/session`, for pages in a browser; with it whatever changes something needs the "
    f"header `{OWN_PAGES}: 1`",
)
_CHANGES_NOTHING = frozenset({"GET", "HEAD", "OPTIONS"})
RunNumber = Annotated[int, Path(ge=1, le=LARGEST_ID, description="id of a run")]


async def _caller(
    request: Request,
    service: Served,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    session: Annotated[str | None, Depends(_cookie)],
) -> Caller:
    token = session if credentials is None else credentials.credentials
    if not token:
        raise _no_token("expected a token in the header Authorization, as `Bearer gal_...`; none came")
    if credentials is None and request.method not in _CHANGES_NOTHING:
        from_own_pages(request)
    found = await known(service, token)
    setattr(request.state, SIGNED, True)
    return found


async def known(service: Service, token: str) -> Caller:
    """Who stands behind a token.

    Raises:
        Refusal: nobody does.
    """
    found = await service.recent.caller(token)
    if found is None:
        raise _no_token("the token is unknown, revoked or expired, or its owner was deactivated; ask an administrator for one")
    return found


def from_own_pages(request: Request) -> None:
    """Let a request pass that no page of another site can have sent in the name of somebody who is signed in.

    Raises:
        Refusal: it does not say so.
    """
    if request.headers.get(OWN_PAGES) != "1":
        raise Refusal(403, f"expected the header {OWN_PAGES}: 1 with a session cookie; send it, or a token as `Bearer gal_...`")


Signed = Annotated[Caller, Depends(_caller)]
"""Whoever stands behind the token of a request; without a valid one the request ends."""


async def administrator(caller: Signed) -> Caller:
    """Whoever asks, if that is an administrator of the installation.

    Raises:
        Refusal: it is not.
    """
    if not caller.is_admin:
        raise Refusal(403, "this is for administrators of the installation, and you are none; ask one of them")
    return caller


Administrator = Annotated[Caller, Depends(administrator)]
"""A caller who administers the installation; from anybody else the request ends."""


@dataclass(frozen=True, slots=True)
class RunAccess:
    """That the caller may do what the route does in the project of this run. Raw scores are `sign` times recorded ones."""

    run: int
    project: int
    sign: float
    caller: Caller

    def may(self, action: Action) -> bool:
        """Whether the caller may do something else there too."""
        return self.caller.may(action, self.project)


class RunFor:
    """Lets a request to a route of one run pass if the caller may do `action` in the run's project.

    A run of a project that the caller does not belong to is not there.
    """

    def __init__(self, action: Action) -> None:
        self.action = action

    async def __call__(self, run: RunNumber, caller: Signed, service: Served) -> RunAccess:
        """Look the run's project up."""
        found = await service.recent.facts(run)
        if found is None or not caller.may(Action.READ, found.project):
            raise Refusal(404, f"there is no run {run}, or it belongs to a project that you do not belong to")
        require(caller, self.action, found.project)
        return RunAccess(run, found.project, found.sign, caller)


def require(caller: Caller, action: Action, project: int) -> None:
    """Go on only if the caller may do this in the project.

    Raises:
        Refusal: the caller may not.
    """
    if not caller.may(action, project):
        role = caller.memberships.get(project)
        has = "you do not belong to it" if role is None else f"you are {role.value} there"
        raise Refusal(403, f"this needs the right to {action.value} in project {project}; {has}; ask one of its administrators")


def readable(caller: Caller) -> list[int] | None:
    """The projects of which the caller may see something; None for all there are."""
    return None if caller.is_admin else [project for project in caller.memberships if caller.may(Action.READ, project)]


def _no_token(said: str) -> Refusal:
    return Refusal(401, said, headers={"WWW-Authenticate": "Bearer"})
