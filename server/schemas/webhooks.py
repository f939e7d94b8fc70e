"""Webhooks and deliveries, as they are asked for and answered."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, field_validator, model_validator

from evolution.alerts import AlertKind
from server.outside import AddressRefused, parsed
from server.schemas.base import LARGEST_ID, Answer, Body, shown

WEBHOOK = {
    "id": 4,
    "project": 1,
    "url": "https://chat.example.org/hooks/abc",
    "kinds": ["budget", "plateau", "verified_best", "run_ended"],
    "shares": [50, 80, 100],
    "plateau_evaluations": 5000,
    "plateau_seconds": None,
    "created_at": "2026-03-01T12:00:00Z",
}


class WebhookRequest(Body):
    """A webhook to make. `plateau_...` say what is a plateau: no new best for so long; one at least for the kind `plateau`."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra=shown(
            {"url": "https://chat.example.org/hooks/abc", "kinds": ["plateau", "run_ended"], "plateau_evaluations": 5000}
        ),
    )

    url: Annotated[str, Field(min_length=1, max_length=2000, description="http or https")]
    secret: Annotated[str, Field(min_length=16, max_length=200)] | None = Field(
        default=None, description="what deliveries are signed with; drawn if left out"
    )
    kinds: Annotated[
        list[Literal[AlertKind.BUDGET, AlertKind.PLATEAU, AlertKind.VERIFIED_BEST, AlertKind.RUN_ENDED]],
        Field(min_length=1, max_length=4),
    ]
    shares: Annotated[list[Annotated[int, Field(ge=1, le=100)]], Field(min_length=1, max_length=10)] = Field(
        default=[50, 80, 100], description="percent of a limit that the kind `budget` tells of"
    )
    plateau_evaluations: Annotated[int, Field(ge=1, le=LARGEST_ID)] | None = None
    plateau_seconds: Annotated[float, Field(ge=1, le=1e9)] | None = Field(default=None, description="of active time")

    @field_validator("url")
    @classmethod
    def _usable(cls, url: str) -> str:
        try:
            parsed(url)
        except AddressRefused as error:
            raise ValueError(str(error)) from None
        return url

    @model_validator(mode="after")
    def _plateau(self) -> Self:
        if AlertKind.PLATEAU in self.kinds and self.plateau_evaluations is None and self.plateau_seconds is None:
            raise ValueError("expected plateau_evaluations or plateau_seconds beside the kind plateau; say what is a plateau")
        return self


class Webhook(Answer):
    """Where alerts of a project are sent. Its secret is told by nobody."""

    model_config = ConfigDict(frozen=True, json_schema_extra=shown(WEBHOOK))

    id: int
    project: int
    url: str
    kinds: list[AlertKind]
    shares: list[int]
    plateau_evaluations: int | None
    plateau_seconds: float | None
    created_at: datetime


class NewWebhook(Webhook):
    """A webhook that was just made. Nobody can tell its `secret` again."""

    model_config = ConfigDict(frozen=True, json_schema_extra=shown(WEBHOOK | {"secret": "b4f0..."}))

    secret: str


class Delivery(Answer):
    """An alert on its way. `next_at` is when it is tried again; null: it was delivered, or is given up."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra=shown(
            {
                "id": 93,
                "webhook": 4,
                "kind": "run_ended",
                "payload": {"kind": "run_ended", "project": 1, "run": 7, "reason": "evaluations", "champion": 655},
                "attempts": 1,
                "next_at": None,
                "delivered_at": "2026-03-01T12:31:00Z",
                "status": 204,
                "failure": None,
                "created_at": "2026-03-01T12:30:59Z",
            }
        ),
    )

    id: int
    webhook: int
    kind: AlertKind
    payload: dict[str, Any]
    attempts: int
    next_at: datetime | None
    delivered_at: datetime | None
    status: int | None = Field(description="of the last answer; null: there was none")
    failure: str | None = Field(description="of the last attempt, in words")
    created_at: datetime
