"""What the service answers when something is wrong: problem+json of RFC 9457, with the fields at fault."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse

MEDIA_TYPE = "application/problem+json"


class FieldError(BaseModel):
    """One field at fault: where it stands, such as `body.config.lag` or `query.sort`, and what is wrong with it."""

    field: str
    message: str


class ProblemDetails(BaseModel):
    """Why a request failed. `type` names the kind of failure and never changes; `detail` is for people."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:galapagos:not-found",
                    "title": "Not Found",
                    "status": 404,
                    "detail": "there is no run 12 in this database; the newest are 3, 2, 1",
                    "errors": [],
                }
            ]
        }
    )

    type: str = Field(description="a stable name of the kind of failure")
    title: str
    status: int
    detail: str
    errors: list[FieldError] = []


TYPES = {
    400: "bad-request",
    401: "no-token",
    403: "not-allowed-to-you",
    404: "not-found",
    405: "method-not-allowed",
    406: "not-acceptable",
    409: "not-allowed-now",
    413: "too-large",
    415: "unsupported-media-type",
    422: "invalid",
    429: "too-many-requests",
    500: "internal",
    503: "unavailable",
}
"""The kinds of failure that there are, by their status."""


class Refusal(Exception):
    """Ends a request with a status and the reason in words: what was expected, what came, what to do."""

    def __init__(
        self, status: int, detail: str, errors: Sequence[FieldError] = (), headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = list(errors)
        self.headers = headers


def removed(run: int, number: int) -> Refusal:
    """That the source of a program is gone."""
    return Refusal(
        409,
        f"the source of program {number} of run {run} was removed by the retention of its project; choose one that was kept: "
        "an elite, a record, the champion or one of its ancestors",
    )


def answer(status: int, detail: str, errors: Sequence[FieldError] = (), headers: dict[str, str] | None = None) -> JSONResponse:
    """The response that tells of a failure."""
    return JSONResponse(details(status, detail, errors), status, headers, MEDIA_TYPE)


def details(status: int, detail: str, errors: Sequence[FieldError] = ()) -> dict[str, Any]:
    """The body of such a response."""
    return ProblemDetails(
        type=f"urn:galapagos:{TYPES.get(status, 'bad-request')}",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        errors=list(errors),
    ).model_dump()


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The failures of a route beyond those that every route has, for its description."""
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}},
        }
        for status in statuses
    }
