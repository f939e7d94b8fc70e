"""One proposal, chosen from the state: the only place where operator, parent, inspirations and model come together."""

from evolution import bandit, tuning
from evolution.events import Proposed
from evolution.proposal import MODEL_OPERATORS, Operator, Propensity
from evolution.randomness import stream
from evolution.selection.by_name import STRATEGIES
from evolution.state import SearchState

REPAIR_SHARE = 0.5


def choose(state: SearchState, progress: float) -> Proposed:
    """The next proposal, a function of the state and `progress` alone.

    The running tuning session comes first if it wants one, then with `REPAIR_SHARE` a repair if one waits; else the
    strategy and the bandits decide.
    """
    tuned = _tune(state, progress)
    if tuned is not None:
        return tuned
    number, share = state.next_number, 1.0
    if state.repairs and bandit.may_ask(state, state.repairs[0].model):
        if stream(state.seed, "repair", number).random() < REPAIR_SHARE:
            return _repair(state, progress)
        share = 1.0 - REPAIR_SHARE
    selected = STRATEGIES[state.config.strategy].select(state, number, progress)
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
    )


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
