"""When numeric tuning of one program starts, goes on and ends.

A session is a run of generations: the proposals of one are asked together, and the next one is asked only when all of
them are closed, since the optimiser in the worker is rebuilt from the closed generations.
"""

import math

import numpy as np

from evolution.archive import Elite
from evolution.events import TuningEnded, TuningStarted
from evolution.proposal import TuningStep
from evolution.state import SearchState

DIMENSIONS = 8
EVALUATIONS_PER_DIMENSION = 100
STALLED_GENERATIONS = 15
FIRST_GENERATIONS = 3
PATIENCE = 30
PATIENCE_SHARE = 0.02
LAST_PHASE = 0.95
TOP = 8


def population_of(dimensions: int) -> int:
    """Proposals per generation: 4 + floor(3 ln d), the default of CMA-ES (Hansen, arXiv 1604.00772)."""
    return 4 + int(3 * math.log(dimensions))


def start(state: SearchState, progress: float) -> TuningStarted | None:
    """The session that should start now: on a plateau, and again and again in the last 5 % of the budget."""
    if not state.config.tune or state.tuning is not None or state.best is None or state.stopping is not None:
        return None
    waited = state.evaluations - max(state.best.evaluations, state.tuning_ended_at)
    if progress < LAST_PHASE and waited < max(PATIENCE, PATIENCE_SHARE * state.evaluations):
        return None
    if _allowance(state) < FIRST_GENERATIONS * population_of(1):
        return None
    found = _untuned(state)
    if found is None:
        return None
    island, elite = found
    dimensions = min(DIMENSIONS, elite.literals)
    population = population_of(dimensions)
    if _allowance(state) < FIRST_GENERATIONS * population:
        return None
    generations = math.ceil(EVALUATIONS_PER_DIMENSION * dimensions / population)
    return TuningStarted(
        parent=elite.number, island=island, dimensions=dimensions, population=population, generations=generations
    )


def next_step(state: SearchState, number: int) -> TuningStep | None:
    """The place that proposal `number` takes in the running session; None while its next generation must wait.

    A generation starts only if all of it stays within `tune_share` of the evaluations admitted so far.
    """
    session = state.tuning
    if session is None or session.asked == session.population:
        return None
    if session.asked == 0 and _allowance(state) < session.population:
        return None
    first = number if session.first is None else session.first
    return TuningStep(session=first, generation=session.generation, index=session.asked, population=session.population)


def end(state: SearchState) -> TuningEnded | None:
    """The end of the session, at the close of a generation; None while it is worth its evaluations.

    It ends after its last generation, one without any score, or one stall too many, and when the rest of the search has
    found better meanwhile: a session on `circle_packing_26` went on at 2.13 while the search was at 2.40.
    """
    session = state.tuning
    if session is None or session.asked or session.generation == 0:
        return None
    overtaken = state.best is not None and session.overtaken(state.best.score)
    done = session.generation >= session.generations or session.stalled >= STALLED_GENERATIONS or session.barren
    if not done and not overtaken:
        return None
    gain = 0.0 if session.best is None else session.best - session.parent_score
    return TuningEnded(parent=session.parent, gain=gain)


def _allowance(state: SearchState) -> int:
    return math.floor(state.config.tune_share * state.evaluations) - state.tune_asked


def _untuned(state: SearchState) -> tuple[int, Elite] | None:
    """The best of the top elites of all islands that has a literal and was not tuned since it became an elite."""
    found: list[tuple[float, int, int, Elite]] = []
    for index, island in enumerate(state.islands):
        archive = island.archive
        for place in np.argsort(-archive.scores, kind="stable")[:TOP]:
            elite = archive.at(int(place))
            if elite.literals > 0 and elite.number not in state.tuned and elite.number not in state.banned:
                found.append((-elite.score, elite.number, index, elite))
    if not found:
        return None
    _, _, island, elite = min(found, key=lambda item: item[:3])
    return island, elite
