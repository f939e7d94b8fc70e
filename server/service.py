"""What every request has at hand: the settings, the database, the configured models."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request

from database import problem_lists
from database.engine import Connection, Database
from evolution.models import AnyModel
from evolution.problem import Definition
from server.bell import Bell
from server.event_feed import EventFeed
from server.recent import Recent
from server.settings import ServerSettings
from server.tallies import Tallies

if TYPE_CHECKING:
    # It needs what the extra `oidc` installs.
    from server.oidc.provider import Provider

KEPT_DEFINITIONS = 256


@dataclass(frozen=True, slots=True)
class Service:
    """One serving process. `models` are the configured endpoints by name; their keys are not known here.

    `events` follows the logs of runs, `recent` remembers what every request would ask the database for,
    `tallies` what was counted of them, `provider` is who signs people in, if anybody does.
    """

    settings: ServerSettings
    database: Database
    events: EventFeed
    bell: Bell
    recent: Recent
    tallies: Tallies
    models: Mapping[str, AnyModel]
    provider: "Provider | None" = None
    definitions: dict[str, Definition] = field(default_factory=dict[str, Definition])

    async def definition(self, connection: Connection, revision: str) -> Definition:
        """The definition of a problem, which never changes: the newest ones that were asked for are kept.

        Raises:
            NotFound: no such revision.
        """
        found = self.definitions.get(revision)
        if found is None:
            if len(self.definitions) >= KEPT_DEFINITIONS:
                self.definitions.pop(next(iter(self.definitions)))
            found = self.definitions[revision] = await problem_lists.definition(connection, revision)
        return found


def _service(request: Request) -> Service:
    return request.app.state.service


Served = Annotated[Service, Depends(_service)]
