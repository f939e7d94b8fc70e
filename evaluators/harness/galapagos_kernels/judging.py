"""The judge of a kernel: right on awkward shapes and values first, then timed beside the reference on fresh inputs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import exp, log
from typing import Any, Protocol, cast

import numpy as np
from galapagos_judge import Candidate, Context, Rejected
from galapagos_kernels.drawings import Bar, chart
from galapagos_kernels.roofline import Work, measured, require_plausible
from galapagos_timing import InPlace, NotTimed, Output, Timing

_RUNS, _QUICK_RUNS = 3, 1
_MORE_RUNS = (5, 5)
Shape = tuple[int, ...]
Range = tuple[int, int]


class Kernel(Protocol):
    """A function to be made fast. `mixes` are the kinds of values that `arguments` can make."""

    function: str
    mixes: Sequence[str]

    def arguments(self, rng: np.random.Generator, shape: Shape, mix: str) -> list[Any]:
        """New arguments of one call: arrays, `Output`, `InPlace` and numbers; of equal sizes for equal `shape`."""
        ...

    def check(self, inputs: list[Any], outputs: list[Any]) -> None:
        """Look at one result: `inputs` without the `Output`s; `outputs`, or in a list what a Python function returned.

        Raises:
            Rejected: it is wrong.
        """
        ...

    def work(self, shape: Shape) -> Work:
        """The least that there is to do."""
        ...


@dataclass(frozen=True, slots=True)
class Shapes:
    """Where a kernel is looked at.

    `timed` are ranges, ends included, of each number of a shape: every run times other shapes. `checked` are shapes for the
    first look, awkward and small, each with every mix of values; `unseen` those that champions are timed at too, as ranges;
    `large` is one of many times as much data, at which champions are right too, whatever the size of their scratch space;
    `drawn` those of the picture.
    """

    timed: Sequence[Sequence[Range]]
    checked: Sequence[Shape]
    unseen: Sequence[Sequence[Range]]
    large: Shape
    drawn: Sequence[Shape]


class Judge:
    """The functions that a kernel's judge needs: `evaluate`, `unseen` for a hidden stage, and `picture`."""

    def __init__(self, kernel: Kernel, shapes: Shapes) -> None:
        self._kernel = kernel
        self._shapes = shapes
        self._mixes = _in_turns(kernel.mixes)

    def evaluate(self, candidate: Candidate, context: Context) -> dict[str, object]:
        """Check, then time. Score: geometric mean over the shapes of the reference's time over the candidate's."""
        self._require_right(candidate, self._shapes.timed)
        return self._timed(candidate, context, self._shapes.timed, _RUNS)

    def unseen(self, candidate: Candidate, context: Context) -> dict[str, object]:
        """As `evaluate`, at shapes that searching never sees; `speed` among the metrics is for a gate."""
        self._require_right(candidate, self._shapes.unseen)
        self._require_right_of(candidate, [(self._shapes.large, self._kernel.mixes[0])])
        return self._timed(candidate, context, self._shapes.unseen, _QUICK_RUNS)

    def picture(self, candidate: Candidate, _context: Context) -> str:
        """Time of a call as a share of what the roofline needs, at several shapes, as SVG."""
        machine = measured()
        bars: list[Bar] = []
        for shape in self._shapes.drawn:
            timing = self._compared(candidate, shape, 1)
            least = machine.least_seconds(self._kernel.work(shape))
            bars.append(Bar(_named(shape), timing.seconds, timing.reference_seconds, least))
        return chart(bars)

    def _require_right(self, candidate: Candidate, timed: Sequence[Sequence[Range]]) -> None:
        """Every checked shape, and one of each timed range, with every mix of values, all in one request.

        Outputs hold poison. What is timed has values of the first mix alone, so that it is here, and in untimed calls among
        the timed ones, that a program shows whether it does for others what it does for them.
        """
        # Others for every program, and not of the run: what one passes by luck its children need not.
        rng = np.random.default_rng()
        shapes = [*self._shapes.checked, *(_drawn(rng, ranges) for ranges in timed)]
        asked = [(shape, mix) for shape in shapes for mix in self._kernel.mixes]
        rng.shuffle(cast("list[Any]", asked))
        self._require_right_of(candidate, asked)

    def _require_right_of(self, candidate: Candidate, asked: Sequence[tuple[Shape, str]]) -> None:
        """These shapes with these mixes, all in one request."""
        kernel, rng = self._kernel, np.random.default_rng()
        given = [kernel.arguments(rng, shape, mix) for shape, mix in asked]
        calls = [[_sent(rng, argument) for argument in arguments] for arguments in given]
        answers = candidate.call_many(kernel.function, calls)
        for (shape, mix), arguments, answer in zip(asked, given, answers, strict=True):
            try:
                self._inspect(arguments, answer)
            except Rejected as error:
                raise Rejected(f"{kernel.function} of {_named(shape)}, {mix} values: {error}") from None

    def _inspect(self, arguments: list[Any], answer: Any) -> None:
        inputs = [one.array if isinstance(one, InPlace) else one for one in arguments if not isinstance(one, Output)]
        placed = [one for one in arguments if not isinstance(one, int | float)]
        if not any(isinstance(one, Output | InPlace) for one in placed):
            self._kernel.check(inputs, [answer])
            return
        outputs: list[Any] = []
        for argument, array in zip(placed, answer, strict=True):
            if isinstance(argument, Output | InPlace):
                outputs.append(array)
            elif argument.tobytes() != array.tobytes():
                raise Rejected("expected inputs to be read only; one was changed")
        self._kernel.check(inputs, outputs)

    def _timed(self, candidate: Candidate, context: Context, ranges: Sequence[Sequence[Range]], runs: int) -> dict[str, object]:
        rng, machine = context.rng, measured()
        shapes = [_drawn(rng, one) for one in ranges]
        timings = [self._compared(candidate, shape, runs) for shape in shapes]
        shares = [
            require_plausible(timing.seconds, self._kernel.work(shape), machine)
            for shape, timing in zip(shapes, timings, strict=True)
        ]
        score = exp(sum(log(timing.ratio) for timing in timings) / len(timings))
        return {
            "score": score,
            "metrics": {"speed": score, "roofline": max(shares), **_figures(timings)},
            "features": {},
            "feedback": "; ".join(
                f"{_named(shape)}: {1e6 * timing.seconds:.1f} us a call, {timing.ratio:.2f} times as fast as the reference, "
                f"{share:.1%} of what this machine could do at best"
                for shape, timing, share in zip(shapes, timings, shares, strict=True)
            ),
        }

    def _compared(self, candidate: Candidate, shape: Shape, runs: int) -> Timing:
        kernel, rng = self._kernel, np.random.default_rng()

        def make() -> list[Any]:
            return kernel.arguments(rng, shape, kernel.mixes[0])

        def of_any_mix() -> list[Any]:
            return kernel.arguments(rng, shape, next(self._mixes))

        # The reference alone decides whether the machine was too restless, so trying again favours nobody.
        restless = NotTimed()
        for patience in (runs, *_MORE_RUNS):
            try:
                return candidate.compare(kernel.function, make, kernel.check, runs=patience, untimed=of_any_mix)
            except NotTimed as error:
                restless = error
        raise restless


