"""`seq_best_of_n`: the best program so far is the parent, nothing inspires. The stronger null hypothesis."""

from evolution.selection.strategy import Selected
from evolution.state import SearchState


class SeqBestOfN:
    """A hill climber: every choice is certain."""

    def select(self, state: SearchState, number: int, progress: float) -> Selected:  # noqa: ARG002  # no chance, no cooling
        """Choose the best recorded program."""
        island, best = state.islands[0], state.best
        parent, score = (island.founder, island.founder_score) if best is None else (best.number, best.score)
        return Selected(0, parent, score, (), 1.0, 1.0, 1.0)
