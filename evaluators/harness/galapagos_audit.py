"""Stands between a problem's judge and the candidate, in the judge's process, and changes what the candidate answers.

So the judge meets answers that it should refuse, made from those of the seed. An audit's judge is this file's `Audit`; the
problem's own judge runs behind it, unchanged.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from galapagos_alterations import ALTERATIONS, FAILURES, Given
from galapagos_judge import Candidate, CandidateError, Context, Rejected
from galapagos_judging import import_judge
from galapagos_parts import (
    EVERY,
    NotApplicable,
    body,
    count,
    fingerprint,
    form,
    is_array,
    is_dict,
    is_list,
    rows,
    same,
    same_form,
)
from galapagos_timing import InPlace, Output, Restless, Timing

if TYPE_CHECKING:
    from galapagos_comparison import Launcher
    from galapagos_timing import Check, MakeInputs

PREFIX = "audit:"
TOLD = "told"
UNCHANGED = "audit: nothing was there to change"
_MOST_BYTES = 256 << 20
_MOST_SLICES = 6
_MOST_INPUTS = 64
_NEAR = 1e-3
_TRIED_BY = 0.5
_EVEN = Timing(ratio=1.0, seconds=1.0, reference_seconds=1.0, spread=0.0, control=1.0, runs=1)


@dataclass(slots=True)
class Function:
    """What is known of one function of the candidate after an evaluation.

    `first` are the arguments and the answer of its first call, `of_form` the first answer of each form, `answers` all
    answers while they are kept, and the keys of `inputs` hashes of all its arguments. `fills`: its results are arrays that it
    fills or changes. `repeated`: the same arguments came twice within timed calls.
    """

    calls: int = 0
    timed: bool = False
    compared: bool = False
    fills: bool = False
    repeated: bool = False
    given_numbers: int = 0
    first: tuple[Sequence[Any], Any] | None = None
    of_form: dict[str, Any] = field(default_factory=dict[str, Any])
    answers: list[Any] = field(default_factory=list[Any])
    inputs: dict[str, None] = field(default_factory=dict[str, None])


class Watched(Candidate):
    """A candidate whose calls are noted, and whose answers `alter` may change: of a function's name and one call."""

    def __init__(self, candidate: Candidate, alter: Callable[[str, Given], Any], *, keep: bool = False) -> None:
        launcher = _Watching(candidate._launcher)
        super().__init__(candidate._wire, candidate._deadline, candidate._clock, candidate._late, launcher)
        self._loaded = candidate._loaded
        self._turns = launcher
        self._alter = alter
        self._keep = keep
        self._kept = 0
        self._timing = False
        self.changed = False
        self.functions: dict[str, Function] = {}

    def time(self, name: str, calls: Sequence[Sequence[object]], timeout: float | None = None) -> tuple[list[Any], float]:
        """As of any candidate, and noted as timed."""
        self._timing = True
        try:
            return super().time(name, calls, timeout)
        finally:
            self._timing = False

    def compare(
        self,
        name: str,
        make_inputs: "MakeInputs",
        check: "Check",
        *,
        reference: str | None = None,
        runs: int = 5,
        timeout: float | None = None,
        untimed: "MakeInputs | None" = None,
    ) -> Timing:
        """As of any candidate, with one run; the check meets changed outputs of the candidate, and the reference's own.

        An audit asks whether every result was right. So a machine that is too restless to be timed on counts as an even one.
        """
        known = self.functions.setdefault(name, Function())
        known.timed = known.compared = True
        wrote = known.fills = any(isinstance(argument, Output | InPlace) for argument in make_inputs())

        def made(make: "MakeInputs", counts: bool) -> Sequence[Any]:
            # Inputs are made, and their outputs checked, for one request after the other.
            self._timing = counts
            return make()

        def altered_check(inputs: list[Any], outputs: list[Any]) -> None:
            if not self._turns.is_reference:
                answer = outputs if wrote else outputs[0]
                new = self._noted(name, known, inputs, answer, wrote=wrote)
                outputs = new if wrote else [new]
            check(inputs, outputs)

        try:
            return super().compare(
                name,
                partial(made, make_inputs, True),
                altered_check,
                reference=reference,
                runs=min(runs, 1),
                timeout=timeout,
                untimed=untimed and partial(made, untimed, False),
            )
        except Restless:
            return _EVEN
        finally:
            self._timing = False

    def _exchange(
        self,
        name: str,
        calls: Sequence[Sequence[object]],
        timeout: float | None,
        meanwhile: Callable[[], object] | None = None,
    ) -> list[Any]:
        results = super()._exchange(name, calls, timeout, meanwhile)
        if name.startswith("\0"):
            return results
        known = self.functions.setdefault(name, Function())
        known.timed |= self._timing
        return [self._noted(name, known, given, answer) for given, answer in zip(calls, results, strict=True)]

    def _noted(self, name: str, known: Function, arguments: Sequence[Any], answer: Any, *, wrote: bool = False) -> Any:
        digest = hashlib.sha256(fingerprint(list(arguments))).hexdigest()[:16]
        known.repeated |= self._timing and bool(arguments) and digest in known.inputs
        known.inputs[digest] = None
        if known.first is None:
            known.first = list(arguments), answer
        known.given_numbers = max(known.given_numbers, count(list(arguments)))
        if self._keep:
            self._kept += len(fingerprint(answer))
            if self._kept <= _MOST_BYTES:
                known.answers.append(answer)
        earlier = known.of_form.setdefault(form(answer), answer)
        number, known.calls = known.calls, known.calls + 1
        try:
            new = self._alter(name, Given(arguments, answer, number, earlier, 0.0, EVERY))
        except CandidateError:
            self.changed = True
            raise
        if wrote and not same_form(new, answer):
            return answer
        self.changed |= new is not answer
        return new


