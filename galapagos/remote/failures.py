"""What can go wrong with a service."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldAtFault:
    """One field of a request that the service refuses, such as `body.config.lag`, and why."""

    field: str
    message: str


class ServiceError(Exception):
    """The service refused a request; the text is its own. `kind` is a stable name such as `urn:galapagos:not-found`."""

    def __init__(self, status: int, kind: str, detail: str, fields: Sequence[FieldAtFault] = ()) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.fields = tuple(fields)


class ServiceUnavailable(Exception):
    """The service cannot be reached, or cannot work now. What changes nothing was tried again for a while."""
