"""What the service asks an OpenID provider: where to send people, whose account it was, and its keys.

Authorization code flow with PKCE (RFC 7636), as OpenID Connect Core 1.0, sections 3.1.2 and 3.1.3, describes it.
"""

import base64
import hashlib
import hmac
import json
import logging
import time
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import quote_plus

import httpx
import jwt

from server.oidc.configuration import OidcConfiguration, protected
from server.oidc.failures import NotVouched, ProviderAway

log = logging.getLogger(__name__)

ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"})
"""Signatures by a key that the provider alone has: never `none`, and never one that the client's secret could make."""
TIMEOUT_S = 10.0
LEEWAY_S = 60
"""Clocks of the two machines may differ by so much."""
FRESH_S = 3600.0
"""What the provider says of itself, and its keys, are asked for again after so long."""
LEAST_S = 10.0
"""A key that is not known yet is asked for, but no more often than this."""
LARGEST = 1 << 20
LONGEST_SUBJECT = 255
"""OpenID Connect allows no more."""


class Provider:
    """The provider of a configuration; asked when somebody signs in, and not before."""

    def __init__(self, configuration: OidcConfiguration) -> None:
        self.configuration = configuration
        self._secret = configuration.secret()
        self._about: tuple[float, dict[str, Any]] | None = None
        self._keys: tuple[float, list[dict[str, Any]]] | None = None

    async def address(self, state: str, nonce: str, verifier: str) -> str:
        """Where a browser is to go so that its user signs in; the provider sends it back with `state`.

        Raises:
            ProviderAway: the provider cannot be asked where that is.
        """
        parameters = {
            "response_type": "code",
            "client_id": self.configuration.client_id,
            "redirect_uri": self.configuration.redirect_uri,
            "scope": " ".join(self.configuration.scopes),
            "state": state,
            "nonce": nonce,
            "code_challenge": _unpadded(hashlib.sha256(verifier.encode()).digest()),
            "code_challenge_method": "S256",
        }
        return str(httpx.URL(await self._place("authorization_endpoint")).copy_merge_params(parameters))

    async def claims(self, code: str, verifier: str, nonce: str, issuer: str | None) -> dict[str, Any]:
        """What the provider says of whoever came back with `code`, and with `issuer` as the one who sent them (RFC 9207).

        Raises:
            NotVouched: the code is good no more, or the ID token is not a valid one for this service and this sign-in.
            ProviderAway: the provider does not answer.
        """
        about = await self._configuration()
        named = about.get("authorization_response_iss_parameter_supported") is True
        if issuer != self.configuration.issuer and (named or issuer is not None):
            raise NotVouched("the answer is of another provider than the one that was asked; begin again")
        token = await self._id_token(code, verifier)
        claims = self._decoded(token, await self._key(token))
        if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()):
            raise NotVouched("the ID token was made for another sign-in (its nonce differs); begin again")
        parties = claims["aud"]
        several = isinstance(parties, list) and len(cast("list[Any]", parties)) > 1
        if several and claims.get("azp") != self.configuration.client_id:
            raise NotVouched("the ID token was made for several services, and not at the request of this one")
        subject = claims["sub"]
        if not (subject.isprintable() and 0 < len(subject) <= LONGEST_SUBJECT):
            raise NotVouched("the ID token's subject is not 1 to 255 visible characters")
        return claims

    async def _id_token(self, code: str, verifier: str) -> str:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.configuration.redirect_uri,
            "code_verifier": verifier,
            "client_id": self.configuration.client_id,
        }
        headers: dict[str, str] = {}
        methods = (await self._configuration()).get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        if self._secret is not None and "client_secret_basic" in methods:
            pair = f"{quote_plus(self.configuration.client_id)}:{quote_plus(self._secret)}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
            del form["client_id"]
        elif self._secret is not None:
            form["client_secret"] = self._secret
        status, answer = await _asked("POST", await self._place("token_endpoint"), form, headers)
        if status in {400, 401, 403}:
            # `error` is one of a few words (RFC 6749, section 5.2); what else the provider says is for the log.
            log.warning("the provider refuses a code: %s", answer)
            raise NotVouched(f"the provider does not take the code that came back: {answer.get('error')!r}; begin again")
        token = answer.get("id_token")
        if status != 200 or not isinstance(token, str):
            raise ProviderAway(f"expected an id_token of the provider with status 200, got status {status}")
        return token

    async def _key(self, token: str) -> jwt.PyJWK:
        """The provider's key by which the token says that it is signed."""
        try:
            header = jwt.get_unverified_header(token)
        except jwt.PyJWTError as error:
            raise NotVouched(f"the ID token cannot be read: {error}") from None
        algorithm, name = header.get("alg"), header.get("kid")
        if algorithm not in ALGORITHMS:
            raise NotVouched(f"the ID token is signed with {algorithm!r}; expected one of {', '.join(sorted(ALGORITHMS))}")
        for after_s in (FRESH_S, LEAST_S):
            fitting = [key for key in await self._known_keys(after_s) if _fits(key, name, algorithm)]
            if len(fitting) == 1:
                try:
                    return jwt.PyJWK.from_dict(fitting[0], algorithm)
                except (jwt.PyJWTError, ValueError) as error:
                    raise NotVouched(f"the ID token's signature cannot be checked by the provider's key: {error}") from None
        raise NotVouched("the ID token is signed by a key that the provider does not have")

    def _decoded(self, token: str, key: jwt.PyJWK) -> dict[str, Any]:
        try:
            return jwt.decode(
                token,
                key,
                algorithms=[key.algorithm_name],
                audience=self.configuration.client_id,
                issuer=self.configuration.issuer,
                leeway=LEEWAY_S,
                options={"require": ["iss", "sub", "aud", "exp", "iat"]},
            )
        except (jwt.PyJWTError, ValueError) as error:
            raise NotVouched(f"the ID token is not valid: {error}; begin again") from None

    async def _configuration(self) -> dict[str, Any]:
        """What the provider says of itself (OpenID Connect Discovery 1.0, section 4)."""
        if self._about is None or time.monotonic() - self._about[0] > FRESH_S:
            issuer = self.configuration.issuer
            status, found = await _asked("GET", f"{issuer.rstrip('/')}/.well-known/openid-configuration")
            if status != 200 or found.get("issuer") != issuer:
                raise ProviderAway(f"expected the configuration of {issuer}, got status {status} and {found.get('issuer')!r}")
            self._about = time.monotonic(), found
        return self._about[1]

    async def _place(self, name: str) -> str:
        place = (await self._configuration()).get(name)
        if not isinstance(place, str) or not protected(place):
            raise ProviderAway(f"expected an https address as the provider's {name}, got {place!r}")
        return place

    async def _known_keys(self, after_s: float) -> list[dict[str, Any]]:
        """The provider's keys, as they were at most `after_s` seconds ago."""
        if self._keys is None or time.monotonic() - self._keys[0] > after_s:
            status, found = await _asked("GET", await self._place("jwks_uri"))
            keys = found.get("keys")
            if status != 200 or not isinstance(keys, list):
                raise ProviderAway(f"expected the provider's keys, got status {status}")
            ours = [cast("dict[str, Any]", key) for key in cast("list[Any]", keys) if isinstance(key, dict)]
            self._keys = time.monotonic(), ours
        return self._keys[1]


