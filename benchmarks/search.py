"""Does evolution beat simple loops at equal evaluations? The same mutations, judged in this very process.

    python -m benchmarks.search [--problem circle_packing_26] [--evaluations 20000] [--seeds 1 2 3] [--arms islands ...]

Arms: every search strategy (`islands`, `greedy`, `seq_best_of_n`, `iid_best_of_n`), each also with numeric tuning
(`islands+tune` …), and `ten_best`, the bare loop that mutates a random one of the ten best programs. No database
and no sandbox takes part, so that many thousand evaluations cost a minute; candidates run unconfined, so only
built-in problems whose judge calls one Python function are served. Prints one JSON object with the best recorded score
of every seed and its median.
"""

import argparse
import contextlib
import importlib.util
import json
import math
import signal
import statistics
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType, ModuleType, SimpleNamespace
from typing import Any

from evolution import loop
from evolution.evaluation import Verdict
from evolution.events import Event, Proposed
from evolution.normalise import normalise
from evolution.problem import Problem
from evolution.proposal import Refusal
from evolution.randomness import stream
from evolution.run import Budget, RunConfig, StrategyName
from evolution.state import SearchState
from evolution.words import read_vocabulary
from galapagos.problem_folder import find_problem_folder, read_problem_folder
from workers.mutation.mutant import Mutant, Parsed, mutants, read_program
from workers.mutation.tuning import TuningSession

TIME_LIMIT_S = 0.25
HARNESS = Path(__file__).parents[1] / "evaluators" / "harness"


class TooSlow(BaseException):
    """A candidate ran into the time limit; not an Exception, so that no candidate swallows it."""


class Judge:
    """The problem's own judge, calling the candidate's functions in this process."""

    def __init__(self, problem: Problem, folder: Path) -> None:
        sys.path[:0] = [str(folder), str(HARNESS)]
        spec = importlib.util.spec_from_file_location("judge", folder / problem.definition.judge)
        assert spec is not None
        assert spec.loader is not None
        self._rejected: type[Exception] = importlib.import_module("galapagos_judge").Rejected
        self._judge: ModuleType = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self._judge)
        self._path = problem.definition.seed[0]
        signal.signal(signal.SIGALRM, _too_slow)

    def __call__(self, files: dict[str, str]) -> tuple[float, dict[str, float]] | None:
        """The raw score and the features of a candidate; None if it has none."""
        try:
            found = self._within_the_limit(files[self._path])
        except (Exception, TooSlow):  # noqa: BLE001 - whatever a candidate does, it only fails
            return None
        return (float(found["score"]), found.get("features", {})) if math.isfinite(found["score"]) else None

    def of_answer(self, answer: object) -> float | None:
        """The raw score of an answer to any call; None if the judge rejects it."""
        try:
            return float(self._judge.evaluate(SimpleNamespace(call=lambda _name: answer), None)["score"])
        except self._rejected:
            return None

    def _within_the_limit(self, text: str) -> dict[str, Any]:
        scope: dict[str, Any] = {"__name__": "candidate"}
        signal.setitimer(signal.ITIMER_REAL, TIME_LIMIT_S)
        try:
            exec(compile(text, self._path, "exec"), scope)  # noqa: S102 - what no isolation gives
            return self._judge.evaluate(SimpleNamespace(call=lambda name: scope[name]()), None)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0.0)


def _too_slow(_number: int, _frame: FrameType | None) -> None:
    raise TooSlow


class Children:
    """The mutations of a run, as its workers would make them; duplicates of earlier programs are drawn again."""

    def __init__(self, problem: Problem, seed: int) -> None:
        self._language = problem.definition.language
        self._words = read_vocabulary(problem.definition.mutation.vocabulary)
        self._seed = seed
        self._files: dict[int, dict[str, str]] = {0: problem.seed_files}
        self._parsed: dict[int, Parsed] = {}
        self._known = {normalise(problem.seed_files, self._language).hash}
        self._sessions: dict[int, TuningSession] = {}

    def keep(self, number: int, child: Mutant) -> None:
        """Remember a program under its number."""
        self._files[number] = dict(child.files)

    def mutated(self, number: int, parent: int, inspirations: tuple[int, ...]) -> Mutant | None:
        """A new child, None if every draw was known already."""
        others = [_reader(self._read, other) for other in inspirations if other != parent]
        drawn = mutants(self._read(parent), others, self._words, stream(self._seed, "mutate", number))
        return next((child for child in drawn if self._is_new(child)), None)

    def tuned(self, event: Proposed, scores: dict[tuple[int, int], float]) -> Mutant | None:
        """The candidate that a step of a tuning session stands for."""
        step = event.tuning
        assert step is not None
        if step.session not in self._sessions:
            self._sessions[step.session] = TuningSession(self._read(event.parent), self._seed, step.session, step.population)
        session = self._sessions[step.session]
        while session.generation < step.generation:
            session.tell([scores.get((session.generation, index)) for index in range(step.population)])
        child = session.candidate(step.index)
        return child if self._is_new(child) else None

    def _is_new(self, child: Mutant) -> bool:
        new = child.normalised.hash not in self._known
        self._known.add(child.normalised.hash)
        return new

    def _read(self, number: int) -> Parsed:
        if number not in self._parsed:
            if len(self._parsed) > 500:
                self._parsed.clear()
            self._parsed[number] = read_program(self._files[number], self._language)
        return self._parsed[number]


