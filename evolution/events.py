"""The log of a run: what happened, in gapless order, and enough of it to rebuild every choice.

A run's search state is the fold of these events (`evolution.state`). Only the controller writes them.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from evolution.evaluation import Verdict
from evolution.proposal import Operator, Propensity, Refusal, TuningStep
from evolution.run import Budget, ModelChoice, StopReason

Cell = tuple[int, ...]


class _Event(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Proposed(_Event):
    """A child was asked for. `progress` is the share of the budget used, 0 to 1, when it was chosen.

    `parent_score` is the score that the child must exceed to count as a success: the parent's, or for a repair, whose
    `parent` is the crashed program itself, that of the crashed program's parent. `ideas` and `injection` are numbers of
    commands: those whose ideas the model is told, and the one that holds the program of an `INJECT`.
    """

    kind: Literal["proposed"] = "proposed"
    number: int
    operator: Operator
    island: int
    parent: int
    parent_score: float
    inspirations: tuple[int, ...]
    model: str | None
    tuning: TuningStep | None
    propensity: Propensity
    progress: float
    ideas: tuple[int, ...] = ()
    injection: int | None = None


class Refused(_Event):
    """A proposal ended without an evaluated program; `duplicate_of` is the number of the program that it repeated."""

    kind: Literal["refused"] = "refused"
    number: int
    reason: Refusal
    duplicate_of: int | None = None


class Admitted(_Event):
    """A search evaluation was taken in. `features` are in axis order; `cell` and `placement` say where it went."""

    kind: Literal["admitted"] = "admitted"
    number: int
    program: int
    evaluation: int
    verdict: Verdict
    score: float | None
    features: tuple[float, ...] | None
    length: int
    literals: int
    cell: Cell | None
    placement: Literal["new", "improved", "not_better", "no_score"]


class NewBest(_Event):
    """The run's best recorded score rose; `evaluations` counts the search evaluations admitted so far."""

    kind: Literal["new_best"] = "new_best"
    number: int
    score: float
    evaluations: int


class IslandSpawned(_Event):
    """A new island was founded with a copy of one program in its cell."""

    kind: Literal["island_spawned"] = "island_spawned"
    island: int
    founder: int


class IslandReset(_Event):
    """An island's archive was emptied and founded anew with one program."""

    kind: Literal["island_reset"] = "island_reset"
    island: int
    founder: int


class TuningStarted(_Event):
    """Numeric tuning of one program began: `dimensions` literals, `generations` of `population` proposals each."""

    kind: Literal["tuning_started"] = "tuning_started"
    parent: int
    island: int
    dimensions: int
    population: int
    generations: int


class TuningEnded(_Event):
    """A tuning session ended; `gain` is the best score of the session less the score of its parent."""

    kind: Literal["tuning_ended"] = "tuning_ended"
    parent: int
    gain: float


class VerificationAsked(_Event):
    """A program is to be measured again in a fresh sandbox, on fresh seeds and the hidden stages.

    `command` is the number of the command by which somebody asked for it; None: the rules did.
    """

    kind: Literal["verification_asked"] = "verification_asked"
    number: int
    command: int | None = None


class Verified(_Event):
    """A verification came back; a host's fault leaves no verdict."""

    kind: Literal["verified"] = "verified"
    number: int
    evaluation: int
    verdict: Verdict | None
    score: float | None


class Resumed(_Event):
    """A controller took the run up again under a new epoch; `reopened`: after it had begun to end, to go on."""

    kind: Literal["resumed"] = "resumed"
    epoch: int
    reopened: bool = False


class Paused(_Event):
    """Somebody had the run pause: nothing is asked for, what is in flight is admitted, and the run's clock stands still."""

    kind: Literal["paused"] = "paused"


class Unpaused(_Event):
    """Somebody let the run go on."""

    kind: Literal["unpaused"] = "unpaused"


class BudgetSet(_Event):
    """The run's limits are others from here on: somebody set them, or reopened the run under them."""

    kind: Literal["budget_set"] = "budget_set"
    budget: Budget


class ModelsSet(_Event):
    """The run asks these models from here on, with these weights; none: its other operators alone go on."""

    kind: Literal["models_set"] = "models_set"
    models: tuple[ModelChoice, ...]


class ProgramInjected(_Event):
    """Somebody gave a program: the next proposal is its; `island` None leaves the place to the rules."""

    kind: Literal["program_injected"] = "program_injected"
    injection: int
    island: int | None


class IdeaGiven(_Event):
    """Models are told an idea of somebody's with their next `prompts` prompts; None: until it is withdrawn."""

    kind: Literal["idea_given"] = "idea_given"
    idea: int
    text: str
    prompts: int | None


class IdeaWithdrawn(_Event):
    """An idea is told no longer."""

    kind: Literal["idea_withdrawn"] = "idea_withdrawn"
    idea: int


class Pinned(_Event):
    """Program `number` is the parent of this share of the children that a strategy chooses, whatever the archive holds."""

    kind: Literal["pinned"] = "pinned"
    number: int
    share: float
    island: int
    score: float


class Unpinned(_Event):
    """A program is left to the strategy again."""

    kind: Literal["unpinned"] = "unpinned"
    number: int


class Banned(_Event):
    """A program is never again parent, inspiration, best or champion.

    `descendants` are those of its stored descendants that share its fate, as do the children of all of them that are in
    flight; None: it is alone.
    """

    kind: Literal["banned"] = "banned"
    number: int
    descendants: tuple[int, ...] | None


class Unbanned(_Event):
    """A program, and those of `descendants`, may be chosen again."""

    kind: Literal["unbanned"] = "unbanned"
    number: int
    descendants: tuple[int, ...] | None


class Stopping(_Event):
    """No more proposals are asked for; what is in flight is admitted and the champion verified."""

    kind: Literal["stopping"] = "stopping"
    reason: StopReason
    detail: str = ""


class Finished(_Event):
    """The run ended; `champion` is the program with the best verified score, None if nothing could be verified."""

    kind: Literal["finished"] = "finished"
    reason: StopReason
    champion: int | None


Event = Annotated[
    Proposed
    | Refused
    | Admitted
    | NewBest
    | IslandSpawned
    | IslandReset
    | TuningStarted
    | TuningEnded
    | VerificationAsked
    | Verified
    | Resumed
    | Paused
    | Unpaused
    | BudgetSet
    | ModelsSet
    | ProgramInjected
    | IdeaGiven
    | IdeaWithdrawn
    | Pinned
    | Unpinned
    | Banned
    | Unbanned
    | Stopping
    | Finished,
    Field(discriminator="kind"),
]

EVENT: TypeAdapter[Event] = TypeAdapter(Event)
"""Validates and serialises any event: `EVENT.validate_python(payload)`, `event.model_dump(mode="json")`."""
