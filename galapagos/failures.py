"""How a command ends: exit codes, and the errors that are told to a person in one message."""

from enum import IntEnum


class ExitCode(IntEnum):
    """What a command's end means.

    `DONE`: it ended as asked. `FAILED`: it ran, and what it found is not what was asked for. `BAD_INPUT`: a problem,
    option or setting cannot be used. `MACHINE`: this machine or its database cannot do it now. `INTERRUPTED`: somebody
    pressed Ctrl-C.
    """

    DONE = 0
    FAILED = 1
    BAD_INPUT = 2
    MACHINE = 3
    INTERRUPTED = 130


class Failure(Exception):
    """Ends a command with one message (what was expected, what came, what to do) and an exit code."""

    def __init__(self, message: str, code: ExitCode) -> None:
        super().__init__(message)
        self.code = code


def exit_code(error: Exception) -> ExitCode | None:
    """How a command ends with this error, if its text is meant for a person."""
    if isinstance(error, Failure):
        return error.code
    # Loaded here, since most commands end without an error, and some without a database.
    from database.errors import DatabaseError, NotAllowed, NotFound, WrongDatabaseUrl
    from database.settings import SettingsError
    from evaluators.sandbox import SandboxUnavailable
    from evolution.models import ModelsError
    from evolution.problem import ProblemError

    if isinstance(error, ProblemError | SettingsError | ModelsError | NotFound | NotAllowed | WrongDatabaseUrl):
        return ExitCode.BAD_INPUT
    return ExitCode.MACHINE if isinstance(error, DatabaseError | SandboxUnavailable) else None
