"""The comparison of a candidate with a reference, in the judge's process; see `galapagos_timing`."""

import fcntl
import mmap
import os
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import combinations
from math import ceil, log2
from typing import Any, Protocol, cast

import numpy as np
from galapagos_judge import Rejected
from galapagos_slots import READ, RUN, SHARE, WRITTEN, AnyArray, Layout, arguments_of, guards_of, lay_out
from galapagos_timing import Check, InPlace, MakeInputs, NotTimed, Output, Restless, Timing

Exchange = Callable[[str, Sequence[Sequence[object]], Callable[[], object] | None], list[Any]]
"""Sends calls to a process, calls the third argument if there is one, and waits for the results."""
_SECONDS = 0.004
"""Processor time that the longest timing of a quick kernel is meant to take."""
_MOST_SLOTS, _FEWEST_CALLS, _MOST_UNTIMED = 64, 2, 8
_SHARED_BYTES = 24 << 20
_STEADY, _EQUAL = 0.03, 0.05
_EVEN = 1.1
"""How much longer than the median a call may take on average: what one request in several pays is paid all the same."""
_RAISED = 4
_PATIENCE = 3
"""Runs that may be measured, as a multiple of those that are wanted."""
_ORDER = "RCCRCRRC"
_SHORTEST = 0.25
_LEAST_GROWTH = 0.5
_NO_NEW_WRITERS = 0x0010
"""F_SEAL_FUTURE_WRITE."""
_KINDS = "biufc"
_FEWEST_RUNS = 3


class Launcher(Protocol):
    """The line to who holds the clock."""

    def start_reference(self, path: str) -> tuple[int, int]:
        """The descriptors of a new reference's wire and memory file."""
        ...

    def share(self, inputs: int, outputs: int) -> list[int]:
        """Descriptors of memory for inputs, outputs of the candidate, and outputs of the reference."""
        ...

    def hold(self, on: bool) -> None:
        """Stop both processes, or let both run."""
        ...

    def turn(self, reference: bool, start: bool) -> float:
        """Let one of the two run, or stop it; the stop gives its processor seconds."""
        ...


@dataclass(frozen=True, slots=True)
class Run:
    """One interleaved series: ratio, seconds of a call of candidate and reference, reference against itself."""

    ratio: float
    seconds: float
    reference_seconds: float
    control: float


@dataclass(slots=True)
class Side:
    """One of the two processes: how it is asked, the memory that it writes, and (calls, seconds) of its timings.

    Results of the reference are checked no more once `is_checked`.
    """

    exchange: Exchange
    hand_over: Callable[[Sequence[int]], None]
    is_reference: bool
    is_checked: bool = False
    outputs: mmap.mmap | None = None
    points: list[tuple[int, float]] = field(default_factory=list[tuple[int, float]])


