"""What every request has at hand: the settings, the database, the configured models."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from database.engine import Database
from evolution.models import AnyModel
from server.event_feed import EventFeed
from server.recent import Recent
from server.settings import ServerSettings


@dataclass(frozen=True, slots=True)
class Service:
    """One serving process. `models` are the configured endpoints by name; their keys are not known here.

    `events` follows the logs of runs, `recent` remembers what every request would ask the database for.
    """

    settings: ServerSettings
    database: Database
    events: EventFeed
    recent: Recent
    models: Mapping[str, AnyModel]


def _service(request: Request) -> Service:
    return request.app.state.service


Served = Annotated[Service, Depends(_service)]
