"""From what can go wrong to the answer that tells of it."""

import logging
from typing import Any, cast

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from database.errors import Damaged, DatabaseUnavailable, NotAllowed, NotFound, WrongDatabaseUrl
from evolution.problem import ProblemError
from server.once import Replayed, again
from server.problem_details import FieldError, Refusal, answer

log = logging.getLogger(__name__)

RETRY_S = 2
"""After so many seconds a database that was away may be asked again."""
LONGEST_MESSAGE = 500


def handle_errors(app: FastAPI) -> None:
    """Let every failure of the service become problem+json."""
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(Replayed, _replayed)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(ProblemError, _lines_at_fault)
    for kind, status in {NotFound: 404, NotAllowed: 409, Damaged: 409}.items():
        app.add_exception_handler(kind, _with_status(status))
    app.add_exception_handler(DatabaseUnavailable, _unavailable)
    app.add_exception_handler(WrongDatabaseUrl, _unavailable)
    app.add_exception_handler(Exception, _internal)


async def _refused(_request: Request, error: Exception) -> Response:
    refusal = cast("Refusal", error)
    return answer(refusal.status, refusal.detail, refusal.errors, refusal.headers)


async def _replayed(_request: Request, error: Exception) -> Response:
    return again(cast("Replayed", error))


async def _invalid(_request: Request, error: Exception) -> Response:
    """Validation by FastAPI. What stands in the body is a 422, what stands in the address or a header a 400."""
    items = cast("RequestValidationError", error).errors()
    found = [field_error(item) for item in items]
    in_body = all(item["loc"][:1] == ("body",) for item in items)
    said = "; ".join(f"{item.field}: {item.message}" for item in found)
    return answer(422 if in_body else 400, said[: 4 * LONGEST_MESSAGE], found)


async def _http(_request: Request, error: Exception) -> Response:
    found = cast("HTTPException", error)
    said = found.detail
    if found.status_code == 404:
        said = "nothing is served at this address; /api/v1/openapi.json describes what is"
    elif found.status_code == 405:
        said = "this address does not know the method; /api/v1/openapi.json describes what it knows"
    return answer(found.status_code, said, headers=dict(found.headers or {}))


async def _lines_at_fault(_request: Request, error: Exception) -> Response:
    return answer(422, str(error), [FieldError(field="body", message=line) for line in str(error).splitlines()])


def _with_status(status: int) -> Any:
    async def handler(_request: Request, error: Exception) -> Response:
        return answer(status, str(error))

    return handler


async def _unavailable(_request: Request, error: Exception) -> Response:
    # The text may hold addresses of the inside: they are for the log.
    log.warning("the database does not answer: %s", error)
    said = f"the database does not answer now; nothing was changed; try again in {RETRY_S} s"
    return answer(503, said, headers={"Retry-After": str(RETRY_S)})


async def _internal(request: Request, error: Exception) -> Response:
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return answer(500, "the service failed; its log says why; nothing was changed")


def field_error(item: Any) -> FieldError:
    """One complaint of pydantic: where it is, what was expected, what came."""
    field = ".".join(str(part) for part in item["loc"]) or "body"
    came = "" if item["type"] in {"missing", "json_invalid"} else f"; got {item.get('input')!r}"
    return FieldError(field=field, message=f"{item['msg']}{came}"[:LONGEST_MESSAGE])
