"""All commands that speak to a service, put together."""

from galapagos.remote.cli import remote_app
from galapagos.remote.cli_people import audit, people_app, token_app
from galapagos.remote.cli_projects import project_app, webhook_app
from galapagos.remote.cli_standing import fleet, spend
from galapagos.remote.cli_steer import COMMANDS
from galapagos.remote.cli_track import track

__all__ = ["remote_app"]

for command in (*COMMANDS, spend, fleet, track, audit):
    remote_app.command()(command)
for name, group in {"people": people_app, "token": token_app, "project": project_app, "webhook": webhook_app}.items():
    remote_app.add_typer(group, name=name)
