"""The command that says how long a project keeps the texts of ended runs."""

from dataclasses import dataclass
from typing import Annotated

import typer

from database import projects, retention
from database.engine import Connection
from galapagos import options
from galapagos.cli_people import change
from galapagos.failures import ExitCode, Failure
from galapagos.people_options import ProjectArgument
from galapagos.rows import tell

KeptOption = Annotated[str | None, typer.Option("--days", metavar="N", help="1 to 36500, or `none`: for ever.")]


@dataclass(frozen=True, slots=True)
class Retention:
    """What the command answers; no days: for ever."""

    project: str
    days: int | None


def keep_texts(
    project: ProjectArgument,
    days: KeptOption = None,
    data: options.DataOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """Let ended runs lose, after so many days, the texts that nothing of lasting worth needs; without it, tell for how long."""
    chosen = None if days is None else checked_days(days)

    async def work(connection: Connection) -> Retention:
        place = await projects.load(connection, project)
        if days is None:
            return Retention(place.name, await retention.days(connection, place.id))
        return Retention(place.name, await retention.set_days(connection, place.id, chosen, by=None))

    tell(change(data, work), as_json)


def checked_days(text: str) -> int | None:
    """The days that somebody names; None for `none`.

    Raises:
        Failure: they are neither.
    """
    if text == "none":
        return None
    if text.isdecimal() and len(text) <= 5 and 1 <= int(text) <= retention.LONGEST_DAYS:
        return int(text)
    raise Failure(f"expected 1 to {retention.LONGEST_DAYS} days, or none; got {text!r}", ExitCode.BAD_INPUT)
