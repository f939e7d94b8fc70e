"""`run_shinka_eval`: run a program's function several times, check and sum up what it returns, and write two files."""

import importlib.util
import json
import os
import statistics
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, cast

Metrics = dict[str, Any]


def load_program(program_path: str) -> ModuleType:
    """Import a program by its path."""
    spec = importlib.util.spec_from_file_location("program", program_path)
    if spec is None or spec.loader is None:
        raise ImportError(f"expected a Python program; got {program_path}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def save_json_results(results_dir: str, metrics: Mapping[str, Any], correct: bool, error: str | None = None) -> None:
    """Write metrics.json and correct.json."""
    folder = Path(results_dir)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "correct.json").write_text(json.dumps({"correct": correct, "error": error}))
    (folder / "metrics.json").write_text(json.dumps(metrics, default=_as_json))


def _as_json(value: object) -> object:
    item = getattr(value, "item", None)
    if callable(item) and getattr(value, "shape", None) == ():
        return item()
    listed = getattr(value, "tolist", None)
    return listed() if callable(listed) else str(value)


def run_shinka_eval(
    program_path: str,
    results_dir: str,
    experiment_fn_name: str,
    num_runs: int,
    get_experiment_kwargs: Callable[[int], Mapping[str, Any]] | None = None,
    aggregate_metrics_fn: Callable[[list[Any]], Metrics] | None = None,
    validate_fn: Callable[[Any], tuple[bool, str | None]] | None = None,
    *,
    plotting_fn: Callable[..., Any] | None = None,  # noqa: ARG001 - drawings are not kept
    default_metrics_on_error: Metrics | None = None,
    run_workers: int = 1,
    max_workers_cap: int | None = None,
    verbose: bool = True,
    **early_stop: Any,  # noqa: ARG001 - stopping early only saves time, and every run counts here
) -> tuple[Metrics, bool, str | None]:
    """Metrics, whether all runs were valid, and the first thing that was wrong. Nothing is raised for a program's failure."""
    arguments = [dict(get_experiment_kwargs(run)) if get_experiment_kwargs else {"seed": run + 1} for run in range(num_runs)]
    workers = min(run_workers, max_workers_cap or run_workers, num_runs)
    metrics: Metrics
    try:
        runs = _runs(program_path, experiment_fn_name, arguments, workers)
        results, seconds = [result for result, _ in runs], [spent for _, spent in runs]
        faults = _faults(results, validate_fn)
        metrics = dict(aggregate_metrics_fn(results)) if aggregate_metrics_fn else {"num_successful_runs": num_runs}
        metrics |= _about(seconds, faults, validated=validate_fn is not None)
        error = next((f"Validation failed: {fault}" for fault in faults if fault), None)
        correct = not any(fault is not None for fault in faults)
    except Exception as failure:  # noqa: BLE001 - a program may raise anything, and the contract wants files for it
        metrics = {"combined_score": 0.0, **(default_metrics_on_error or {})}
        correct, error = False, f"{type(failure).__name__}: {failure}"
    metrics.pop("extra_data", None)
    save_json_results(results_dir, metrics, correct, error)
    if verbose:
        print(f"{num_runs} runs: {'correct' if correct else error}")  # noqa: T201 - the log of the evaluation
    return metrics, correct, error


def _runs(program_path: str, name: str, arguments: list[dict[str, Any]], workers: int) -> list[tuple[Any, float]]:
    if workers > 1:
        with ProcessPoolExecutor(workers) as pool:
            return list(pool.map(partial(_one_run_apart, program_path, name), arguments))
    function = _function(program_path, name)
    return [_one_run(function, kwargs) for kwargs in arguments]


def _function(program_path: str, name: str) -> Callable[..., Any]:
    function = getattr(load_program(program_path), name, None)
    if not callable(function):
        raise TypeError(f"expected a function {name!r} in {os.path.basename(program_path)}; there is none")  # noqa: PTH119
    return cast("Callable[..., Any]", function)


def _one_run_apart(program_path: str, name: str, kwargs: dict[str, Any]) -> tuple[Any, float]:
    return _one_run(_function(program_path, name), kwargs)


def _one_run(function: Callable[..., Any], kwargs: dict[str, Any]) -> tuple[Any, float]:
    start = time.perf_counter()
    result = function(**kwargs)
    return result, time.perf_counter() - start


def _faults(results: list[Any], validate: Callable[[Any], tuple[bool, str | None]] | None) -> list[str | None]:
    """For each result what is wrong with it, empty where nobody says what; None for a good one."""
    if validate is None:
        return [None] * len(results)
    answers = [validate(result) for result in results]
    return [None if valid else text or "" for valid, text in answers]


def _about(seconds: list[float], faults: list[str | None], *, validated: bool) -> Metrics:
    found: Metrics = {
        "execution_time_mean": statistics.fmean(seconds) if seconds else 0.0,
        "execution_time_std": statistics.pstdev(seconds) if seconds else 0.0,
    }
    if validated:
        wrong = [fault for fault in faults if fault is not None]
        found["num_valid_runs"] = len(faults) - len(wrong)
        found["num_invalid_runs"] = len(wrong)
        found["all_validation_errors"] = [text for text in dict.fromkeys(wrong) if text]
    return found
