"""The search state as rows: a small JSON snapshot beside the tables of elites and valid programs."""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import astuple
from typing import Any

from evolution.archive import Elite
from evolution.events import Cell
from evolution.problem import FeatureAxis
from evolution.proposal import Operator, TuningStep
from evolution.run import Budget, ModelChoice, RunConfig, StopReason
from evolution.state import SearchState
from evolution.state_values import Arm, Best, Droughts, Injection, Island, Pending, Pin, Repairable, TuningSession

PLAIN = (
    "events",
    "next_number",
    "evaluations",
    "valid_total",
    "records",
    "tuned",
    "tune_asked",
    "tune_evaluations",
    "tuning_ended_at",
    "verification_asked_at",
    "seed_refused",
    "finished",
    "champion",
)


def snapshot(state: SearchState) -> dict[str, Any]:
    """All of the state that JSON must keep: everything but the elites and the valid programs.

    Lists hold the fields of a value in the order of its definition.
    """
    stored: dict[str, Any] = {name: getattr(state, name) for name in PLAIN}
    stored["tuned"] = list(state.tuned)
    stored["seed_elite"] = None if state.seed_elite is None else [state.seed_elite[0], astuple(state.seed_elite[1])]
    stored["islands"] = [_island_stored(island) for island in state.islands]
    stored["pending"] = [[number, *_pending_stored(pending)] for number, pending in state.pending.items()]
    stored["operators"] = {operator.value: _arm_stored(arm) for operator, arm in state.operators.items()}
    stored["models"] = {name: _arm_stored(arm) for name, arm in state.models.items()}
    stored["best"] = None if state.best is None else astuple(state.best)
    stored["tuning"] = None if state.tuning is None else astuple(state.tuning)
    stored["repairs"] = [[*astuple(broken)] for broken in state.repairs]
    stored["verifying"] = sorted(state.verifying)
    stored["verified"] = [[number, score] for number, score in state.verified.items()]
    stored["droughts"] = astuple(state.droughts)
    stored["stopping"] = None if state.stopping is None else state.stopping.value
    stored["paused"] = state.paused
    stored["banned"] = sorted(state.banned)
    stored["pins"] = [astuple(pin) for pin in state.pins.values()]
    stored["injections"] = [astuple(given) for given in state.injections]
    stored["ideas"] = [[idea, left] for idea, left in state.ideas.items()]
    stored["in_force"] = [state.config.budget.model_dump(), [model.model_dump() for model in state.config.models]]
    return stored


def _arm_stored(arm: Arm) -> list[float]:
    return [arm.successes, arm.failures, arm.pending]


def _island_stored(island: Island) -> dict[str, Any]:
    return {
        "founder": [island.founder, island.founder_score, island.valid_from],
        "epsilon": island.epsilon,
        "evaluations": island.evaluations,
        "risen": [island.risen_to, island.risen_at],
        "children": island.archive.parents(),
    }


def _pending_stored(pending: Pending) -> list[Any]:
    step = pending.tuning
    return [
        pending.operator.value,
        pending.island,
        pending.parent,
        pending.parent_score,
        pending.model,
        None if step is None else [step.session, step.generation, step.index, step.population],
        None if pending.credit is None else pending.credit.value,
        pending.turns,
        pending.ideas,
    ]


