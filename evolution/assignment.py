"""What people and agents are asked in a model's place, and what became of it."""

from enum import StrEnum


class AssignmentState(StrEnum):
    """`OPEN` to whoever leases it, `LEASED` by somebody, `ANSWERED`, or `WITHDRAWN`: it came too late, or the run ended."""

    OPEN = "open"
    LEASED = "leased"
    ANSWERED = "answered"
    WITHDRAWN = "withdrawn"
