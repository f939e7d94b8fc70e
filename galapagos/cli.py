"""The command line."""

import json
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import typer

from database.ending import ending
from galapagos.failures import ExitCode, exit_code

COMMANDS = {
    "run": "galapagos.cli_run:run",
    "resume": "galapagos.cli_run:resume",
    "pause": "galapagos.cli_steer:pause",
    "unpause": "galapagos.cli_steer:unpause",
    "stop": "galapagos.cli_steer:stop",
    "steer": "galapagos.cli_steer:steer",
    "runs": "galapagos.cli_look:list_runs",
    "show": "galapagos.cli_look:show",
    "export": "galapagos.cli_look:export",
    "report": "galapagos.cli_look:report",
    "check": "galapagos.cli_run:check",
    "audit": "galapagos.cli_audit:audit",
    "new": "galapagos.cli_new:new",
    "certify": "galapagos.cli_certify:certify",
    "import": "galapagos.cli_import:import_folder",
    "verify": "galapagos.cli_run:verify",
    "serve": "galapagos.cli_serve:serve",
    "problems": "galapagos.cli_look:list_problems",
    "table": "galapagos.cli_table:table",
    "optimizer": "galapagos.cli_optimizer:optimizer",
    "people": "galapagos.cli_people:people_app",
    "token": "galapagos.cli_people:token_app",
    "project": "galapagos.cli_retention:project_app",
    "remote": "galapagos.remote.groups:remote_app",
}
"""Where each command, or group of commands, is defined."""


def app_for(words: Sequence[str]) -> typer.Typer:
    """The command line, with only the command that comes first in `words` where one does: to load all takes half a second."""
    app = typer.Typer(
        name="galapagos",
        help="Evolve programs: candidates are made by mutation, tuning and language models, and judged in a sandbox.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        # Without it, one command alone would be the whole command line.
        callback=lambda: None,
    )
    for name in words[:1] if words and words[0] in COMMANDS else COMMANDS:
        module, attribute = COMMANDS[name].split(":")
        found = getattr(import_module(module), attribute)
        if isinstance(found, typer.Typer):
            app.add_typer(found, name=name)
        else:
            app.command(name)(found)
    return app


def main() -> None:
    """Run a command; errors end it with one message and an exit code that docs/cli.md lists."""
    with ending():
        _run()


def _run() -> None:
    try:
        app_for(sys.argv[1:])()
    except SystemExit as end:
        if end.code == ExitCode.BAD_INPUT and "--json" in sys.argv:
            _print_json({"error": "the command line cannot be used; standard error says why", "exit_code": 2})
        raise
    except KeyboardInterrupt:
        _end("interrupted", ExitCode.INTERRUPTED)
    except Exception as error:
        code = exit_code(error)
        if code is None:
            raise
        _end(str(error), code)


def _end(message: str, code: ExitCode) -> None:
    sys.stderr.write(f"galapagos: {message}\n")
    if "--json" in sys.argv:
        _print_json({"error": message, "exit_code": int(code)})
    sys.exit(int(code))


def _print_json(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer, ensure_ascii=False) + "\n")
