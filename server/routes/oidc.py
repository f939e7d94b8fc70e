"""Signing in with an account of a provider: a page begins it, the provider sends the browser back, and it ends in a session.

The browser keeps a secret as a cookie that no other site can send. The nonce and the verifier of a sign-in are made of it and
of the state, so what is stored of one that is under way is a hash, of which nobody can make any of them.
"""

import base64
import hmac
import logging
import secrets
from typing import Annotated

from fastapi import APIRouter, Cookie, Depends, Request, Response

from database import sign_ins
from database.errors import NotAllowed
from server.auth import from_own_pages
from server.oidc.admission import admit
from server.oidc.failures import NotVouched, ProviderAway
from server.problem_details import Refusal
from server.problem_details import problems as failures
from server.rate_limit import COOKIE
from server.routes.session import PATH
from server.schemas.people import BegunSignIn, ReturnedSignIn, SignInWay
from server.service import Served, Service

log = logging.getLogger(__name__)
router = APIRouter(tags=["people"])
BROWSER = "galapagos_sign_in"
"""What holds the secret of a browser that signs in."""
_PATH = f"{PATH}/v1/session/oidc"
_RETRY_S = 30
_OWN = [Depends(from_own_pages)]


@router.get("/session/oidc", summary="Who signs people in")
async def get_sign_in_way(service: Served) -> SignInWay:
    """The provider with whose accounts people sign in, if there is one."""
    if service.provider is None:
        return SignInWay(title=None, url=None)
    told = service.provider.configuration
    return SignInWay(title=told.called, url=told.origin)


@router.post("/session/oidc", summary="Begin to sign in", responses=failures(403, 404, 409), dependencies=_OWN)
async def begin_sign_in(request: Request, response: Response, service: Served) -> BegunSignIn:
    """Where the browser is to go, so that its user signs in at the provider; needs the header `X-Galapagos: 1`.

    The provider sends it back to the page `/signed-in` of the service, within ten minutes.
    """
    provider = service.provider
    if provider is None:
        raise _without_provider()
    told = provider.configuration
    origin = request.headers.get("origin", told.origin)
    if origin != told.origin:
        raise Refusal(409, f"people sign in at {told.origin}, and this page is of {origin[:200]}; open {told.origin}/")
    state, secret = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    try:
        address = await provider.address(state, _derived(secret, "nonce", state), _derived(secret, "verifier", state))
    except ProviderAway as error:
        raise _away(error) from None
    async with service.database.begin() as connection:
        await sign_ins.begin(connection, state, secret)
    _keep(service, response, BROWSER, secret, _PATH, int(sign_ins.LASTS_S))
    return BegunSignIn(address=address)


@router.post(
    "/session/oidc/end", status_code=204, summary="End signing in", responses=failures(401, 403, 404), dependencies=_OWN
)
async def end_sign_in(
    body: ReturnedSignIn,
    response: Response,
    service: Served,
    browser: Annotated[str, Cookie(alias=BROWSER, include_in_schema=False, max_length=100)] = "",
) -> None:
    """Exchange what the provider gave the browser for a session; needs the header `X-Galapagos: 1`.

    The session is a token of the person like any other, but that it ends when the browser signs out.
    """
    provider = service.provider
    if provider is None:
        raise _without_provider()
    async with service.database.begin() as connection:
        taken = await sign_ins.take(connection, body.state, browser)
    if not taken:
        raise Refusal(401, "no such sign-in is under way in this browser: it was ended before, or is too old; begin again")
    nonce, verifier = (_derived(browser, what, body.state) for what in ("nonce", "verifier"))
    try:
        claims = await provider.claims(body.code, verifier, nonce, body.iss)
        async with service.database.begin() as connection:
            made = await admit(connection, provider.configuration, claims)
    except ProviderAway as error:
        raise _away(error) from None
    except NotVouched as error:
        raise Refusal(401, str(error)) from None
    except NotAllowed as error:
        raise Refusal(403, str(error)) from None
    _keep(service, response, COOKIE, made.text, PATH, int(provider.configuration.hours * 3600))
    response.delete_cookie(BROWSER, path=_PATH, httponly=True, samesite="strict")


def _keep(service: Service, response: Response, name: str, value: str, path: str, lasts_s: int) -> None:
    encrypted = service.provider is not None and service.provider.configuration.origin.startswith("https:")
    response.set_cookie(name, value, lasts_s, path=path, secure=encrypted, httponly=True, samesite="strict")


def _derived(secret: str, what: str, state: str) -> str:
    """43 characters that nobody can make who does not have the secret."""
    made = hmac.digest(secret.encode(), f"{what}:{state}".encode(), "sha256")
    return base64.urlsafe_b64encode(made).rstrip(b"=").decode()


def _without_provider() -> Refusal:
    return Refusal(404, "no provider signs people in to this service (GALAPAGOS_OIDC names none); sign in with a token")


def _away(error: ProviderAway) -> Refusal:
    log.warning("the provider that signs people in is away: %s", error)
    said = f"the provider that signs people in does not answer now; try again in {_RETRY_S} s, or sign in with a token"
    return Refusal(503, said, headers={"Retry-After": str(_RETRY_S)})
