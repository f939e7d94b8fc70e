"""What a problem's judge may use: the candidate behind the wire, the context of the evaluation, and its exceptions.

from galapagos_judge import CandidateError, Rejected

def evaluate(candidate, context):
    answer = candidate.call("solve", context.rng.random(1000), timeout=5)
    ...
    return {"score": 1.0, "metrics": {}, "features": {}, "feedback": "text that the model may read"}
"""

import os
import socket
import time
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from galapagos_values import ProtocolError
from galapagos_wire import Closed, Wire, new_nonce

if TYPE_CHECKING:
    from galapagos_comparison import Launcher, Side
    from galapagos_timing import Check, MakeInputs, Timing

_READY, _FAILED, _RESULTS = 0, 1, 2
_LONGEST_TEXT = 4000


class Rejected(Exception):
    """The candidate's result is wrong. The text is feedback that the model may read."""


class CandidateError(Exception):
    """The candidate failed; not caught, it is the candidate's verdict. `cause` names how."""

    def __init__(self, cause: str, text: str) -> None:
        super().__init__(text)
        self.cause = cause


class CandidateTimeout(CandidateError):
    """A call did not end within its time. The candidate cannot be called again."""


class CandidateDied(CandidateError):
    """The candidate's process is gone, or sent what is no reply. It cannot be called again."""


class Candidate:
    """The program under judgement, in another process behind a wire.

    Values that travel: None, bool, int (64 bits), float, str, bytes, list and tuple (arriving as list), dict with str
    keys, numpy arrays of plain dtypes, `galapagos_values.Named` for bfloat16 and float8. What comes back was checked for
    type, size, count and depth (32), not for meaning: floats may be NaN.
    """

    def __init__(
        self,
        wire: Wire,
        deadline: float,
        clock: Callable[[bool], float],
        late: Callable[[float], None],
        launcher: "Launcher",
    ) -> None:
        self._wire = wire
        self._deadline = deadline
        self._launcher = launcher
        self._references: dict[str, Candidate] = {}
        self._clock = clock
        self._late = late
        self._loaded = False
        self._end: CandidateError | None = None
        self._waited = 0.0

    def call(self, name: str, *arguments: object, timeout: float | None = None) -> Any:
        """The result of the candidate's function `name`; `timeout` in seconds of wall time.

        Raises:
            CandidateError: the call raised (`CandidateTimeout`, `CandidateDied`: it did not return).
        """
        return self._exchange(name, [arguments], timeout)[0]

    def call_many(self, name: str, calls: Sequence[Sequence[object]], timeout: float | None = None) -> list[Any]:
        """The results of one call for each list of arguments, all in one message; `timeout` bounds them together."""
        return self._exchange(name, calls, timeout)

    def time(self, name: str, calls: Sequence[Sequence[object]], timeout: float | None = None) -> tuple[list[Any], float]:
        """As `call_many`, with the processor seconds that the candidate spent, measured outside it.

        They cover its process, all its threads and helper processes, from before the request is sent until its reply
        is here, decoding and encoding included: time batches, and subtract an empty one for small work. From the
        first timed call on the candidate can start no more processes or threads.
        """
        self._load()
        before = self._clock(True)
        results = self._exchange(name, calls, timeout)
        return results, self._clock(False) - before

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
    ) -> "Timing":
        """How much faster the function `name` is here than in a reference, measured outside both; see `galapagos_timing`.

        `make_inputs()` returns the arguments of one call, new random ones each time: arrays (only read), `Output`,
        `InPlace`, and numbers that stay the same. `check(inputs, outputs)` raises `Rejected`; it sees every call that was
        timed, with the outputs as the function left them, or in a list what it returned. `reference` is a file of the
        problem's folder that stands in for the first of the seed, which it is by default. `timeout` bounds one request.
        `untimed()` returns arguments of the same form with other values; the candidate is asked for some of them in every
        run, at a moment that it cannot know, and they are checked alone.

        Raises:
            Rejected: by `check`; outputs were not filled; something was written behind them; work moved between calls.
            CandidateError: a call failed.
        """
        from galapagos_comparison import Comparison

        self._load()
        other = self._reference(reference or "")
        sides = self._side(timeout, is_reference=False), other._side(timeout, is_reference=True)
        return Comparison(name, sides, self._launcher, make_inputs, check, untimed).measure(runs)

    def _reference(self, path: str) -> "Candidate":
        if path not in self._references:
            # One at a time: the one before has ended.
            stream, memory_file = self._launcher.start_reference(path)
            wire = Wire(socket.socket(fileno=stream), memory_file)
            self._references = {path: Candidate(wire, self._deadline, self._clock, _nobody_is_late, self._launcher)}
        return self._references[path]

    def _side(self, timeout: float | None, *, is_reference: bool) -> "Side":
        from galapagos_comparison import Side
        from galapagos_timing import NotTimed

        def exchange(name: str, calls: Sequence[Sequence[object]], meanwhile: Callable[[], object] | None) -> list[Any]:
            try:
                return self._exchange(name, calls, timeout, meanwhile)
            except CandidateError as error:
                if is_reference:
                    raise NotTimed(f"expected the reference to answer; got {error.cause}: {error}") from None
                raise

        return Side(exchange, self._wire.hand_over, is_reference)

    def _load(self) -> None:
        # Loading is paid from the job's time, so that a short limit of one call measures the call alone.
        if self._loaded:
            return
        nonce, answer = self._receive(self._deadline)
        match answer:
            case [0, "", ""] if nonce == 0:
                self._loaded = True
            case [1, str(cause), str(text)] if nonce == 0:
                raise self._ended(CandidateDied(_known(cause, "load_error"), text[:_LONGEST_TEXT]))
            case _:
                raise self._ended(CandidateDied("protocol", "expected word that the program is loaded; got something else"))

    def _exchange(
        self,
        name: str,
        calls: Sequence[Sequence[object]],
        timeout: float | None,
        meanwhile: Callable[[], object] | None = None,
    ) -> list[Any]:
        if self._end is not None:
            raise self._end
        self._load()
        deadline = self._deadline if timeout is None else min(self._deadline, time.monotonic() + timeout)
        nonce = new_nonce()
        requests = [list(arguments) for arguments in calls]
        try:
            self._wire.send(nonce, (name, requests), deadline)
        except TimeoutError:
            raise self._timeout(deadline) from None
        except Closed:
            raise self._ended(CandidateDied("died", "the candidate's process ended")) from None
        if meanwhile is not None:
            meanwhile()
        echoed, answer = self._receive(deadline)
        if echoed != nonce:
            raise self._ended(CandidateDied("protocol", "expected a reply to this call; got one made before it was known"))
        match answer:
            case [2, list()] if len(results := cast("list[list[Any]]", answer)[1]) == len(requests):
                return results
            case [1, str(cause), str(text)]:
                raise CandidateError(_known(cause, "call_error"), text[:_LONGEST_TEXT])
            case _:
                raise self._ended(CandidateDied("protocol", "expected results or an error; got something else"))

    def _receive(self, deadline: float) -> tuple[int, object]:
        if self._end is not None:
            raise self._end
        start = time.monotonic()
        try:
            received = self._wire.receive(deadline)
        except TimeoutError:
            self._waited += time.monotonic() - start
            raise self._timeout(deadline) from None
        except Closed:
            raise self._ended(CandidateDied("died", "the candidate's process ended")) from None
        except ProtocolError as error:
            raise self._ended(CandidateDied("protocol", f"the candidate's reply: {error}")) from None
        self._waited += time.monotonic() - start
        return received

    def _timeout(self, deadline: float) -> CandidateError:
        if deadline >= self._deadline:
            self._late(self._waited)
        return self._ended(CandidateTimeout("timed_out", "the candidate did not answer in time"))

    def _ended(self, error: CandidateError) -> CandidateError:
        self._end = error
        return error


