"""When islands come and go. Plans only: the events move the programs."""

from evolution.events import IslandReset, IslandSpawned
from evolution.randomness import stream
from evolution.run import StrategyName
from evolution.state import SearchState


def plan(state: SearchState) -> IslandSpawned | IslandReset | None:
    """A new island, or the worst one's reset, when no island's best rose for `config.stagnation` evaluations.

    A new island is founded by a random elite, so that it starts elsewhere than the best one; when there are
    `max_islands`, the island with the lowest best is founded anew by the best elite of all.
    """
    config = state.config
    if config.strategy is not StrategyName.ISLANDS or not state.islands:
        return None
    newest = max(state.last_founding, *(island.last_gain for island in state.islands))
    if state.evaluations - newest < config.stagnation:
        return None
    if len(state.islands) < config.max_islands:
        rng = stream(state.seed, "founder", state.next_number)
        source = state.islands[int(rng.integers(len(state.islands)))].archive
        return IslandSpawned(island=len(state.islands), founder=source.at(int(rng.integers(len(source)))).number)
    return _reset(state)


def _reset(state: SearchState) -> IslandReset | None:
    tops = [(float(island.archive.scores.max()), -index) for index, island in enumerate(state.islands)]
    best = state.islands[-max(tops)[1]].archive.best()
    worst = -min(tops)[1]
    if len(tops) < 2 or best is None:
        return None
    return IslandReset(island=worst, founder=best.number)
