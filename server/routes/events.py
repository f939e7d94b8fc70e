"""The log of a run: in pages, and live."""

import json
import logging
import random
from collections.abc import AsyncGenerator
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Header, Query, Response
from pydantic import BaseModel, ConfigDict, Field
from sse_starlette import EventSourceResponse

from database import events
from database.errors import DatabaseError, DatabaseUnavailable
from evolution.people import Action
from server.auth import RunAccess, RunFor
from server.event_feed import EventFeed, as_json
from server.problem_details import details, problems
from server.schemas.base import shown
from server.service import Served

log = logging.getLogger(__name__)
router = APIRouter(tags=["events"], responses=problems(401, 404))
ReadableRun = Annotated[RunAccess, Depends(RunFor(Action.READ))]

LONGEST_S = 600.0
"""A stream ends after so long, so that nobody follows a run for ever with a token that was revoked; clients come back."""
SPREAD_S = 60.0
"""Streams that began together end apart by as much, so that not all come back at once."""
SEND_S = 30.0
"""A client that takes nothing for so long is let go."""
PING_S = 15
_EXAMPLE: dict[str, Any] = {
    "number": 42,
    "at": "2026-11-21T09:30:00.123456+00:00",
    "kind": "new_best",
    "program": 17,
    "score": 2.4312,
    "evaluations": 16,
}
_STREAM = f"id: 42\nevent: events\ndata: {json.dumps([_EXAMPLE])}\n\n"


class LoggedItem(BaseModel):
    """An event of a run. Its further fields depend on `kind` and are those of the log's page in the documentation.

    `number` counts a run's events from 1 without gaps; `program` is a program's number within the run; scores are raw.
    """

    model_config = ConfigDict(extra="allow")

    number: int
    at: str
    kind: str


class EventPage(BaseModel):
    """Events in order. `next` is what to give as `after` to get those behind them; it stays valid when none came yet."""

    model_config = ConfigDict(json_schema_extra=shown({"items": [_EXAMPLE], "next": 42}))

    items: list[LoggedItem]
    next: int = Field(description="number of the last event here, or `after` again if there is none yet")


After = Annotated[int, Query(ge=0, le=1 << 62, description="the number of an event: those behind it are wanted")]


@router.get("/runs/{run}/events", summary="Events of a run, in pages", response_model=EventPage)
async def list_events(
    access: ReadableRun, service: Served, after: After = 0, limit: Annotated[int, Query(ge=1, le=1000)] = 200
) -> Response:
    """The events behind `after`, oldest first; ask again with `next` for what follows."""
    async with service.database.begin() as connection:
        found = await events.read_stored(connection, access.run, after, limit)
    # Not by way of the model, which costs more than the database: events were validated when they were written.
    items = [as_json(one, access.sign) for one in found]
    page = msgspec.json.encode({"items": items, "next": found[-1].number if found else after})
    return Response(page, media_type="application/json")


@router.get(
    "/runs/{run}/events/stream",
    summary="Events of a run, live",
    response_class=EventSourceResponse,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}, "example": _STREAM}}}},
)
async def stream_events(
    access: ReadableRun,
    service: Served,
    after: Annotated[int | None, Query(ge=0, le=1 << 62, description="begin behind this event; left out: from now on")] = None,
    last_event_id: Annotated[int | None, Header(ge=0, le=1 << 62, description="goes before `after`")] = None,
) -> EventSourceResponse:
    """Server-sent events, at most four messages a second.

    Each message is named `events`, has as its data a list of events in the form of the pages, and as its id the number of
    the last of them, so that a client that was cut off goes on where it was, without loss or doubles. A stream ends by
    itself after some ten minutes, or with a message `failure` (data: problem details); come back with `Last-Event-ID`. It
    outlives the end of the run, which may be reopened.
    """
    begin = last_event_id if last_event_id is not None else after
    return EventSourceResponse(_stream(service.events, access.run, begin), ping=PING_S, send_timeout=SEND_S)


async def _stream(feed: EventFeed, run: int, after: int | None) -> AsyncGenerator[bytes]:
    try:
        async for text in feed.messages(run, after, LONGEST_S + random.uniform(0, SPREAD_S)):
            yield text
    except DatabaseUnavailable as error:
        log.warning("a stream of run %s ends: %s", run, error)
        yield _failure(503, "the database does not answer now; come back in a moment")
    except DatabaseError as error:
        yield _failure(409, str(error))


def _failure(status: int, detail: str) -> bytes:
    return f"event: failure\ndata: {json.dumps(details(status, detail))}\n\n".encode()