def _fits(key: Mapping[str, Any], name: object, algorithm: str) -> bool:
    """Whether a token that names its key so can be signed with it; one that names none may be signed with the only one."""
    return (
        (name is None or key.get("kid") == name)
        and key.get("use") in {None, "sig"}
        and key.get("alg") in {None, algorithm}
        and key.get("kty") in {"RSA", "EC", "OKP"}
    )


async def _asked(
    method: str, address: str, form: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
) -> tuple[int, dict[str, Any]]:
    """Status and JSON object of an answer; no redirect is followed.

    Raises:
        ProviderAway: there is no answer within `TIMEOUT_S`, or it is no JSON object of at most 1 MiB.
    """
    content = b""
    try:
        async with (
            httpx.AsyncClient(timeout=TIMEOUT_S) as client,
            client.stream(method, address, data=form, headers={"Accept": "application/json", **(headers or {})}) as response,
        ):
            async for piece in response.aiter_bytes():
                content += piece
                if len(content) > LARGEST:
                    raise ProviderAway(f"{address} answers more than {LARGEST >> 20} MiB")
        found = json.loads(content)
    except (httpx.HTTPError, ValueError) as error:
        raise ProviderAway(f"{address} does not answer as a provider does: {type(error).__name__}: {error}") from None
    if not isinstance(found, dict):
        raise ProviderAway(f"{address} answers with status {response.status_code} and no JSON object")
    return response.status_code, cast("dict[str, Any]", found)


def _unpadded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
