"""The judge of a folder of another system: it asks the candidate's box to run the evaluator, and reads what comes back.

Evaluator and candidate share that box, so the score is as honest as the candidate. What is checked here is its form.
"""

import re
from collections.abc import Callable, Mapping
from math import fsum, isfinite
from typing import Any, cast

from galapagos_judge import Candidate, CandidateError, Context, Rejected

_CAUSES = frozenset({"timed_out", "out_of_memory", "call_error", "forbidden"})
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_./-]+")
_LONGEST_NAME = 64
_LONGEST_ARTIFACT = 1500


class EvaluatorError(Exception):
    """The evaluator itself cannot be used: its author must mend it."""


def peer_judge(settings: Mapping[str, Any]) -> Callable[[Candidate, Context], dict[str, object]]:
    """The judge's function `evaluate` for a folder that was translated with these settings.

    `root` is the folder's place within the problem; `score` names the metric that is the score; `mean`, where true,
    takes the mean of the other numbers where that metric is missing, those in `dimensions` left out; `features` name
    the metrics that axes need; `artifacts` says whether a model may read these. The rest is for the box
    (`galapagos_peers.evaluate`).
    """

    def evaluate(candidate: Candidate, context: Context) -> dict[str, object]:
        request = {**settings, "folder": str(context.data / settings["root"])}
        return _judged(_Record(candidate.call("evaluate", request)), settings)

    return evaluate


class _Record:
    """What the box sent, part by part; a part of another form than expected counts as not sent."""

    def __init__(self, sent: object) -> None:
        self._sent = cast("dict[str, object]", sent) if isinstance(sent, dict) else {}

    def text(self, name: str) -> str:
        value = self._sent.get(name)
        return value if isinstance(value, str) else ""

    def table(self, name: str) -> dict[str, object]:
        value = self._sent.get(name)
        return cast("dict[str, object]", value) if isinstance(value, dict) else {}

    @property
    def correct(self) -> bool:
        return self._sent.get("correct") is True


def _judged(record: _Record, settings: Mapping[str, Any]) -> dict[str, object]:
    end = record.text("end")
    if end == "evaluator":
        raise EvaluatorError(f"the evaluator {settings['evaluator']} cannot be used: {record.text('text')}")
    if end in _CAUSES:
        raise CandidateError(end, record.text("text"))
    if end == "wrong" or (end == "done" and not record.correct):
        raise Rejected(record.text("text") or "the evaluator says that the result is not correct")
    if end != "done":
        raise CandidateError("protocol", "expected a record of an evaluation from the candidate's box; got something else")
    metrics = record.table("metrics")
    numbers = _numbers(metrics)
    score = _score(metrics, settings)
    named = {_name(name): value for name, value in numbers.items()}
    private = {_name(f"private.{name}"): value for name, value in _numbers(record.table("private")).items()}
    return {
        "score": score,
        "metrics": dict(list((named | private).items())[:256]),
        "features": _features(numbers, settings["features"]),
        "feedback": _feedback(record, metrics, artifacts=settings.get("artifacts", True)),
    }


def _numbers(table: Mapping[str, object]) -> dict[str, float]:
    known = ((name, cast("float", value)) for name, value in table.items() if type(value) in {int, float})
    return {name: float(value) for name, value in known if isfinite(value)}


def _name(name: str) -> str:
    plain = _NOT_IN_A_NAME.sub("_", name)
    return (plain if plain[:1].isalpha() or plain[:1] == "_" else f"_{plain}")[:_LONGEST_NAME]


def _score(metrics: Mapping[str, object], settings: Mapping[str, Any]) -> float:
    key = settings["score"]
    value = metrics.get(key)
    if type(value) in {int, float}:
        number = float(cast("float", value))
        if isfinite(number):
            return number
        raise Rejected(f"expected a finite {key} from the evaluator; got {number}")
    if key in metrics or not settings["mean"]:
        got = f"{value!r}"[:200] if key in metrics else f"{', '.join(sorted(metrics)) or 'no metrics'}"
        raise Rejected(f"expected a number {key!r} from the evaluator; got {got}")
    rest = [number for name, number in _numbers(metrics).items() if name not in settings["dimensions"] and name != "error"]
    if not rest:
        raise Rejected(
            f"expected {key!r} or other numbers from the evaluator; got {', '.join(sorted(metrics)) or 'no metrics'}"
        )
    return fsum(rest) / len(rest)


def _features(numbers: Mapping[str, float], wanted: list[str]) -> dict[str, float]:
    missing = [name for name in wanted if name not in numbers]
    if missing:
        raise Rejected(f"expected the numbers {missing}, which the archive's axes need; the evaluator gave {sorted(numbers)}")
    return {name: numbers[name] for name in wanted}


def _feedback(record: _Record, metrics: Mapping[str, object], *, artifacts: bool) -> str:
    """The evaluator's text, then metrics that are no finite numbers, then artifacts, each cut to a fair length."""
    parts = [record.text("feedback")]
    parts += [f"{name}: {value}" for name, value in metrics.items() if _is_no_number(value)]
    for name, text in record.table("artifacts").items() if artifacts else ():
        shown = str(text)
        shown = shown if len(shown) <= _LONGEST_ARTIFACT else f"{shown[:_LONGEST_ARTIFACT]} [...]"
        parts.append(f"{name}:\n{shown}" if "\n" in shown else f"{name}: {shown}")
    return "\n".join(part for part in parts if part)


def _is_no_number(value: object) -> bool:
    return type(value) not in {int, float} or not isfinite(cast("float", value))
