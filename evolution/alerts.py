"""What people are told of while nobody looks."""

from enum import StrEnum


class AlertKind(StrEnum):
    """What a webhook can be told of. `TEST` is sent when somebody asks for it."""

    BUDGET = "budget"
    PLATEAU = "plateau"
    VERIFIED_BEST = "verified_best"
    RUN_ENDED = "run_ended"
    TEST = "test"
