"""The command that says how long a project keeps the texts of ended runs."""

from database import projects, retention
from database.engine import Connection
from galapagos import options
from galapagos.cli_people import change, project_app
from galapagos.people_options import KeptOption, ProjectArgument, Retention, checked_days
from galapagos.rows import tell


@project_app.command("retention")
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
