"""What can go wrong with the program database, and what to do about it.

DatabaseError
├── DatabaseUnavailable     the server is away or undid the transaction: wait, then do the same again
├── WrongDatabaseUrl        the address is not usable: correct it
├── EmbeddedPostgresError   the embedded server cannot start
│   └── DataFolderBusy      another process of Galapagos uses the data folder
├── NotFound                no such run, problem or program
├── EpochLost               another controller took the run: stop writing
├── EventGap                an event would not follow the newest one
└── NotAllowed              the row's state forbids what was asked
"""


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


class NotAllowed(DatabaseError):
    """The state of the row forbids what was asked; the text says what to do instead."""