class _Watching:
    """The line to the clock, from which can be seen whose turn it is."""

    def __init__(self, launcher: "Launcher") -> None:
        self._launcher = launcher
        self.is_reference = False
        self.start_reference, self.share, self.hold = launcher.start_reference, launcher.share, launcher.hold

    def turn(self, reference: bool, start: bool) -> float:
        self.is_reference = reference
        return self._launcher.turn(reference, start)


class Audit:
    """The judge of an audit: `entry` finds its functions by names that hold a plan as JSON text.

    A plan has `entry`, the function of the problem's judge, and for a change `alter`, `function` and the parameters of
    `galapagos_alterations.Given`; `compiled` keeps answers to the form that a compiled function gives them.
    """

    def __init__(self, folder: Path, judge: str) -> None:
        self._judge = import_judge(str(folder), judge)
        self._told = ""

    def entry(self, name: str) -> Callable[..., Any]:
        """The function of this name."""
        if name.startswith(PREFIX):
            return partial(self._run, json.loads(name[len(PREFIX) :]))
        if name == TOLD:
            return self._tell
        raise AttributeError(name)

    def _tell(self, _candidate: Candidate, _context: Context) -> str:
        return self._told

    def _run(self, plan: dict[str, Any], candidate: Candidate, context: Context) -> Any:
        evaluate = getattr(self._judge, plan["entry"])
        if "alter" not in plan:
            watched = Watched(candidate, lambda _name, given: given.answer)
            result = evaluate(watched, context)
            self._told = json.dumps(self._facts(plan, watched, result))
            return result
        answers: dict[str, list[Any]] = {}
        if plan["alter"] == "replayed":
            candidate = self._of_another_draw(evaluate, candidate, context)
            answers = {name: known.answers for name, known in candidate.functions.items()}
        watched = Watched(candidate, partial(_altered, plan, answers))
        result = evaluate(watched, context)
        if plan["function"] and not watched.changed:
            raise Rejected(UNCHANGED)
        return result

    def _of_another_draw(self, evaluate: Callable[..., Any], candidate: Candidate, context: Context) -> Watched:
        """The candidate once it has answered a judge that draws otherwise; it goes on from there."""
        seed = hashlib.sha256(context.rng.bytes(32)).digest()
        context.__dict__.pop("rng")
        other = Context(seed, str(context.data), context.stage, context.repeat, context.purpose)
        watched = Watched(candidate, lambda _name, given: given.answer, keep=True)
        evaluate(watched, other)
        return watched

    def _facts(self, plan: dict[str, Any], watched: Watched, result: Any) -> dict[str, Any]:
        functions: dict[str, Any] = {}
        for name, known in watched.functions.items():
            assert known.first is not None  # noqa: S101 - for the type checker: it was called
            arguments, answer = known.first
            score = float(result["score"])
            functions[name] = {
                "calls": known.calls,
                "timed": known.timed,
                "compared": known.compared,
                "fills": known.fills,
                "repeated": known.repeated,
                "arguments": len(arguments),
                "given_numbers": known.given_numbers,
                "inputs": list(known.inputs)[:_MOST_INPUTS],
                "numbers": count(answer),
                "nothing": answer is None,
                "slices": _slices(answer),
                "claims": _claims(answer, score),
                "alters": _applicable(arguments, answer, fixed=known.fills or plan["compiled"]),
            }
        return functions