def _in_turns(mixes: Sequence[str]) -> Iterator[str]:
    """All mixes again and again, in random order: few calls meet all of them."""
    rng = np.random.default_rng()
    while True:
        yield from (mixes[int(place)] for place in rng.permutation(len(mixes)))


def _drawn(rng: np.random.Generator, ranges: Sequence[Range]) -> Shape:
    return tuple(int(rng.integers(low, high, endpoint=True)) for low, high in ranges)


def _sent(rng: np.random.Generator, argument: Any) -> Any:
    if isinstance(argument, Output):
        return poisoned(rng, argument.array)
    return argument.array.copy() if isinstance(argument, InPlace) else argument


def poisoned(rng: np.random.Generator, array: np.ndarray[Any, np.dtype[Any]]) -> np.ndarray[Any, np.dtype[Any]]:
    """An array like this one that nobody filled: NaN, or random whole numbers."""
    if array.dtype.kind in "fc":
        return np.full(array.shape, np.nan, array.dtype)
    return np.frombuffer(rng.bytes(array.nbytes), array.dtype).reshape(array.shape).copy()


def _figures(timings: Sequence[Timing]) -> dict[str, float]:
    figures: dict[str, float] = {}
    for number, timing in enumerate(timings, 1):
        figures[f"ratio_{number}"] = timing.ratio
        figures[f"microseconds_{number}"] = 1e6 * timing.seconds
    figures["spread"] = max(timing.spread for timing in timings)
    figures["control"] = max((timing.control for timing in timings), key=lambda control: abs(control - 1))
    return figures


def _named(shape: Shape) -> str:
    return " x ".join(str(number) for number in shape)
