"""What is limited, and for whom: a run spends at the expense of itself, of its project and of the person who started it."""

from enum import StrEnum

LONGEST_RETENTION_DAYS = 36_500
"""A project may have its texts kept for so long, or for ever."""


class Resource(StrEnum):
    """What can be spent. `TOKENS` count what models read and wrote; `EVALUATIONS` proposals whose program was judged.

    `GPU_MILLISECONDS` count for how long evaluations held GPUs, those of seed programs and verifications too.
    """

    MICRO_DOLLARS = "micro_dollars"
    TOKENS = "tokens"
    EVALUATIONS = "evaluations"
    GPU_MILLISECONDS = "gpu_milliseconds"

    @property
    def words(self) -> str:
        """As people say it; what is counted in parts is said in the whole."""
        return "GPU seconds" if self is Resource.GPU_MILLISECONDS else self.value.replace("_", "-")

    def text(self, amount: int) -> str:
        """So much of it, as people say it: `40 micro-dollars`, `2.5 GPU seconds`."""
        number = f"{amount / 1000:.3f}".rstrip("0").rstrip(".") if self is Resource.GPU_MILLISECONDS else str(amount)
        return f"{number} {self.words}"


class Share(StrEnum):
    """What projects and runs take turns in: slots of evaluators, and the model calls and mutations of workers.

    `GPUS` are those of evaluators, for problems with stages that hold one; all other evaluations take turns in slots.
    """

    EVALUATIONS = "evaluations"
    MODEL_CALLS = "model_calls"
    MUTATIONS = "mutations"
    GPUS = "gpus"


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