def _nobody_is_late(waited: float) -> None:
    """That the reference is slow says nothing about the candidate."""


def _known(cause: str, otherwise: str) -> str:
    return cause if cause in {"out_of_memory", "forbidden", "invalid_output"} else otherwise


class Context:
    """What the judge knows about this evaluation; nothing of it is within the candidate's reach.

    `rng` is a numpy Generator: equal for equal run secret, problem revision, purpose, stage, repeat and
    number of earlier verifications. `data` is the problem's folder, read-only. `purpose` is "search" or "verify".
    """

    def __init__(self, seed: bytes, data: str, stage: str, repeat: int, purpose: str) -> None:
        self._seed = seed
        self._data = data
        self.stage = stage
        self.repeat = repeat
        self.purpose = purpose

    @cached_property
    def rng(self) -> np.random.Generator:
        """Made when first asked for: it costs as much as the rest of a small evaluation."""
        return np.random.Generator(np.random.PCG64(int.from_bytes(self._seed, "big")))

    @cached_property
    def data(self) -> Path:
        """The problem's folder."""
        return Path(self._data)

    def log(self, text: object) -> None:
        """Add a line to the judge's log, which is shown to people where the judge fails; never to a model."""
        try:
            os.write(1, f"{text}\n".encode("utf-8", "replace"))
        except OSError:
            return
