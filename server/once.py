"""A request that may be sent twice and is done once: with the header `Idempotency-Key`."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, Any

from fastapi import Depends, Header, Request, Response
from pydantic import BaseModel

from database import answered_requests
from database.answered_requests import AnsweredRequest
from database.engine import Connection
from server.auth import Signed
from server.problem_details import FieldError, Refusal, problems

RETRY_S = 1
JSON = "application/json"
REPLAY: dict[str, Any] = {
    "Idempotent-Replay": {
        "description": "`true`: the first answer to this Idempotency-Key, told again; nothing was done",
        "schema": {"type": "string", "enum": ["true"]},
    }
}
REFUSED = problems(409, 422)
"""What a route that is done once may answer beside its own."""
Key = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=255,
        pattern="^[!-~]+$",
        description="a name of this request that nobody else has, such as a UUID: sent again within 24 hours by the same "
        "person, it is answered alike and does nothing",
    ),
]


class Replayed(Exception):
    """Ends a request that was answered before with that answer."""

    def __init__(self, answered: AnsweredRequest) -> None:
        super().__init__(answered.status)
        self.answered = answered


@dataclass(frozen=True, slots=True)
class Once:
    """One request of a person. `key` None: it is done as often as it is sent. `request` is the SHA-256 of what it asks."""

    person: int
    key: str | None
    request: bytes

    async def replay(self, connection: Connection) -> None:
        """Go on only if it was not answered before. Costs nothing without a key.

        Raises:
            Replayed: it was.
            Refusal: another request had its key.
        """
        if self.key is None:
            return
        found = await answered_requests.find(connection, self.person, self.key)
        if found is None:
            return
        if found.request != self.request:
            said = "expected the request that this key was sent with first; got another one; choose a new key for it"
            raise Refusal(422, said, [FieldError(field="header.idempotency-key", message=said)])
        raise Replayed(found)

    async def begin(self, connection: Connection) -> None:
        """Hold the key in the transaction that does what is asked.

        Raises:
            Replayed: it was answered meanwhile.
            Refusal: it is being answered now, or another request had its key.
        """
        if self.key is None:
            return
        if not await answered_requests.hold(connection, self.person, self.key):
            said = f"a request with this Idempotency-Key is under way; ask again in {RETRY_S} s to get its answer"
            raise Refusal(409, said, headers={"Retry-After": str(RETRY_S)})
        await self.replay(connection)

    async def answer(self, connection: Connection, status: int, body: BaseModel) -> Response:
        """The answer, kept in the transaction that did what was asked."""
        text = body.model_dump_json()
        if self.key is not None:
            await answered_requests.keep(connection, self.person, self.key, AnsweredRequest(self.request, status, text))
        return Response(text, status, media_type=JSON)


async def _once(request: Request, caller: Signed, idempotency_key: Key = None) -> Once:
    asked = f"{request.method} {request.url.path}?{request.url.query}\n".encode() + await request.body()
    return Once(caller.person, idempotency_key, sha256(asked).digest())


DoneOnce = Annotated[Once, Depends(_once)]
"""Call `begin` first and `answer` last in the transaction that does what is asked; both do nothing more without a key."""


def again(replayed: Replayed) -> Response:
    """The first answer."""
    found = replayed.answered
    return Response(found.body, found.status, {"Idempotent-Replay": "true"}, JSON)
