"""Requests to a service: signed, tried again where that is safe, and failures as exceptions."""

import asyncio
import json
import secrets
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from enum import Enum, auto
from typing import Any

import httpx

from database.settings import SettingsError
from galapagos.remote.failures import FieldAtFault, ServiceError, ServiceUnavailable

API = "/api/v1"
TRIES = 5
FIRST_PAUSE_S = 0.5
_AWAY = frozenset({502, 503, 504})
_SAFE = frozenset({"GET", "PUT"})
"""Doing these twice is doing them once."""
_TOO_SOON = frozenset({409, 429})
"""With a `Retry-After` nothing was done (429), or the same is being done (409): it may be asked again, whatever it is."""
PATIENCE_S = 120.0
"""So long one request waits in all for a service that is asked too often."""


class Again(Enum):
    """What becomes of a POST that is sent a second time: it may do harm, it is none, or its key lets it be done once."""

    UNSAFE = auto()
    HARMLESS = auto()
    BY_KEY = auto()


class Connection:
    """One client of one service.

    Raises:
        SettingsError: the address is none, or no token looks like this one.
    """

    def __init__(self, url: str, token: str, timeout_s: float) -> None:
        try:
            parsed = httpx.URL(url)
        except httpx.InvalidURL as error:
            raise SettingsError(f"expected the address of a service, as http://HOST:PORT; got {url!r}: {error}") from None
        if parsed.scheme not in {"http", "https"} or not parsed.host:
            raise SettingsError(f"expected the address of a service, as http://HOST:PORT; got {url!r}; correct it")
        if not (token.isascii() and token.isprintable()):
            raise SettingsError("expected a token as it was told, `gal_` and 43 characters; this one has others; copy it anew")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http = httpx.AsyncClient(base_url=url.rstrip("/") + API, headers=headers, timeout=timeout_s)
        self.url = url

    async def close(self) -> None:
        """End all connections."""
        await self._http.aclose()

    async def ask(
        self,
        method: str,
        path: str,
        *,
        parameters: Mapping[str, Any] | None = None,
        body: Any = None,
        content: bytes | None = None,
        content_type: str | None = None,
        again: Again = Again.UNSAFE,
    ) -> Any:
        """The answer's JSON; parameters that are None are left out. `again` says what becomes of a POST that is sent twice.

        Raises:
            ServiceError: the service refuses.
            ServiceUnavailable: it cannot be reached, or is away; nothing is known of what a POST did.
        """
        given = {name: value for name, value in (parameters or {}).items() if value is not None}
        headers = {"Content-Type": content_type} if content_type else {}
        if again is Again.BY_KEY:
            headers["Idempotency-Key"] = secrets.token_urlsafe(24)
        request = self._http.build_request(method, path, params=given, json=body, content=content, headers=headers)
        pause, patience = FIRST_PAUSE_S, _Patience()
        left = TRIES if method in _SAFE or again is not Again.UNSAFE else 1
        while True:
            left -= 1
            try:
                response = await self._http.send(request)
            except httpx.TransportError as error:
                if not left:
                    raise self._away(error) from error
            else:
                if await patience.waited(response):
                    left += 1
                    continue
                if response.status_code not in _AWAY or not left:
                    return _checked(response)
                pause = max(pause, _retry_after(response))
            await asyncio.sleep(pause)
            pause *= 2

    @asynccontextmanager
    async def stream(
        self, path: str, parameters: Mapping[str, Any], headers: Mapping[str, str] | None = None, silence_s: float = 60.0
    ) -> AsyncGenerator[httpx.Response]:
        """An answer that is read piece by piece; a service that says nothing for `silence_s` is given up.

        Raises:
            ServiceError: the service refuses.
            ServiceUnavailable: it cannot be reached, or went away meanwhile.
        """
        timeout = httpx.Timeout(30.0, read=silence_s)
        given = {name: value for name, value in parameters.items() if value is not None}
        patience = _Patience()
        try:
            while True:
                told = dict(headers or {})
                async with self._http.stream("GET", path, params=given, headers=told, timeout=timeout) as response:
                    if response.status_code >= 400:
                        await response.aread()
                        if await patience.waited(response):
                            continue
                        _checked(response)
                    yield response
                    return
        except httpx.TransportError as error:
            raise self._away(error) from error

    def _away(self, error: httpx.TransportError) -> ServiceUnavailable:
        return ServiceUnavailable(
            f"the service at {self.url} cannot be reached: {type(error).__name__}: {error}; is it running, and is that its "
            "address?"
        )


class _Patience:
    """Waits when a service says that it is asked too often, but not for ever."""

    def __init__(self) -> None:
        self._until = time.monotonic() + PATIENCE_S

    async def waited(self, response: httpx.Response) -> bool:
        """Whether it said so, and the time that it named has gone by; False is an answer to be taken as it is."""
        seconds = _retry_after(response)
        if response.status_code not in _TOO_SOON or not seconds or time.monotonic() + seconds > self._until:
            return False
        await asyncio.sleep(seconds)
        return True


def _checked(response: httpx.Response) -> Any:
    if response.status_code < 400:
        return response.json() if response.content else None
    try:
        told: Any = response.json()
        detail, kind = str(told["detail"]), str(told["type"])
        fields = [FieldAtFault(str(item["field"]), str(item["message"])) for item in told.get("errors", ())]
    except (json.JSONDecodeError, UnicodeDecodeError, TypeError, KeyError):
        detail, kind, fields = f"no service of Galapagos answers there: {response.status_code} {response.text[:200]!r}", "", []
    if response.status_code in _AWAY:
        raise ServiceUnavailable(detail)
    raise ServiceError(response.status_code, kind, detail, fields)


def _retry_after(response: httpx.Response) -> float:
    told = response.headers.get("Retry-After", "")
    return min(float(told), 30.0) if told.isdigit() else 0.0
