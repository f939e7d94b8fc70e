"""One proposal, chosen from the state: the only place where operator, parent, inspirations and model come together."""

from dataclasses import replace

from evolution import bandit, tuning
from evolution.events import Proposed
from evolution.proposal import MODEL_OPERATORS, Operator, Propensity
from evolution.randomness import stream
from evolution.run import StrategyName
from evolution.selection.by_name import STRATEGIES
from evolution.selection.inspirations import draw_inspirations
from evolution.selection.strategy import Selected
from evolution.state import SearchState

REPAIR_SHARE = 0.5
INSPIRED = frozenset({StrategyName.ISLANDS, StrategyName.GREEDY})
"""The strategies that show other programs beside a parent."""


def choose(state: SearchState, progress: float) -> Proposed:
    """The next proposal, a function of the state and `progress` alone.

    A program that somebody gave comes first, then the running tuning session if it wants one, then with `REPAIR_SHARE` a
    repair if one waits; else the pins, the strategy and the bandits decide.
    """
    if state.injections:
        return _inject(state, progress)
    tuned = _tune(state, progress)
    if tuned is not None:
        return tuned
    number, share = state.next_number, 1.0
    if state.repairs and bandit.may_ask(state, state.repairs[0].model):
        if stream(state.seed, "repair", number).random() < REPAIR_SHARE:
            return _repair(state, progress)
        share = 1.0 - REPAIR_SHARE
    selected = _select(state, number, progress)
    operator, chance = bandit.choose_operator(state, number, crossover=bool(selected.inspirations))
    model, model_p = bandit.choose_model(state, number) if operator in MODEL_OPERATORS else (None, 1.0)
    propensity = Propensity(selected.island_p, selected.parent_p, share * chance, model_p, selected.inspirations_p)
    return Proposed(
        number=number,
        operator=operator,
        island=selected.island,
        parent=selected.parent,
        parent_score=selected.parent_score,
        inspirations=selected.inspirations,
        model=model,
        tuning=None,
        propensity=propensity,
        progress=progress,
        ideas=state.told_ideas if operator in MODEL_OPERATORS else (),
    )


def _select(state: SearchState, number: int, progress: float) -> Selected:
    """With the share of each pin its program is the parent; else the strategy decides.

    A pin's share stands as the probability of its parent, beside 1 for its island; the rest multiplies the strategy's.
    """
    strategy = STRATEGIES[state.config.strategy]
    pinned = sum(pin.share for pin in state.pins.values())
    if not state.pins:
        return strategy.select(state, number, progress)
    drawn = stream(state.seed, "pin", number).random()
    for pin in state.pins.values():
        if drawn < pin.share:
            count = state.config.inspirations if state.config.strategy in INSPIRED else 0
            rng = stream(state.seed, "inspirations", number)
            inspirations, together = draw_inspirations(state, pin.island, pin.number, count, rng)
            return Selected(pin.island, pin.number, pin.score, inspirations, 1.0, pin.share, together)
        drawn -= pin.share
    selected = strategy.select(state, number, progress)
    return replace(selected, parent_p=(1.0 - pinned) * selected.parent_p)


def _inject(state: SearchState, progress: float) -> Proposed:
    given = state.injections[0]
    return Proposed(
        number=state.next_number,
        operator=Operator.INJECT,
        island=_best_island(state) if given.island is None else given.island,
        parent=state.islands[0].founder,
        parent_score=state.islands[0].founder_score,
        inspirations=(),
        model=None,
        tuning=None,
        propensity=Propensity(1.0, 1.0, 1.0, 1.0, 1.0),
        progress=progress,
        injection=given.command,
    )


def _best_island(state: SearchState) -> int:
    return max(range(len(state.islands)), key=lambda index: (float(state.islands[index].archive.scores.max()), -index))


def _tune(state: SearchState, progress: float) -> Proposed | None:
    step = tuning.next_step(state, state.next_number)
    if step is None or state.tuning is None:
        return None
    return Proposed(
        number=state.next_number,
        operator=Operator.TUNE,
        island=state.tuning.island,
        parent=state.tuning.parent,
        parent_score=state.tuning.parent_score,
        inspirations=(),
        model=None,
        tuning=step,
        propensity=Propensity(1.0, 1.0, 1.0, 1.0, 1.0),
        progress=progress,
    )


def _repair(state: SearchState, progress: float) -> Proposed:
    broken = state.repairs[0]
    return Proposed(
        number=state.next_number,
        operator=Operator.REPAIR,
        island=broken.island,
        parent=broken.number,
        parent_score=broken.parent_score,
        inspirations=(),
        model=broken.model,
        tuning=None,
        propensity=Propensity(1.0, 1.0, REPAIR_SHARE, 1.0, 1.0),
        progress=progress,
    )
