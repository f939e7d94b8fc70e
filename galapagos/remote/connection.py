"""Requests to a service: signed, tried again where that is safe, and failures as exceptions."""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx

from database.settings import SettingsError
from galapagos.remote.failures import FieldAtFault, ServiceError, ServiceUnavailable

API = "/api/v1"
TRIES = 5
FIRST_PAUSE_S = 0.5
_SAFE = frozenset({"GET", "PUT"})
"""Doing these twice is doing them once."""
_AWAY = frozenset({502, 503, 504})


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
        self._url = url

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
    ) -> Any:
        """The answer's JSON; parameters that are None are left out.

        Raises:
            ServiceError: the service refuses.
            ServiceUnavailable: it cannot be reached, or is away; nothing is known of what a POST did.
        """
        given = {name: value for name, value in (parameters or {}).items() if value is not None}
        headers = {"Content-Type": content_type} if content_type else {}
        pause = FIRST_PAUSE_S
        for left in reversed(range(TRIES if method in _SAFE else 1)):
            try:
                response = await self._http.request(method, path, params=given, json=body, content=content, headers=headers)
            except httpx.TransportError as error:
                if not left:
                    raise self._away(error) from error
            else:
                if response.status_code not in _AWAY or not left:
                    return _checked(response)
                pause = max(pause, _retry_after(response))
            await asyncio.sleep(pause)
            pause *= 2
        raise AssertionError("the last try returns or raises")

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
        try:
            async with self._http.stream("GET", path, params=given, headers=dict(headers or {}), timeout=timeout) as response:
                if response.status_code >= 400:
                    await response.aread()
                    _checked(response)
                yield response
        except httpx.TransportError as error:
            raise self._away(error) from error

    def _away(self, error: httpx.TransportError) -> ServiceUnavailable:
        return ServiceUnavailable(
            f"the service at {self._url} cannot be reached: {type(error).__name__}: {error}; is it running, and is that its "
            "address?"
        )


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
