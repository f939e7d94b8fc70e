"""What is limited, and for whom: a run spends at the expense of itself, of its project and of the person who started it."""

from enum import StrEnum

LONGEST_RETENTION_DAYS = 36_500
"""A project may have its texts kept for so long, or for ever."""


class Resource(StrEnum):
    """What can be spent. `TOKENS` count what models read and wrote; `EVALUATIONS` proposals whose program was judged."""

    MICRO_DOLLARS = "micro_dollars"
    TOKENS = "tokens"
    EVALUATIONS = "evaluations"


class Share(StrEnum):
    """What projects and runs take turns in: slots of evaluators, and the model calls and mutations of workers."""

    EVALUATIONS = "evaluations"
    MODEL_CALLS = "model_calls"
    MUTATIONS = "mutations"


class Payer(StrEnum):
    """At whose expense something is spent."""

    RUN = "run"
    PROJECT = "project"
    PERSON = "person"


class Group(StrEnum):
    """By what spending is summed up."""

    PROJECT = "project"
    PERSON = "person"
    RUN = "run"
    MODEL = "model"
