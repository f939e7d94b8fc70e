"""The bench of an evaluation: candidate and reference side by side, of which at most one runs, and memory for each."""

import contextlib
import fcntl
import math
import os
import socket
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial

import msgspec

from evaluators.box import Box, BoxLost, Fork
from evaluators.harness.galapagos_memory_file import SIZE, sealed_memory
from evaluators.harness.galapagos_stopwatch import WorkedWhileStopped
from evaluators.judgement import Hold, Reference, Share, Turn
from evaluators.recycling import kill
from evaluators.sandbox import Job

References = Callable[[str], Awaitable[tuple[Box, Mapping[str, str]] | None]]
"""The warm box for references, and the files of the program with the reference of this path in its place; None: no such."""
GONE, ABSENT, WOKE = -1.0, -2.0, -3.0
"""Answers in place of seconds: the process is gone; no such file; it ran while it had to stand still."""
_PROCESSORS = os.cpu_count() or 1
_LARGEST_SHARE = 256 << 20
_pinned: Counter[int] = Counter()


def fork_program(box: Box, job: Job, files: Mapping[str, str], descriptors: Sequence[int]) -> Fork:
    """Start a program in a candidates' box, with the descriptors of its wire, memory file and log.

    Raises:
        BoxLost: the box is gone.
    """
    source = os.memfd_create("source", os.MFD_CLOEXEC)
    try:
        os.write(source, msgspec.msgpack.encode(dict(files)))
        os.lseek(source, 0, os.SEEK_SET)
        limits = {
            "memory_mib": job.limits.memory_mib,
            "processes": job.limits.processes,
            "files_mib": job.limits.files_mib,
            "cpu_s": math.ceil(job.timeout_s * _PROCESSORS) + 2,
        }
        wire, memory_file, log = descriptors
        return box.fork(limits, [wire, source, memory_file, log])
    finally:
        os.close(source)


class Bench:
    """Answers what the judge asks while it compares; `close` when the evaluation is over."""

    def __init__(self, job: Job, box: Box, candidate: Fork, references: References | None, log: int) -> None:
        self._job = job
        self._box = box
        self._candidate = candidate
        self._references = references
        self._log = log
        self._reference_box: Box | None = None
        self._processor: int | None = None
        self.reference: Fork | None = None

    async def answer(self, message: Reference | Share | Hold | Turn) -> tuple[float, list[int]]:
        """A number for the judge, and descriptors for it, which are the caller's to close.

        Raises:
            BoxLost, TimeoutError, OSError: the host's fault.
        """
        match message:
            case Reference():
                return await self._start_reference(message.path)
            case Share():
                return 0.0, _shared(message.inputs, message.outputs)
            case Hold(on=True):
                return min([await self._for_side(reference, self._hold) for reference in (True, False)]), []
            case Hold():
                await self._let_go()
                return 0.0, []
            case Turn():
                return await self._for_side(message.reference, partial(self._turn, message.start)), []

    async def _for_side(self, reference: bool, act: Callable[[Box, Fork], Awaitable[float]]) -> float:
        """What `act` gives for one of the two, or what became of it: of the reference, that is no fault of the candidate."""
        box, fork = (self._reference_box, self.reference) if reference else (self._box, self._candidate)
        try:
            if box is None or fork is None:
                raise ProcessLookupError("there is none")
            return await act(box, fork)
        except ProcessLookupError:
            if reference:
                raise BoxLost("its process ended while it was timed, or could not be stopped") from None
            return GONE
        except WorkedWhileStopped:
            if reference:
                raise BoxLost("it ran while it had to stand still") from None
            return WOKE

    async def _start_reference(self, path: str) -> tuple[float, list[int]]:
        found = await self._references(path) if self._references is not None else None
        if found is None:
            return ABSENT, []
        await self.end_reference()
        self._reference_box, files = found
        ours, theirs = socket.socketpair()
        memory_file = sealed_memory("arrays", SIZE)
        with ours:
            self.reference = fork_program(self._reference_box, self._job, files, [ours.fileno(), memory_file, self._log])
        return 0.0, [theirs.detach(), memory_file]

    async def _let_go(self) -> None:
        for fork in (self._candidate, self.reference):
            # Whatever became of them is seen at the next call, if there is one.
            with contextlib.suppress(ProcessLookupError, WorkedWhileStopped):
                if fork is not None:
                    await fork.resume()

    async def _hold(self, box: Box, fork: Fork) -> float:
        if not (await fork.sealed if fork.sealed.done() else await box.seal()):
            fork.order_end()
            raise ProcessLookupError("a process that cannot be stopped cannot be timed")
        await fork.hold()
        await fork.pin(self._choose_processor())
        return 0.0

    def _choose_processor(self) -> int:
        if self._processor is None:
            self._processor = min(os.sched_getaffinity(0), key=lambda number: (_pinned[number], number))
            _pinned[self._processor] += 1
        return self._processor

    async def _turn(self, start: bool, _: Box, fork: Fork) -> float:
        if start:
            await fork.resume()
            return 0.0
        return await fork.hold()

    async def end_reference(self) -> None:
        """End the reference's process and wait until nothing of it is left.

        Raises:
            BoxLost, TimeoutError: its box did not confirm it.
        """
        fork, self.reference = self.reference, None
        if fork is not None:
            try:
                await kill(fork)
            finally:
                fork.close()

    async def abandon(self) -> None:
        """Close the reference's box too: something in it does not answer."""
        if self._reference_box is not None:
            await self._reference_box.close()

    def close(self) -> None:
        """Let the processor go."""
        if self._processor is not None:
            _pinned[self._processor] -= 1
            self._processor = None


def _shared(*sizes: int) -> list[int]:
    """Memory for the inputs, and for the outputs of candidate and reference apart, each of a fixed size."""
    inputs, outputs = sizes
    if min(sizes) <= 0 or inputs + 2 * outputs > _LARGEST_SHARE:
        raise BoxLost(f"expected a judge's harness to share at most {_LARGEST_SHARE} bytes; got {inputs} and {outputs}")
    # Not sealed for good: the judge forbids others to write, once it has mapped them itself.
    memory = os.memfd_create("inputs", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(memory, inputs)
    fcntl.fcntl(memory, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW)
    return [memory, sealed_memory("outputs", outputs), sealed_memory("outputs", outputs)]
