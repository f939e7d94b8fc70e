"""Which operator and which model: two factored Thompson bandits.

A pull succeeds when the child scores above its parent; counts decay (`state.DECAY`), and pulls in flight count as
failures until they end, so that many proposals at once do not all bet on one arm.

Thompson sampling has no closed form for the probability of an arm, and without it no choice could be re-weighted
later. So the posterior is drawn `DRAWS` times, and the arm is then drawn from the shares of those draws that each arm
won, every arm with one win for free. Given the draws, which the run's seed fixes, that probability is exact, never 0,
and independent of everything but the state: what an importance weight needs.
"""

from collections.abc import Sequence

import numpy as np
from numpy.random import Generator

from evolution.proposal import MODEL_OPERATORS, Operator
from evolution.randomness import stream
from evolution.run import ModelChoice
from evolution.state import SearchState
from evolution.state_values import Arm

DRAWS = 64


def choose_operator(state: SearchState, number: int, *, crossover: bool) -> tuple[Operator, float]:
    """The operator of proposal `number` and its probability; `crossover` tells whether there is a second parent.

    One that asks a model is offered only while a model has room.
    """
    asks = bool(with_room(state))
    offered = [
        operator
        for operator in state.operators
        if (crossover or operator is not Operator.CROSSOVER) and (asks or operator not in MODEL_OPERATORS)
    ]
    if len(offered) == 1:
        return offered[0], 1.0
    rng = stream(state.seed, "operator", number)
    index, chance = draw_arm([state.operators[operator] for operator in offered], [1.0] * len(offered), rng)
    return offered[index], chance


def choose_model(state: SearchState, number: int) -> tuple[str, float]:
    """The model of proposal `number` and its probability; a model's weight scales its draws from the posterior."""
    offered = with_room(state)
    if len(offered) == 1:
        return offered[0].name, 1.0
    arms = [state.models[model.name] for model in offered]
    rng = stream(state.seed, "model", number)
    index, chance = draw_arm(arms, [model.weight for model in offered], rng)
    return offered[index].name, chance


def with_room(state: SearchState) -> list[ModelChoice]:
    """The models of which another proposal may be in flight."""
    return [model for model in state.config.models if _has_room(state, model)]


def may_ask(state: SearchState, name: str) -> bool:
    """Whether another proposal of this model may be in flight."""
    return any(model.name == name for model in with_room(state))


def _has_room(state: SearchState, model: ModelChoice) -> bool:
    return model.in_flight is None or state.models[model.name].pending < model.in_flight


def arm_probabilities(arms: Sequence[Arm], scale: Sequence[float], rng: Generator) -> list[float]:
    """The chance of each arm, given the posterior draws that `rng` yields; they sum to 1."""
    won = 1.0 + np.array([arm.successes for arm in arms])
    lost = 1.0 + np.array([arm.failures + arm.pending for arm in arms])
    draws = rng.beta(won, lost, size=(DRAWS, len(arms))) * np.asarray(scale)
    wins = np.bincount(draws.argmax(axis=1), minlength=len(arms))
    return [(int(count) + 1) / (DRAWS + len(arms)) for count in wins]


def draw_arm(arms: Sequence[Arm], scale: Sequence[float], rng: Generator) -> tuple[int, float]:
    """The place of the chosen arm, and its probability. `scale` multiplies the arms' success rates."""
    chances = arm_probabilities(arms, scale, rng)
    index = min(int(np.searchsorted(np.cumsum(chances), rng.random(), side="right")), len(arms) - 1)
    return index, chances[index]
