"""When islands come and go. Plans only: the events move the programs."""

from evolution.events import IslandReset, IslandSpawned
from evolution.run import StrategyName
from evolution.state import SearchState


def plan(state: SearchState) -> IslandSpawned | IslandReset | None:
    """A new island, or a reset, when every island stagnates for `config.stagnation` of its own evaluations.

    Both start from the seed program, and the new population grows alone until it is mature: one that starts from an
    elite, or learns from others at once, soon holds the same programs as they do. On `circle_packing_26` a single
    population gained next to nothing after 2,000 to 4,000 evaluations, whatever it had reached by then.
    """
    if state.seed_elite is None or not _all_stagnate(state):
        return None
    founder = state.seed_elite[1].number
    if len(state.islands) < state.config.max_islands:
        return IslandSpawned(island=len(state.islands), founder=founder)
    doomed = doomed_island(state)
    if doomed is None or _is_busy(state, doomed):
        return None
    return IslandReset(island=doomed, founder=founder)


def doomed_island(state: SearchState) -> int | None:
    """The island with the lowest best, which is founded anew as soon as nothing of it is in flight; None if none is."""
    if not 2 <= state.config.max_islands <= len(state.islands) or not _all_stagnate(state):
        return None
    return min(range(len(state.islands)), key=lambda index: float(state.islands[index].archive.scores.max()))


def _all_stagnate(state: SearchState) -> bool:
    if state.config.strategy is not StrategyName.ISLANDS:
        return False
    return all(island.stagnates(state.config.stagnation) for island in state.islands)


def _is_busy(state: SearchState, index: int) -> bool:
    """Whether children of the old population may still come: they would take the new one over."""
    if state.tuning is not None and state.tuning.island == index:
        return True
    return any(pending.island == index for pending in state.pending.values())
