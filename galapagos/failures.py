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
