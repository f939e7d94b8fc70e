"""What can go wrong with the program database, and what to do about it.

DatabaseError
├── DatabaseUnavailable     the server is away or undid the transaction: wait, then do the same again
├── WrongDatabaseUrl        the address is not usable: correct it
├── EmbeddedPostgresError   the embedded server cannot start
│   └── DataFolderBusy      another process of Galapagos uses the data folder
├── NotFound                no such run, problem or program
├── EpochLost               another controller took the run: stop writing
├── EventGap                an event would not follow the newest one
├── Damaged                 stored rows are not what they should be
└── NotAllowed              the row's state forbids what was asked
"""

from sqlalchemy.exc import DBAPIError


class DatabaseError(Exception):
    """Base of all errors of the program database."""


class DatabaseUnavailable(DatabaseError):
    """The transaction did not happen, through no fault of its content: wait a moment and do the same again."""


class WrongDatabaseUrl(DatabaseError, ValueError):
    """The address of the database cannot be used as it is."""


class EmbeddedPostgresError(DatabaseError):
    """The embedded server cannot be started."""


class DataFolderBusy(EmbeddedPostgresError):
    """Another process uses the data folder."""


class NotFound(DatabaseError, LookupError):
    """There is no such run, problem or program."""


class EpochLost(DatabaseError):
    """Another controller adopted the run; the one that sees this must write nothing more to it."""


class EventGap(DatabaseError):
    """Events must follow the newest one of their run without a gap."""


class Damaged(DatabaseError):
    """Stored rows are not what they should be; the text says which run they belong to and what to do."""


class NotAllowed(DatabaseError):
    """The state of the row forbids what was asked; the text says what to do instead."""


UNREADABLE: tuple[type[Exception], ...] = (
    Damaged,
    EventGap,
    DBAPIError,
    ArithmeticError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
)
"""What rows that are not what they should be can raise where they are read, computed with, or written anew.

Catch errors of the server and of its address before them: `DatabaseUnavailable`, and `WrongDatabaseUrl`, a ValueError.
"""


def in_words(error: Exception) -> str:
    """One of `UNREADABLE` for people: its kind and its first line, without the statement that brought it up."""
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"[:500]
