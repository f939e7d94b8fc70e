"""What is limited, and for whom: a run spends at the expense of itself, of its project and of the person who started it."""

from enum import StrEnum


class Resource(StrEnum):
    """What can be spent. `TOKENS` count what models read and wrote; `EVALUATIONS` proposals whose program was judged."""

    MICRO_DOLLARS = "micro_dollars"
    TOKENS = "tokens"
    EVALUATIONS = "evaluations"


class Payer(StrEnum):
    """At whose expense something is spent."""

    RUN = "run"
    PROJECT = "project"
    PERSON = "person"
