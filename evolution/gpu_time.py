"""For how long GPUs may be held for the evaluations of a run: what is set aside for them before they are asked for."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil
from typing import Self

from evolution.loop import FINALISTS
from evolution.problem import Definition, Stage
from evolution.state import SearchState


@dataclass(frozen=True, slots=True)
class GpuTime:
    """The most that one evaluation can take of GPUs, in milliseconds: to steer the search, and to verify a program.

    That is the time limit of every stage that holds a GPU, as often as it is repeated.
    """

    search: int = 0
    verification: int = 0

    @classmethod
    def of(cls, definition: Definition) -> Self:
        """That of a problem: 0 where no stage holds a GPU."""
        public = [stage for stage in definition.stages if not stage.hidden]
        hidden = _milliseconds(stage for stage in definition.stages if stage.hidden)
        search = _milliseconds(public)
        # A stage whose picture failed is run once more without it.
        drawn = _once(public[-1]) if definition.picture is not None else 0
        return cls(search, search * definition.verification.repeats + hidden + drawn)

    @property
    def any(self) -> bool:
        """Whether evaluations hold GPUs at all."""
        return self.verification > 0

    def held(self, state: SearchState) -> int:
        """What is to be set aside now, so that all that was asked for can be paid, and `kept` after it."""
        if state.finished:
            return 0
        return self.search * len(state.pending) + self.verification * len(state.verifying) + self.kept(state)

    def kept(self, state: SearchState) -> int:
        """What the search leaves alone, so that the seed program, and at the end the best, can be verified."""
        if state.finished:
            return 0
        seed = 0 not in state.verifying and 0 not in state.verified
        finalists = 0 if state.stopping is not None and not state.pending else FINALISTS
        return self.verification * (finalists + seed)

    @property
    def at_first(self) -> int:
        """What is set aside for a run that begins: its seed program, and the verifications of `kept`."""
        return self.search + self.verification * (FINALISTS + 1)


def _milliseconds(stages: Iterable[Stage]) -> int:
    return sum(_once(stage) * stage.repeats for stage in stages)


def _once(stage: Stage) -> int:
    return milliseconds(stage.timeout_s * stage.gpus)


def milliseconds(seconds: float) -> int:
    """So many whole milliseconds, rounded up: what was begun counts."""
    return ceil(seconds * 1000)
