"""Sends alerts to webhooks: signed, tried again until they arrive, and only where nobody can be harmed by it."""

import asyncio
import hashlib
import hmac
import json
import logging
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpx

from database import alerts
from database.alerts import Due
from database.engine import Database
from database.errors import UNREADABLE, DatabaseError, in_words
from server.metrics import DELIVERIES
from server.outside import AddressRefused, pinned

log = logging.getLogger(__name__)

LOOK_S = 2.0
"""So often what is new is looked for."""
FORGET_S = 600.0
"""So often deliveries are looked for whose time is over."""
SEND_S = 1.0
"""So often deliveries that are due are looked for."""
ATTEMPT_S = 10.0
"""An attempt may take so long in all."""
LARGEST_ANSWER = 16 << 10
"""Of an answer so many bytes are read, and none is kept."""
VERSION = "v1"


class Alerts:
    """What one serving process does for alerts. Any number may do so: nothing is made twice, and each attempt is one's own."""

    def __init__(self, database: Database, *, private: bool) -> None:
        self._database = database
        self._private = private

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Look and send within the block; what is being sent at its end is sent again by whoever comes next."""
        tasks = [asyncio.create_task(work) for work in (self._look_on(), self._send_on(), self._forget_on())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _look_on(self) -> None:
        while True:
            try:
                async with self._database.begin() as connection:
                    await alerts.look(connection)
            except (DatabaseError, *UNREADABLE) as error:
                # Whatever it is: alerts must not end because somebody gave up.
                log.warning("alerts wait for the database: %s", in_words(error))
            await asyncio.sleep(LOOK_S)

    async def _forget_on(self) -> None:
        while True:
            removed = 0
            try:
                async with self._database.begin() as connection:
                    removed = await alerts.forget(connection)
            except DatabaseError as error:
                log.warning("deliveries are removed later: %s", in_words(error))
            await asyncio.sleep(FORGET_S if removed < alerts.FORGOTTEN_AT_ONCE else LOOK_S)

    async def _send_on(self) -> None:
        while True:
            try:
                async with self._database.begin() as connection:
                    due = await alerts.claim(connection)
                await asyncio.gather(*(self._send(one) for one in due))
            except (DatabaseError, *UNREADABLE) as error:
                log.warning("deliveries wait for the database: %s", in_words(error))
                due = []
            if not due:
                await asyncio.sleep(SEND_S)

    async def _send(self, due: Due) -> None:
        try:
            async with asyncio.timeout(ATTEMPT_S):
                status = await post(due, private=self._private)
            failure = None if 200 <= status < 300 else f"expected a status of 200 to 299, got {status}"
        except AddressRefused as error:
            status, failure = None, str(error)
        except TimeoutError:
            status, failure = None, f"no answer within {ATTEMPT_S:.0f} s"
        except (httpx.HTTPError, OSError, ValueError) as error:
            status, failure = None, f"{type(error).__name__}: {error}"
        DELIVERIES.labels("delivered" if failure is None else "failed").inc()
        if failure is not None:
            log.warning("delivery %s to webhook %s, attempt %s: %s", due.id, due.webhook, due.attempt, failure)
        async with self._database.begin() as connection:
            await alerts.settle(connection, due, status, failure)


async def post(due: Due, *, private: bool) -> int:
    """Make one attempt; returns the status of the answer.

    Raises:
        AddressRefused: the address is not one that may be asked.
        httpx.HTTPError, OSError, ValueError: it could not be asked, or did not answer.
    """
    place = await pinned(due.url, private=private)
    body = json.dumps(due.payload | {"id": due.id}, ensure_ascii=False, sort_keys=True).encode()
    at = str(int(time.time()))
    headers = {
        "Host": place.host,
        "Content-Type": "application/json",
        "User-Agent": "galapagos",
        "Galapagos-Delivery": str(due.id),
        "Galapagos-Kind": due.kind.value,
        "Galapagos-Timestamp": at,
        "Galapagos-Signature": f"{VERSION}={signature(due.secret, at, body)}",
    }
    # No proxy and no credentials of the environment: they would reach where the pinned address does not.
    async with (
        httpx.AsyncClient(timeout=ATTEMPT_S, follow_redirects=False, trust_env=False) as client,
        client.stream("POST", place.url, content=body, headers=headers, extensions={"sni_hostname": place.name}) as response,
    ):
        read = 0
        async for piece in response.aiter_raw():
            read += len(piece)
            if read > LARGEST_ANSWER:
                break
        return response.status_code


def signature(secret: str, at: str, body: bytes) -> str:
    """HMAC-SHA256, in hexadecimal, of the time of the attempt, a point and the body."""
    return hmac.digest(secret.encode(), at.encode() + b"." + body, hashlib.sha256).hex()
