"""Writes the description of the service's API to standard output: from it come the types of the dashboard."""

import json
import sys

from server.app import create_app
from server.settings import ServerSettings

# Nothing is connected: the description needs no database.
app = create_app(ServerSettings(database_url="postgresql://nobody@nowhere/none"))
sys.stdout.write(json.dumps(app.openapi()))