class Comparison:
    """One function of candidate and reference, timed alternately on fresh inputs."""

    def __init__(
        self,
        name: str,
        sides: tuple[Side, Side],
        launcher: Launcher,
        make_inputs: MakeInputs,
        check: Check,
        untimed: MakeInputs | None = None,
    ) -> None:
        self._name = name
        self._candidate, self._reference = sides
        self._launcher = launcher
        self._make = make_inputs
        self._check = check
        self._untimed = untimed
        self._random = np.random.default_rng()
        self._latest: Sequence[Any] = make_inputs()
        self._given: dict[int, Sequence[Any]] = {}
        self._layout: Layout = lay_out([_placed(argument) for argument in self._latest])
        self._inputs: mmap.mmap | None = None

    def measure(self, runs: int) -> Timing:
        """Time until `runs` runs agree, or no more may be measured.

        Raises:
            Rejected: an output is wrong, or the candidate's time does not grow with its calls.
            NotTimed: the reference fails its check, or the machine is too restless.
        """
        if runs < 1:
            raise ValueError(f"expected to measure at least one run; got runs={runs}")
        self._share_memory()
        self._launcher.hold(True)
        try:
            good = self._runs(self._warm_up(), runs)
            self._require_growth()
        finally:
            self._launcher.hold(False)
        ratios = [one.ratio for one in good]
        uneven = self._unevenness()
        surcharge = uneven if uneven > _EVEN else 1.0
        return Timing(
            ratio=statistics.median(ratios) / surcharge,
            seconds=statistics.median(one.seconds for one in good) * surcharge,
            reference_seconds=statistics.median(one.reference_seconds for one in good),
            spread=_spread(ratios),
            control=statistics.median(one.control for one in good),
            runs=len(good),
        )

    def _share_memory(self) -> None:
        """Memory in both processes: inputs that only this process can write, and for each an area of its own."""
        read, written = self._layout["strides"]
        slots = max(_FEWEST_CALLS, min(_MOST_SLOTS, _SHARED_BYTES // (read + 2 * written)))
        self._layout["slots"] = slots
        descriptors = self._launcher.share(read * slots, written * slots)
        try:
            self._inputs, self._candidate.outputs, self._reference.outputs = (
                mmap.mmap(descriptor, 0) for descriptor in descriptors
            )
            fcntl.fcntl(descriptors[0], fcntl.F_ADD_SEALS, _NO_NEW_WRITERS | fcntl.F_SEAL_SEAL)
            for side, outputs in zip((self._candidate, self._reference), descriptors[1:], strict=True):
                side.exchange(SHARE, [[self._name, self._layout]], None)
                side.hand_over([descriptors[0], outputs])
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def _warm_up(self) -> list[int]:
        """Call both for the first time; how many calls of candidate and reference one timing takes at most."""
        self._time(self._reference, 1)
        for _ in range(3):
            self._time(self._reference, 0)
        most: list[int] = []
        for side in (self._candidate, self._reference):
            self._time(side, 1)
            spent = self._time(side, 1) - self._empty()
            if spent < _SECONDS / 4:
                count = self._layout["slots"] // 4 or 1
                spent = (self._time(side, count) - self._empty()) / count
            most.append(self._fitting(spent))
            side.points = [point for point in side.points if point[0] == 0]
        self._reference.is_checked = True
        return most

    def _empty(self) -> float:
        """Seconds of a request for no calls. The candidate is never asked for one: whatever it does there were free."""
        return statistics.median(seconds for count, seconds in self._reference.points if count == 0)

    def _fitting(self, seconds: float) -> int:
        """How many calls of so many seconds one timing takes at most.

        A power of two: equally fast programs get equally many calls, so that what the first one costs more cancels.
        """
        wanted = round(log2(_SECONDS / max(seconds, 1e-6)))
        return max(_FEWEST_CALLS, min(self._layout["slots"], 2 ** max(0, wanted)))

    def _runs(self, most: list[int], wanted: int) -> list[Run]:
        """Runs in which the reference takes as long as itself, more of them while they disagree."""
        good: list[Run] = []
        measured = 0
        while measured < _PATIENCE * wanted:
            run = self._run(*most)
            fitting = [self._fitting(seconds) for seconds in (run.seconds, run.reference_seconds)]
            if any(new >= _RAISED * old for new, old in zip(fitting, most, strict=True)):
                # Slow at first only: so few calls would be timed too coarsely. They can be raised a few times at most.
                most = [max(pair) for pair in zip(fitting, most, strict=True)]
                continue
            measured += 1
            if abs(run.control - 1) <= _EQUAL:
                good.append(run)
            steady = len(good) >= wanted and _spread([one.ratio for one in good]) <= _STEADY
            if steady and self._unevenness() <= _EVEN and self._growth() >= _LEAST_GROWTH:
                return good
        if len(good) < min(wanted, _FEWEST_RUNS):
            raise Restless(
                f"expected the reference to take equally long twice, within {_EQUAL:.0%}; so it did in {len(good)} of "
                f"{_PATIENCE * wanted} runs; use a quieter machine or larger inputs"
            )
        return good

    def _run(self, candidate_most: int, reference_most: int) -> Run:
        self._time(self._reference, 0)
        empty = self._empty()
        places = len(_ORDER) // 2
        # One from each part of the range, so that every run has short and long requests.
        shares = _SHORTEST + (1 - _SHORTEST) * (self._random.permutation(places) + self._random.random(places)) / places
        own: list[float] = []
        others: list[float] = []
        untimed = int(self._random.integers(len(_ORDER)))
        for place, letter in enumerate(_ORDER):
            if place == untimed and self._untimed is not None:
                # Amid the timed requests, so that nobody can be right at first and quick from then on.
                count = ceil(min(candidate_most, _MOST_UNTIMED) * (1 - (1 - _SHORTEST) * self._random.random()))
                self._request(self._candidate, count, self._untimed)
            mine = letter == "C"
            count = ceil((candidate_most if mine else reference_most) * shares[len(own if mine else others)])
            seconds = (self._time(self._candidate if mine else self._reference, count) - empty) / count
            (own if mine else others).append(seconds)
        candidate, reference = statistics.median(own), statistics.median(others)
        if candidate <= 0 or reference <= 0:
            raise NotTimed("expected a call to take a time that can be measured; use larger inputs")
        # The order's places 1 and 7 against 4 and 6: a machine that slows down evenly slows both pairs down.
        control = (others[0] + others[3]) / (others[1] + others[2])
        return Run(reference / candidate, candidate, reference, control)

    def _time(self, side: Side, count: int) -> float:
        """Processor seconds of `count` calls in one request, kept among the timings of `side`."""
        seconds = self._request(side, count, self._make)
        side.points.append((count, seconds))
        return seconds

    def _request(self, side: Side, count: int, make: MakeInputs) -> float:
        """Processor seconds of `count` calls in one request; all their outputs are checked."""
        slots: int = self._layout["slots"]
        first = int(self._random.integers(slots))
        chosen = [(first + index) % slots for index in range(count)]
        patterns = self._random.bytes(16)
        for slot in chosen:
            self._fill(side, slot, patterns, make)
        answer = side.exchange(RUN, [[first, count]], partial(self._launcher.turn, side.is_reference, True))[0]
        seconds = self._launcher.turn(side.is_reference, False)
        if not side.is_checked:
            self._inspect(side, chosen, patterns, answer)
        if make is not self._make:
            # The reference gets what the candidate had, and is timed on it.
            for slot in chosen:
                del self._given[slot]
        return seconds

    def _fill(self, side: Side, slot: int, patterns: bytes, make: MakeInputs) -> None:
        """Lay out one call: inputs that the candidate has not seen, poison where outputs are to be and behind them."""
        if not side.is_reference or slot not in self._given:
            self._given[slot] = self._fresh(make)
        for guard in guards_of(self._layout, slot, side.outputs):
            guard[...] = patterns[0]
        for argument, view in self._arrays(side, slot):
            if isinstance(argument, Output):
                _bits(view)[...] = _poison(view, slot, patterns)
            else:
                view[...] = argument.array if isinstance(argument, InPlace) else argument

    def _arrays(self, side: Side, slot: int) -> list[tuple[Any, AnyArray]]:
        """The arguments of one call that are no numbers, each with its place in the memory of `side`."""
        found: list[tuple[Any, AnyArray]] = []
        views = arguments_of(self._layout, slot, (self._inputs, side.outputs))
        for argument, view in zip(self._given[slot], views, strict=True):
            if not isinstance(view, int | float):
                found.append((argument, view))
        return found

    def _fresh(self, make: MakeInputs) -> Sequence[Any]:
        made, before = make(), self._latest
        here, there = (lay_out([_placed(argument) for argument in one]) for one in (made, before))
        if here != there:
            raise NotTimed("expected make_inputs to return equal numbers, and arrays of equal shape and dtype, every time")
        if make is not self._make:
            return made
        if made is before or not any(_differ(one, other) for one, other in zip(made, before, strict=True)):
            raise NotTimed("expected make_inputs to return new random values every time; got the same twice")
        self._latest = made
        return made

    def _inspect(self, side: Side, chosen: list[int], patterns: bytes, answer: object) -> None:
        """Check what lies in the memory of a process that stands still, or else what its calls returned."""
        returned = cast("list[object]", answer) if isinstance(answer, list) else []
        for index, slot in enumerate(chosen):
            inputs = [
                one.array if isinstance(one, InPlace) else one for one in self._given[slot] if not isinstance(one, Output)
            ]
            try:
                outputs = self._written(side, slot, patterns)
                if not outputs:
                    if len(returned) != len(chosen):
                        raise Rejected(f"expected {len(chosen)} returned values; got {len(returned)}")
                    outputs.append(returned[index])
                self._check(inputs, outputs)
            except Rejected as error:
                if side.is_reference:
                    raise NotTimed(f"expected the reference to pass the check; got: {error}") from None
                raise

    def _written(self, side: Side, slot: int, patterns: bytes) -> list[Any]:
        """Copies of what one call filled or changed.

        Raises:
            Rejected: it left floats as they were, or wrote behind an array.
        """
        outputs: list[Any] = []
        for argument, view in self._arrays(side, slot):
            if isinstance(argument, Output) and view.dtype.kind in "fc":
                left = int(np.count_nonzero(_bits(view) == _poison(view, slot, patterns)))
                if left:
                    raise Rejected(f"expected the function to fill its outputs; {left} values were left as they were")
            if isinstance(argument, Output | InPlace):
                outputs.append(view.copy())
        beyond = sum(int(np.count_nonzero(guard != patterns[0])) for guard in guards_of(self._layout, slot, side.outputs))
        if beyond:
            raise Rejected(f"expected the function to write within its arrays; bytes changed behind their ends: {beyond}")
        return outputs

    def _unevenness(self) -> float:
        """Mean over median of the candidate's calls, over that of the reference's."""
        empty = self._empty()
        return _uneven(self._candidate.points, empty) / _uneven(self._reference.points, empty)

    def _growth(self) -> float:
        """What one more call in a request costs the candidate, by the Theil-Sen slope, over what a call costs it."""
        points = self._candidate.points
        apart = max(count for count, _ in points) / 3
        pairs = [(one, other) for one, other in combinations(points, 2) if abs(one[0] - other[0]) >= apart]
        slope = statistics.median((one[1] - other[1]) / (one[0] - other[0]) for one, other in pairs)
        empty = self._empty()
        return slope / statistics.median((seconds - empty) / count for count, seconds in points)

    def _require_growth(self) -> None:
        """Refuse a candidate whose time does not come from the calls that it answers."""
        growth = self._growth()
        if growth < _LEAST_GROWTH:
            raise Rejected(
                f"expected the time to grow with the number of calls; one more call in a request took {growth:.0%} of the time "
                "of a call: work moved between calls"
            )


def _uneven(points: Sequence[tuple[int, float]], empty: float) -> float:
    timed = [(count, seconds - empty) for count, seconds in points if count]
    mean = sum(seconds for _, seconds in timed) / sum(count for count, _ in timed)
    return mean / statistics.median(seconds / count for count, seconds in timed)


def _placed(argument: object) -> tuple[int, AnyArray] | int | float:
    if isinstance(argument, Output | InPlace):
        place = WRITTEN, argument.array
    elif isinstance(argument, np.ndarray):
        place = READ, cast("AnyArray", argument)
    elif isinstance(argument, int | float):
        return argument
    else:
        raise NotTimed(f"expected make_inputs to return arrays, Output, InPlace, int and float; got {type(argument).__name__}")
    if place[1].dtype.kind not in _KINDS or place[1].dtype.byteorder == ">" or not place[1].size:
        raise NotTimed(f"expected arrays with values of a plain dtype; got {place[1].shape} of {place[1].dtype}")
    return place


def _differ(one: Any, other: Any) -> bool:
    if isinstance(one, InPlace):
        return not np.array_equal(one.array, other.array)
    return isinstance(one, np.ndarray) and not np.array_equal(cast("AnyArray", one), other)


def _bits(array: AnyArray) -> AnyArray:
    """The array's numbers as bare bits, complex ones as pairs."""
    size = array.dtype.itemsize // 2 if array.dtype.kind == "c" else array.dtype.itemsize
    return array.view(f"u{size}")


def _poison(array: AnyArray, slot: int, patterns: bytes) -> Any:
    """One of two random bit patterns by the slot's number; for floats one that means NaN."""
    bits = _bits(array).dtype
    pattern = np.frombuffer(patterns[8 * (slot % 2) :], bits, 1)[0]
    if array.dtype.kind == "b":
        return pattern & 1
    if array.dtype.kind in "fc":
        return pattern | _bits(np.array([np.nan], f"f{bits.itemsize}"))[0]
    return pattern


def _spread(values: Sequence[float]) -> float:
    """The distance of the quartiles over the median."""
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    return float((high - low) / middle)
