"""`islands`: a MAP-Elites archive per island, its better and less used elites preferred."""

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from evolution.archive import Archive
from evolution.randomness import stream
from evolution.selection.inspirations import draw_inspirations
from evolution.selection.strategy import Selected
from evolution.state import SearchState
from evolution.state_values import Island

SLOPE = 10.0
SPREAD_FLOOR = 1e-12


def elite_probabilities(archive: Archive, progress: float) -> NDArray[np.float64]:
    """The probability of each elite as a parent, in the order of `archive.scores`; they sum to 1.

    Proportional to sigmoid(slope x (score - median) / MAD) / (1 + children), as in ShinkaEvolve (arXiv 2509.19349).
    The slope is cooled: half of `SLOPE` at the start of the budget, `SLOPE` in the middle, its double at the end.
    """
    scores = archive.scores
    median = float(np.median(scores))
    spread = max(float(np.median(np.abs(scores - median))), SPREAD_FLOOR * max(1.0, abs(median)))
    slope = SLOPE * 2.0 ** (2.0 * progress - 1.0)
    # Beyond 60 the sigmoid is 1 (or e^-60) to double precision, and exp could overflow.
    exponents = np.clip(-slope / spread * (scores - median), -60.0, 60.0)
    weights = 1.0 / (1.0 + np.exp(exponents)) / (1.0 + archive.children)
    return weights / weights.sum()


def parent_probability(island: Island, elite: float, epsilon: float) -> float:
    """The chance of one valid program: `elite` is its chance among the elites, 0 if it is none."""
    return (1.0 - epsilon) * elite + epsilon / len(island.valid)


def draw_parent(island: Island, progress: float, rng: Generator) -> tuple[int, float, float]:
    """A parent's number, its score, and the probability of drawing it: an elite, or with `epsilon` any valid program."""
    archive = island.archive
    chances = elite_probabilities(archive, progress)
    if rng.random() < island.epsilon:
        index = int(rng.integers(len(island.valid)))
        number, score = island.valid[index], island.scores[index]
    else:
        place = int(np.searchsorted(np.cumsum(chances), rng.random(), side="right"))
        elite = archive.at(min(place, len(archive) - 1))
        number, score = elite.number, elite.score
    chance = float(chances[archive.index_of(number)]) if number in archive else 0.0
    return number, score, parent_probability(island, chance, island.epsilon)


class Islands:
    """Islands take turns by chance, each alike."""

    def select(self, state: SearchState, number: int, progress: float) -> Selected:
        """Choose an island, a parent of it, and inspirations of it and another."""
        index = 0
        if len(state.islands) > 1:
            index = int(stream(state.seed, "island", number).integers(len(state.islands)))
        parent, score, chance = draw_parent(state.islands[index], progress, stream(state.seed, "parent", number))
        rng = stream(state.seed, "inspirations", number)
        inspirations, together = draw_inspirations(state, index, parent, state.config.inspirations, rng)
        return Selected(index, parent, score, inspirations, 1.0 / len(state.islands), chance, together)
