"""`iid_best_of_n`: the seed program is always the parent, nothing inspires. The null hypothesis: independent samples."""

from evolution.selection.strategy import Selected
from evolution.state import SearchState


class IidBestOfN:
    """Independent children of the seed program."""

    def select(self, state: SearchState, number: int, progress: float) -> Selected:  # noqa: ARG002  # no chance, no cooling
        """Choose the seed program."""
        island = state.islands[0]
        return Selected(0, island.founder, island.founder_score, (), 1.0, 1.0, 1.0)