def _reader(read: Callable[[int], Parsed], number: int) -> Callable[[], Parsed]:
    return lambda: read(number)


def evolve(problem: Problem, judge: Judge, config: RunConfig, seed: int) -> float:
    """A whole run by the rules of `evolution.loop`, one proposal at a time; returns the best recorded score."""
    state = SearchState.begin(config, problem.definition.axes, seed)
    children = Children(problem, seed)
    seed_program = normalise(problem.seed_files, problem.definition.language)
    _admit(state, problem, 0, judge(problem.seed_files), seed_program.length, seed_program.literals)
    scores: dict[int, dict[tuple[int, int], float]] = {}
    while loop.stop_reason(state, 0.0, 0, 1.0) is None:
        for event in _proposed(loop.propose(state, 1, loop.progress_of(state, 0.0, 0))):
            told = scores.setdefault(event.tuning.session, {}) if event.tuning else {}
            with contextlib.suppress(ValueError, SyntaxError):
                child = (
                    children.tuned(event, told)
                    if event.tuning
                    else children.mutated(event.number, event.parent, event.inspirations)
                )
                if child is not None:
                    children.keep(event.number, child)
                    found = judge(dict(child.files))
                    if found and event.tuning:
                        told[event.tuning.generation, event.tuning.index] = problem.definition.score.sign * found[0]
                    _admit(state, problem, event.number, found, child.normalised.length, child.normalised.literals)
                    continue
            loop.refuse(state, event.number, Refusal.DUPLICATE, None)
    assert state.best is not None
    return state.best.score


def _proposed(events: list[Event]) -> Iterator[Proposed]:
    return (event for event in events if isinstance(event, Proposed))


def _admit(
    state: SearchState,
    problem: Problem,
    number: int,
    found: tuple[float, dict[str, float]] | None,
    length: int,
    literals: int,
) -> None:
    score = problem.definition.score.sign * found[0] if found else None
    verdict = Verdict.SCORED if found else Verdict.CRASHED
    loop.admit(state, loop.Evaluated(number, number, number, verdict, score, found[1] if found else {}, length, literals))


def ten_best(problem: Problem, judge: Judge, evaluations: int, seed: int) -> float:
    """The bare loop: a random one of the ten best is mutated, with another of them as inspiration."""
    children = Children(problem, seed)
    found = judge(problem.seed_files)
    assert found is not None
    sign = problem.definition.score.sign
    best = [(sign * found[0], 0)]
    number = done = 0
    while done < evaluations:
        number += 1
        rng = stream(seed, "ten_best", number)
        parent, other = (best[int(rng.integers(len(best)))][1] for _ in range(2))
        child = children.mutated(number, parent, (other,))
        if child is None:
            continue
        done += 1
        found = judge(dict(child.files))
        if found is None or (len(best) == 10 and sign * found[0] <= best[-1][0]):
            continue
        children.keep(number, child)
        best.append((sign * found[0], number))
        best.sort(key=lambda pair: -pair[0])
        del best[10:]
    return best[0][0]


def run_arm(arm: str, problem: Problem, judge: Judge, evaluations: int, seed: int) -> float:
    """The best recorded score of one arm with one seed."""
    if arm == "ten_best":
        return ten_best(problem, judge, evaluations, seed)
    name, _, tune = arm.partition("+")
    config = RunConfig(strategy=StrategyName(name), tune=bool(tune), budget=Budget(evaluations=evaluations))
    return evolve(problem, judge, config, seed)


def main() -> None:
    """Run all arms and print their scores."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--problem", default="circle_packing_26")
    parser.add_argument("--evaluations", type=int, default=20_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--arms", nargs="+", default=["islands+tune", "islands", "ten_best", "seq_best_of_n", "iid_best_of_n"])
    chosen = parser.parse_args()
    folder = find_problem_folder(chosen.problem)
    problem = read_problem_folder(folder)
    judge = Judge(problem, folder)
    table: dict[str, object] = {}
    for arm in chosen.arms:
        scores = [run_arm(arm, problem, judge, chosen.evaluations, seed) for seed in chosen.seeds]
        table[arm] = {"median": statistics.median(scores), "scores": scores}
        print(arm, table[arm], file=sys.stderr)
    print(json.dumps({"problem": chosen.problem, "evaluations": chosen.evaluations, "best": table}, indent=1))


if __name__ == "__main__":
    main()
