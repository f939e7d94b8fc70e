"""The command line."""

import json
import sys
from typing import Any

import typer

from database.errors import DatabaseError, NotAllowed, NotFound, WrongDatabaseUrl
from database.operation import ending
from database.settings import SettingsError
from evaluators.sandbox import SandboxUnavailable
from evolution.models import ModelsError
from evolution.problem import ProblemError
from galapagos.cli_certify import certify
from galapagos.cli_import import import_folder
from galapagos.cli_look import export, list_problems, list_runs, report, show
from galapagos.cli_people import people_app, project_app, token_app
from galapagos.cli_retention import keep_texts
from galapagos.cli_run import check, resume, run, verify
from galapagos.cli_serve import serve
from galapagos.cli_steer import pause, steer, stop, unpause
from galapagos.cli_table import table
from galapagos.failures import ExitCode, Failure
from galapagos.remote import cli_steer as remote_steering
from galapagos.remote.cli import remote_app
from galapagos.remote.cli_people import audit
from galapagos.remote.cli_people import people_app as remote_people_app
from galapagos.remote.cli_people import token_app as remote_token_app
from galapagos.remote.cli_projects import project_app as remote_project_app
from galapagos.remote.cli_projects import webhook_app
from galapagos.remote.cli_standing import fleet, spend
from galapagos.remote.cli_track import track

app = typer.Typer(
    name="galapagos",
    help="Evolve programs: candidates are made by mutation, tuning and language models, and judged in a sandbox.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for name, command in {
    "run": run,
    "resume": resume,
    "pause": pause,
    "unpause": unpause,
    "stop": stop,
    "steer": steer,
    "runs": list_runs,
    "show": show,
    "export": export,
    "report": report,
    "check": check,
    "certify": certify,
    "import": import_folder,
    "verify": verify,
    "serve": serve,
    "problems": list_problems,
    "table": table,
}.items():
    app.command(name)(command)
project_app.command("retention")(keep_texts)
for command in (*remote_steering.COMMANDS, spend, fleet, track, audit):
    remote_app.command()(command)
for name, group in {
    "people": remote_people_app,
    "token": remote_token_app,
    "project": remote_project_app,
    "webhook": webhook_app,
}.items():
    remote_app.add_typer(group, name=name)
for name, group in {"people": people_app, "token": token_app, "project": project_app, "remote": remote_app}.items():
    app.add_typer(group, name=name)

_BAD_INPUT = (ProblemError, SettingsError, ModelsError, NotFound, NotAllowed, WrongDatabaseUrl)


def main() -> None:
    """Run a command; errors end it with one message and an exit code that docs/cli.md lists."""
    with ending():
        _run()


def _run() -> None:
    try:
        app()
    except SystemExit as end:
        if end.code == ExitCode.BAD_INPUT and "--json" in sys.argv:
            _print_json({"error": "the command line cannot be used; standard error says why", "exit_code": 2})
        raise
    except Failure as error:
        _end(str(error), error.code)
    except _BAD_INPUT as error:
        _end(str(error), ExitCode.BAD_INPUT)
    except (DatabaseError, SandboxUnavailable) as error:
        _end(str(error), ExitCode.MACHINE)
    except KeyboardInterrupt:
        _end("interrupted", ExitCode.INTERRUPTED)


def _end(message: str, code: ExitCode) -> None:
    sys.stderr.write(f"galapagos: {message}\n")
    if "--json" in sys.argv:
        _print_json({"error": message, "exit_code": int(code)})
    sys.exit(int(code))


def _print_json(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer, ensure_ascii=False) + "\n")
