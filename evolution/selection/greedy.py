"""`greedy`: the best program, now and then any valid one. The baseline that nothing beats by much."""

from evolution.randomness import stream
from evolution.selection.inspirations import draw_inspirations
from evolution.selection.strategy import Selected
from evolution.state import SearchState


class Greedy:
    """With probability 1 - `config.epsilon` the best program is the parent, else all valid programs have the same chance."""

    def select(self, state: SearchState, number: int, progress: float) -> Selected:  # noqa: ARG002  # nothing is cooled
        """Choose the parent; inspirations are elites of the one archive."""
        island, epsilon, best = state.islands[0], state.config.epsilon, state.best
        parent, score = (island.founder, island.founder_score) if best is None else (best.number, best.score)
        chance = 1.0 - epsilon
        rng = stream(state.seed, "parent", number)
        if rng.random() < epsilon:
            drawn, score = island.eligible_at(int(rng.integers(island.eligible)))
            chance = chance if drawn == parent else 0.0
            parent = drawn
        inspirations, together = draw_inspirations(
            state, 0, parent, state.config.inspirations, stream(state.seed, "inspirations", number)
        )
        return Selected(0, parent, score, inspirations, 1.0, chance + epsilon / island.eligible, together)
