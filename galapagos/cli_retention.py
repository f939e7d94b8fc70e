"""The command that says how long a project keeps the texts of ended runs."""

from dataclasses import dataclass
from typing import Annotated

import typer

from database import projects, retention
from database.engine import Connection
from galapagos import options
from galapagos.cli_people import ProjectArgument, change, tell
from galapagos.failures import ExitCode, Failure

DaysOption = Annotated[str | None, typer.Option("--days", metavar="N", help="1 to 36500, or `none`: for ever.")]


@dataclass(frozen=True, slots=True)
class Retention:
    """What the command answers; no days: for ever."""

    project: str
    days: int | None


def keep_texts(
    project: ProjectArgument,
    days: DaysOption = None,
    data: options.DataOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """Let ended runs lose, after so many days, the texts that nothing of lasting worth needs; without it, tell for how long."""
    chosen = None if days in {None, "none"} else _checked(str(days))

    async def work(connection: Connection) -> Retention:
        place = await projects.load(connection, project)
        if days is None:
            return Retention(place.name, await retention.days(connection, place.id))
        return Retention(place.name, await retention.set_days(connection, place.id, chosen, by=None))

    tell(change(data, work), as_json)


def _checked(text: str) -> int:
    if text.isdecimal() and len(text) <= 5 and 1 <= int(text) <= retention.LONGEST_DAYS:
        return int(text)
    raise Failure(f"expected 1 to {retention.LONGEST_DAYS} days, or none; got {text!r}", ExitCode.BAD_INPUT)
