"""Sessions of browsers: a token is typed once, and then kept where no script can read it."""

from typing import Annotated

from fastapi import APIRouter, Cookie, Depends, Request, Response

from database import sign_ins
from server.auth import from_own_pages, known
from server.problem_details import problems as failures
from server.rate_limit import COOKIE
from server.schemas.people import SignIn
from server.service import Served

router = APIRouter(tags=["people"], dependencies=[Depends(from_own_pages)], responses=failures(403))

PATH = "/api"
"""Nothing but the service's own routes gets the cookie."""
LASTS_S = 30 * 24 * 3600


@router.post("/session", status_code=204, summary="Sign a browser in", responses=failures(401))
async def begin_session(body: SignIn, request: Request, response: Response, service: Served) -> None:
    """Keep a token as a cookie that no script can read and no other site can send; needs the header `X-Galapagos: 1`.

    The session ends after 30 days, or as soon as the token is good no more.
    """
    await known(service, body.token)
    # Behind a proxy that ends TLS the page still knows how it was reached.
    encrypted = "https" in {request.url.scheme, request.headers.get("origin", "").partition(":")[0]}
    response.set_cookie(COOKIE, body.token, LASTS_S, path=PATH, secure=encrypted, httponly=True, samesite="strict")


@router.delete("/session", status_code=204, summary="Sign a browser out")
async def end_session(
    response: Response, service: Served, session: Annotated[str, Cookie(alias=COOKIE, include_in_schema=False)] = ""
) -> None:
    """Forget the cookie. A token that was typed stays good; one of a provider's sign-in does not. Needs `X-Galapagos: 1`."""
    if session:
        async with service.database.begin() as connection:
            await sign_ins.end(connection, session)
    response.delete_cookie(COOKIE, path=PATH, httponly=True, samesite="strict")
