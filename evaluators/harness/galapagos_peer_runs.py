"""What runs in the evaluator's own process: an evaluator that is called, or one that is a script."""

import asyncio
import importlib.util
import inspect
import json
import linecache
import os
import random
import sys
from collections.abc import Awaitable, Callable, Mapping
from types import ModuleType
from typing import Any, cast

import numpy as np
from galapagos_apart import Say, finish
from galapagos_candidate import cause_of, text_of

_LONGEST_ARTIFACT = 4000
_MOST_ARTIFACTS = 64
_MOST_METRICS = 200
_STAGES = ("evaluate_stage1", "evaluate_stage2", "evaluate_stage3")


class _NotAResult(TypeError):
    """What an evaluator returned cannot be read. The text says what was expected and what came."""


def _as_if_fresh() -> None:
    """A process that was forked has its parent's random state; one that was started has its own."""
    random.seed()
    np.random.seed()
    linecache.clearcache()


def script(path: str, arguments: list[str], say: Say) -> int:  # noqa: ARG001 - it answers by files and its exit code
    """Run a Python file as `python path arguments` would; its exit code."""
    _as_if_fresh()
    sys.argv = [path, *arguments]
    sys.path.insert(0, os.path.dirname(path))  # noqa: PTH120 - text in, text out
    module = ModuleType("__main__")
    module.__file__ = path
    sys.modules["__main__"] = module
    code = 0
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - as above
            text = file.read()
        exec(compile(text, path, "exec", dont_inherit=True), module.__dict__)  # noqa: S102 - this is its purpose
    except SystemExit as end:
        code = _exit_code(end)
    except BaseException as error:  # noqa: BLE001 - whatever the script raises is its end
        sys.stderr.write(text_of(error))
        code = 1
    finish()
    return code


def _exit_code(end: SystemExit) -> int:
    if end.code is None:
        return 0
    if isinstance(end.code, int):
        return end.code & 0xFF
    sys.stderr.write(f"{end.code}\n")
    return 1


def openevolve(request: Mapping[str, Any], work: str, program: str, say: Say) -> int:
    """Import the evaluator, call what it offers, and tell the result of each stage."""
    _as_if_fresh()
    path = f"{work}/{request['evaluator']}"
    sys.path.insert(0, os.path.dirname(path))  # noqa: PTH120 - text in, text out
    try:
        functions = _functions(_imported(path), cascade=request["cascade"])
    except BaseException as error:  # noqa: BLE001 - an evaluator's module may raise anything, SystemExit included
        _tell(say, {"end": "evaluator", "text": text_of(error)})
        return 0
    try:
        _cascade(functions, request, program, say)
    except _NotAResult as error:
        _tell(say, {"end": "wrong", "text": str(error)})
    except BaseException as error:  # noqa: BLE001 - the candidate runs within, so this counts as its doing
        _tell(say, {"end": cause_of(error, "call_error"), "text": text_of(error)})
    else:
        _tell(say, {"end": "done"})
    return 0


def _imported(path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location("evaluation_module", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"expected a Python file; got {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules["evaluation_module"] = module
    spec.loader.exec_module(module)
    return module


def _functions(module: ModuleType, *, cascade: bool) -> list[Callable[..., object]]:
    if cascade and hasattr(module, _STAGES[0]):
        found = [getattr(module, name, None) for name in _STAGES]
        return [function for function in found[: found.index(None) if None in found else None] if callable(function)]
    whole = getattr(module, "evaluate", None)
    if not callable(whole):
        raise _NotAResult("expected a function evaluate(program_path) in the evaluator; there is none; define it")
    return [whole]


def _cascade(functions: list[Callable[..., object]], request: Mapping[str, Any], program: str, say: Say) -> None:
    """Stage by stage; the next one only where this one is good enough."""
    merged: dict[str, object] = {}
    for place, function in enumerate(functions):
        metrics, artifacts = _read(_called(function, program, request["arguments"]))
        merged |= metrics
        _tell(say, {"metrics": metrics, "artifacts": artifacts})
        thresholds = request["thresholds"]
        if place >= len(thresholds) or not _passes(merged, thresholds[place]):
            return


def _called(function: Callable[..., object], program: str, extra: Mapping[str, Any]) -> object:
    parameters = inspect.signature(function).parameters
    takes_all = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    result = function(program, **{name: value for name, value in extra.items() if takes_all or name in parameters})
    return asyncio.run(_awaited(cast("Awaitable[object]", result))) if inspect.isawaitable(result) else result


async def _awaited(result: Awaitable[object]) -> object:
    return await result


def _read(result: object) -> tuple[dict[str, object], dict[str, str]]:
    """Metrics and artifacts of a plain table, or of anything that has both as attributes."""
    metrics: object = result
    artifacts: object = {}
    if isinstance(result, dict):
        table = dict(cast("dict[object, object]", result))
        if isinstance(table.get("artifacts"), dict):
            artifacts = table.pop("artifacts")
        metrics = table
    elif hasattr(result, "metrics"):
        metrics, artifacts = getattr(result, "metrics", {}), getattr(result, "artifacts", {})
    if not isinstance(metrics, dict) or not isinstance(artifacts, dict):
        came = cast("object", result).__class__.__name__
        raise _NotAResult(f"expected a dict of metrics or an EvaluationResult from the evaluator; got {came}")
    numbers = list(cast("dict[object, object]", metrics).items())[:_MOST_METRICS]
    texts = list(cast("dict[object, object]", artifacts).items())[:_MOST_ARTIFACTS]
    return {str(name): _plain(value) for name, value in numbers}, {str(name): _artifact(value) for name, value in texts}


def _plain(value: object) -> object:
    if isinstance(value, np.generic):
        value = cast("object", value.item())
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float):
        try:
            return float(value)
        except OverflowError:
            return str(value)
    return str(value)[:_LONGEST_ARTIFACT]


def _artifact(value: object) -> str:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= _LONGEST_ARTIFACT else f"{text[:_LONGEST_ARTIFACT]} [...]"


def _passes(metrics: Mapping[str, object], threshold: float) -> bool:
    """Whether `combined_score`, or else the mean of the numbers, reaches the threshold."""
    score = metrics.get("combined_score")
    if type(score) is float:
        return score >= threshold
    numbers = [value for name, value in metrics.items() if type(value) is float and name != "error"]
    return bool(numbers) and sum(numbers) / len(numbers) >= threshold


def _tell(say: Say, message: Mapping[str, object]) -> None:
    say(json.dumps(message).encode("utf-8", "replace"))
