"""What every search strategy offers."""

from dataclasses import dataclass
from typing import Protocol

from evolution.state import SearchState


@dataclass(frozen=True, slots=True)
class Selected:
    """A parent and its inspirations, each with the probability that it had, given the state.

    `parent_p` is given the island, `inspirations_p` given both; the latter is that of the inspirations in their order.
    """

    island: int
    parent: int
    parent_score: float
    inspirations: tuple[int, ...]
    island_p: float
    parent_p: float
    inspirations_p: float


class Strategy(Protocol):
    """A search strategy. It keeps nothing: the state and the number of the proposal decide alone."""

    def select(self, state: SearchState, number: int, progress: float) -> Selected:
        """Choose for proposal `number` at `progress` (0 to 1). The state has at least one valid program."""
        ...