def _altered(plan: dict[str, Any], answers: dict[str, list[Any]], name: str, given: Given) -> Any:
    if name != plan["function"] and plan["alter"] != "replayed":
        return given.answer
    if plan["alter"] == "replayed":
        told = answers.get(name, [])
        return told[min(given.number, len(told) - 1)] if told else given.answer
    now = Given(given.arguments, given.answer, given.number, given.earlier, plan["by"], slice(*plan["places"]))
    try:
        new = ALTERATIONS[plan["alter"]](now)
        fits = not plan["compiled"] or same_form(new, given.answer)
    except NotApplicable:
        return given.answer
    return new if fits else given.answer


def _applicable(arguments: Sequence[Any], answer: Any, *, fixed: bool) -> list[str]:
    """The alterations that change such an answer into another one that can cross the wire."""
    found: list[str] = []
    for name, alteration in ALTERATIONS.items():
        if name == "stale" or name in FAILURES:
            found.append(name)
            continue
        try:
            new = alteration(Given(arguments, answer, 1, answer, _TRIED_BY, EVERY))
            if (not fixed or same_form(new, answer)) and not same(new, answer):
                found.append(name)
        except NotApplicable:
            continue
    return found


def _parts(answer: Any) -> list[Any]:
    """The values of a dict or a list; of anything else none."""
    return list(answer.values()) if is_dict(answer) else answer if is_list(answer) else []


def _slices(answer: Any) -> list[list[Any]]:
    """Groups of numbers that may mean one thing each: all, the parts of the answer, and the columns of its rows."""
    total = count(answer)
    found: list[list[Any]] = [["all numbers", None, None, None]]
    parts = _parts(answer)
    if 2 <= len(parts) <= _MOST_SLICES:
        place = 0
        for part in parts:
            size = count(part)
            if 0 < size < total:
                found.append([f"numbers {place} to {place + size - 1}", place, place + size, None])
            place += size
    try:
        widths = {count(row) for row in rows(body(answer)[0])}
    except NotApplicable:
        widths = set[int]()
    if len(widths) == 1 and 2 <= (width := widths.pop()) <= _MOST_SLICES and width * len(rows(body(answer)[0])) == total:
        found += [[f"column {column}", column, None, width] for column in range(width)]
    middle = total // 2
    return [*found, ["the first number", 0, 1, None], ["one number in the middle", middle, middle + 1, None]]


def _claims(answer: Any, score: float) -> list[int]:
    """The places of numbers that stand alone in an answer and are nearly the score."""
    parts = _parts(answer) or [answer]
    found: list[int] = []
    place = 0
    for part in parts if len(parts) <= _MOST_SLICES else []:
        alone = type(part) is int or type(part) is float or (is_array(part) and not part.ndim)
        if alone and abs(float(part) - score) <= _NEAR * abs(score):
            found.append(place)
        place += count(part)
    return found
