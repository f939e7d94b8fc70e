"""Evolve from Python: what `galapagos run` does, with a typed result."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from galapagos.function_problem import function_problem


class EvolveError(RuntimeError):
    """The run did not start, or ended otherwise than asked. `exit_code` is that of `galapagos run`."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@dataclass(frozen=True, slots=True)
class EvolveResult:
    """How a run ended. Scores are raw, in the problem's unit; `spent` is in dollars, `seconds` in active time.

    `files` are the evolvable files of the best program, by path. `verified_score` is the one to quote: it was measured
    again in a fresh sandbox on fresh seeds. `score_isolated` is false where the evaluator of another system's folder made
    the scores in the candidate's box.
    """

    run: int
    stop_reason: str
    seed_score: float | None
    best_score: float | None
    verified_score: float | None
    evaluations: int
    programs: int
    seconds: float
    spent: float
    score_isolated: bool
    files: dict[str, str]
    report: Path

    @property
    def source(self) -> str:
        """The text of the best program's first evolvable file."""
        return next(iter(self.files.values()))


def evolve(
    problem: str | Path | Callable[..., Any],
    judge: Callable[..., Any] | None = None,
    *,
    seconds: float | None = None,
    evaluations: int | None = None,
    budget: float | None = None,
    target: float | None = None,
    seed: int | None = None,
    strategy: str | None = None,
    models: Sequence[str] = (),
    minimize: bool = False,
    packages: Sequence[str] = (),
    vocabulary: Sequence[str] = (),
    timeout_s: float = 10.0,
    data: str | Path | None = None,
    plain: bool = False,
) -> EvolveResult:
    """Run the evolution of a problem to its end.

    Args:
        problem: a built-in problem's name, a problem folder, or a function to be evolved (its docstring is the statement).
        judge: for a function: `judge(candidate)` or `judge(candidate, context)` returns a score; `candidate.call(name,
            *args)` calls the evolved function in its sandbox. See `galapagos.function_problem` for what it may use.
        seconds: limit of active time.
        evaluations: limit of evaluated programs.
        budget: limit of money for models, in dollars.
        target: raw score at which the run ends.
        seed: of all random choices.
        strategy: name of the search strategy.
        models: configured models as NAME, NAME=WEIGHT or NAME=WEIGHT:IN_FLIGHT.
        minimize: for a function: a smaller score is better.
        packages: for a function: packages that it or its judge imports.
        vocabulary: for a function: expressions that mutation may insert.
        timeout_s: for a function: wall time of one judgement.
        data: folder of the database and the results; default `GALAPAGOS_DATA` or `.galapagos`.
        plain: run candidates with reduced isolation, only for code that you trust.

    Raises:
        EvolveError: the run did not start or ended otherwise than asked; its text says what to do.
        ProblemError: the functions cannot be made into a problem.
    """
    given = {"seconds": seconds, "evaluations": evaluations, "budget": budget, "target": target}
    given |= {"seed": seed, "strategy": strategy, "data": data}
    options = [f"--{name}={value}" for name, value in given.items() if value is not None]
    options += [f"--model={model}" for model in models] + (["--plain"] if plain else [])
    if not callable(problem):
        if judge is not None:
            raise TypeError("judge belongs to a function; a problem folder names its own judge in problem.toml")
        return _run(str(problem), options)
    if judge is None:
        raise TypeError(f"expected a judge for the function {problem.__name__}: evolve(function, judge, ...)")
    files = function_problem(problem, judge, minimize=minimize, packages=packages, timeout_s=timeout_s, vocabulary=vocabulary)
    with tempfile.TemporaryDirectory(prefix="galapagos-") as folder:
        for name, content in files.items():
            (Path(folder) / name).write_bytes(content)
        return _run(folder, options)


def _run(problem: str, options: Sequence[str]) -> EvolveResult:
    # A process of its own: it works within notebooks and threads, and a kill of this process leaves nothing behind.
    command = [sys.executable, "-m", "galapagos", "run", "--json", *options, "--", problem]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            output, _ = process.communicate()
        except KeyboardInterrupt:
            output, _ = process.communicate()
    try:
        answer: dict[str, Any] = json.loads(output)
    except json.JSONDecodeError:
        raise EvolveError(
            f"galapagos run ended with exit code {process.returncode} and no result", process.returncode
        ) from None
    if process.returncode != 0:
        raise EvolveError(str(answer.get("error") or answer.get("stop_detail") or answer), process.returncode)
    best = Path(answer["best"])
    return EvolveResult(
        run=answer["run"],
        stop_reason=answer["stop_reason"],
        seed_score=answer["seed_score"],
        best_score=answer["best_score"],
        verified_score=answer["verified_score"],
        evaluations=answer["evaluations"],
        programs=answer["programs"],
        seconds=answer["seconds"],
        spent=answer["spent"],
        score_isolated=answer["score_isolated"],
        files={name: (best / name).read_text() for name in answer["files"]},
        report=Path(answer["report"]),
    )