def restore(
    config: RunConfig,
    axes: tuple[FeatureAxis, ...],
    seed: int,
    stored: Mapping[str, Any],
    elites: Iterable[tuple[int, Cell, Elite]],
    valid: Iterable[tuple[int, int, float]],
) -> SearchState:
    """The state that `snapshot` was taken of; `config` is what the run began with.

    `elites` are (island, cell, elite) in any order; `valid` the run's scored programs as (number, island, score)
    in order of admission (`program.valid_number`).
    """
    state = SearchState(config=_in_force(config, stored), axes=axes, seed=seed)
    for name in PLAIN:
        setattr(state, name, stored[name])
    state.tuned = list(stored["tuned"])
    if stored["seed_elite"] is not None:
        cell, elite = stored["seed_elite"]
        state.seed_elite = tuple(cell), Elite(*elite)
    state.islands = [_island(row) for row in stored["islands"]]
    state.pending = {row[0]: _pending(row[1:]) for row in stored["pending"]}
    state.operators = {
        operator: Arm(*stored["operators"][operator]) for operator in Operator if operator in stored["operators"]
    }
    state.models = {model.name: Arm(*stored["models"][model.name]) for model in state.config.models}
    state.best = None if stored["best"] is None else Best(*stored["best"])
    state.tuning = None if stored["tuning"] is None else TuningSession(*stored["tuning"])
    state.repairs = deque(_repairable(row) for row in stored["repairs"])
    state.verifying = set(stored["verifying"])
    state.verified = {number: score for number, score in stored["verified"]}  # noqa: C416  # says what the pairs are
    state.droughts = Droughts(*stored["droughts"])
    state.stopping = None if stored["stopping"] is None else StopReason(stored["stopping"])
    _restore_steering(state, stored)
    _fill_archives(state, stored, elites)
    _fill_valid(state, valid)
    for number in state.banned:
        for island in state.islands:
            island.bar(number)
    return state


def _restore_steering(state: SearchState, stored: Mapping[str, Any]) -> None:
    """What people told the run; nothing in a state that was saved before they could."""
    state.paused = stored.get("paused", False)
    state.banned = set(stored.get("banned", ()))
    state.pins = {row[0]: Pin(*row) for row in stored.get("pins", ())}
    state.injections = deque(Injection(*row) for row in stored.get("injections", ()))
    state.ideas = {idea: left for idea, left in stored.get("ideas", ())}  # noqa: C416  # says what the pairs are


def _in_force(config: RunConfig, stored: Mapping[str, Any]) -> RunConfig:
    """The configuration with the budget and the models that people set; a state saved before they could has none."""
    if "in_force" not in stored:
        return config
    budget, models = stored["in_force"]
    changed = {"budget": Budget(**budget), "models": tuple(ModelChoice(**model) for model in models)}
    return config.model_copy(update=changed)


def _island(row: Mapping[str, Any]) -> Island:
    founder, score, valid_from = row["founder"]
    risen_to, risen_at = row["risen"]
    island = Island(founder, score, valid_from, row["epsilon"], risen_to, row["evaluations"], risen_at)
    island.add_valid(island.founder, island.founder_score)
    return island


def _pending(row: list[Any]) -> Pending:
    operator, island, parent, parent_score, model, step, credit, turns, *ideas = row
    return Pending(
        Operator(operator),
        island,
        parent,
        parent_score,
        model,
        None if step is None else TuningStep(*step),
        None if credit is None else Operator(credit),
        turns,
        tuple(ideas[0]) if ideas else (),
    )


def _repairable(row: list[Any]) -> Repairable:
    number, island, parent_score, operator, model, turns = row
    return Repairable(number, island, parent_score, Operator(operator), model, turns)


def _fill_archives(state: SearchState, stored: Mapping[str, Any], elites: Iterable[tuple[int, Cell, Elite]]) -> None:
    children = [dict[int, int](row["children"]) for row in stored["islands"]]
    rows: list[list[tuple[Cell, Elite, int]]] = [[] for _ in state.islands]
    for index, cell, elite in elites:
        rows[index].append((tuple(cell), elite, children[index].get(elite.number, 0)))
    for island, found in zip(state.islands, rows, strict=True):
        island.archive.fill(found)


def _fill_valid(state: SearchState, valid: Iterable[tuple[int, int, float]]) -> None:
    for place, (number, index, score) in enumerate(valid):
        island = state.islands[index]
        if place >= island.valid_from:
            island.add_valid(number, score)
