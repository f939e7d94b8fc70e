"""A command to a run as an argument, here or at a service."""

from typing import Annotated

import typer
from pydantic import ValidationError

from evolution.commands import COMMAND, Command
from galapagos.failures import ExitCode, Failure

CommandArgument = Annotated[
    str,
    typer.Argument(metavar="COMMAND", help='A JSON object like \'{"kind": "pause"}\', or - to read one from standard input.'),
]


def command_of(text: str) -> Command:
    """The command that a JSON object says.

    Raises:
        Failure: it says none.
    """
    try:
        return COMMAND.validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the whole"
        raise Failure(
            f"expected a command as docs/steering.md lists them; {place}: {first['msg']}; correct it", ExitCode.BAD_INPUT
        ) from None
