"""What a process says of itself, on standard error: a line for people, or with GALAPAGOS_LOG=json an object for machines.

Whatever is logged within `about(run=..., program=...)` carries these numbers, however deep in the code it is said.
"""

import json
import logging
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType

from database.settings import PREFIX, LogFormat

TEXT = "%(asctime)s %(name)s %(levelname)s %(message)s"
VARIABLE = f"{PREFIX}LOG"

_ABOUT: ContextVar[dict[str, int]] = ContextVar("_ABOUT")


@contextmanager
def about(**numbers: int) -> Generator[None]:
    """Say of every record within the block which run, program or proposal it is about."""
    token = _ABOUT.set({**_ABOUT.get({}), **numbers})
    try:
        yield
    finally:
        _ABOUT.reset(token)


def start_logging(kind: str) -> None:
    """Log to standard error as GALAPAGOS_LOG says; `kind` names the process in JSON. Its value is checked with all settings."""
    handler = logging.StreamHandler(sys.stderr)
    if os.environ.get(VARIABLE) == LogFormat.JSON:
        handler.setFormatter(JsonFormatter(kind))
        logging.captureWarnings(capture=True)
        sys.excepthook = _log_the_end
    else:
        handler.setFormatter(logging.Formatter(TEXT))
    logging.basicConfig(level=logging.INFO, handlers=[handler])


class JsonFormatter(logging.Formatter):
    """One JSON object a record, as docs/operations.md describes it."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self._kind = kind

    def format(self, record: logging.LogRecord) -> str:
        """The object as one line."""
        fields: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "process": self._kind,
            "pid": record.process,
            "level": record.levelname.lower(),
            "logger": record.name,
            "text": record.getMessage(),
        }
        fields |= _ABOUT.get({})
        if record.exc_info:
            fields["trace"] = self.formatException(record.exc_info)
        return json.dumps(fields)


def _log_the_end(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    logging.getLogger(__name__).critical("the process ends: %s", error, exc_info=(kind, error, trace))
