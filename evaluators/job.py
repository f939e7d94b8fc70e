"""One job in two boxes: descriptors, deadline, watch, and the cause of its end."""

import asyncio
import contextlib
import os
import signal
import socket
import struct
import time
from typing import Any

from evaluators.bench import GONE, Bench, References, fork_program
from evaluators.box import Box, BoxLost, Ended, Fork
from evaluators.confinement import JUDGE_MEMORY_MIB
from evaluators.harness.galapagos_memory_file import SIZE, held_mib, sealed_memory
from evaluators.judgement import (
    Clock,
    Done,
    Hold,
    Late,
    Message,
    NotAMessage,
    Reader,
    Reference,
    Share,
    Turn,
    cause_of,
    clean,
    tail,
    value_of,
)
from evaluators.process_watch import MOST_FILES, Look
from evaluators.recycling import end_soon, kill
from evaluators.sandbox import Cause, Job, JobResult, SandboxUnavailable
from evolution.evaluation import Tier

_LOG_SIZE = 64 << 10
_READ_BACK = 16_000
"""Bytes; no character takes more than four."""
_WATCH_S = 0.05
_GRACE_S = 0.5
_CLOCK = struct.Struct("<d")
_BY_CANDIDATE = frozenset({Cause.DIED, Cause.PROTOCOL, Cause.TIMED_OUT})


async def run_job(tier: Tier, candidates: Box, judges: Box, job: Job, references: References | None = None) -> JobResult:
    """Run `job`; see `Sandbox.run`. Without `references` its judge can time, but not compare."""
    started = time.monotonic()
    evaluation = _Evaluation(tier, candidates, job, started, references)
    try:
        return await evaluation.run(judges)
    except (BoxLost, TimeoutError, OSError) as error:
        # A zygote that does not answer is no zygote: the next job gets new boxes.
        await candidates.close()
        await judges.close()
        await evaluation.abandon()
        text = f"the sandbox failed: {error or 'a box did not answer'}; the evaluation is to be repeated"
        return JobResult(Cause.HOST_FAULT, None, text, time.monotonic() - started, 0.0, 0.0, "")
    finally:
        evaluation.close()


class _Evaluation:
    def __init__(self, tier: Tier, box: Box, job: Job, started: float, references: References | None) -> None:
        self._tier = tier
        self._box = box
        self._job = job
        self._started = started
        self._deadline = started + job.timeout_s
        self._loop = asyncio.get_running_loop()
        self._done: asyncio.Future[Done] = self._loop.create_future()
        self._reader = Reader()
        self._late: float | None = None
        self._killed: tuple[Cause, str] | None = None
        self._died_by_itself = False
        self._peak_mib = 0.0
        self._asked = False
        self._references = references
        self._bench: Bench | None = None
        self._at_bench: asyncio.Task[None] | None = None
        self._candidate: Fork | None = None
        self._judge: Fork | None = None
        self._line: socket.socket | None = None
        self._logs: list[int] = []
        self._memory_file = -1
        self._watching: asyncio.TimerHandle | None = None

    async def run(self, judges: Box) -> JobResult:
        self._send_out(judges)
        assert self._candidate is not None  # noqa: S101 - for the type checker: just made
        assert self._judge is not None  # noqa: S101 - as above
        self._watching = self._loop.call_later(_WATCH_S, self._watch)
        overdue = self._loop.call_later(self._job.timeout_s + _GRACE_S, self._overdue)
        self._judge.ended.add_done_callback(self._judge_ended)
        self._candidate.lost.add_done_callback(self._candidate_lost)
        try:
            done = await self._done
            if done.cause == Cause.DIED:
                await self._let_the_dying_die(self._candidate)
        finally:
            overdue.cancel()
            self._stop_watching()
            ended = await self._end(self._candidate, self._judge)
            await self._clear_bench()
        return self._result(done, ended)

    async def _end(self, candidate: Fork, judge: Fork) -> Ended:
        """End both; a killed candidate that takes longer is left to its box, with what is known of it by then."""
        decided = self._done.done() and not self._done.cancelled() and self._done.exception() is None
        # A slot of containers has no spare one: the next candidate comes when this one is gone.
        if not decided or self._done.result().cause == Cause.OK or self._tier is Tier.CONTAINER:
            return (await kill(candidate, judge))[0]
        ended = await end_soon(candidate, judge)
        if ended is not None:
            return ended
        spent = candidate.spent_s()
        # One that spent nothing was gone by the time of the look: what its zygote counted is on its way.
        return Ended(0, spent, 0) if spent else (await kill(candidate))[0]

    def _send_out(self, judges: Box) -> None:
        job = self._job
        self._logs = [sealed_memory("log", _LOG_SIZE), sealed_memory("log", _LOG_SIZE)]
        self._memory_file = sealed_memory("arrays", SIZE)
        our_line, their_line = socket.socketpair()
        our_line.setblocking(False)
        self._line = our_line
        one, other = socket.socketpair()
        try:
            self._candidate = fork_program(self._box, job, job.files, [one.fileno(), self._memory_file, self._logs[0]])
            request = {
                "entry": job.entry,
                "picture": job.picture,
                "stage": job.stage,
                "repeat": job.repeat,
                "purpose": job.purpose.value,
                "seed": job.seed,
                "deadline": self._deadline,
            }
            self._judge = judges.fork(request, [other.fileno(), their_line.fileno(), self._memory_file, self._logs[1]])
        finally:
            for end in (one, other, their_line):
                end.close()
        self._loop.add_reader(our_line.fileno(), self._read)

    def _judge_ended(self, ended: asyncio.Future[Ended]) -> None:
        if self._lost(ended):
            return
        # Its last word may lie in the socket still.
        self._read()
        self._finish(Done("judge_error", "the judge's process ended without a result"))

    def _candidate_lost(self, lost: asyncio.Future[None]) -> None:
        self._lost(lost)

    def _lost(self, future: asyncio.Future[Any]) -> bool:
        """Whether a box is gone, and nobody waits for a judge's word any more."""
        error = None if future.cancelled() else future.exception()
        if error is not None and not self._done.done():
            self._done.set_exception(error)
        return error is not None

    def _read(self) -> None:
        if self._line is None:
            return
        try:
            data = self._line.recv(1 << 18)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._loop.remove_reader(self._line.fileno())
            return
        try:
            for message in self._reader.feed(data):
                self._heed(message)
        except NotAMessage as error:
            self._finish(Done("judge_error", str(error)))

    def _heed(self, message: Message) -> None:
        match message:
            case Clock() | Reference() | Share() | Hold() | Turn() if self._asked:
                # The harness waits for its answer: whoever asks on and on would keep the launcher busy.
                raise NotAMessage("expected one question at a time from the judge's harness; got more")
            case Late() if self._late is not None:
                raise NotAMessage("expected word once that the time has run out; got it again")
            case Clock():
                self._asked = True
                self._loop.create_task(self._tell_clock(message.start)).add_done_callback(_read_result)
            case Late():
                self._late = message.waited
            case Done():
                cause_of(message)
                self._finish(message)
            case Reference() | Share() | Hold() | Turn():
                self._asked = True
                self._at_bench = self._loop.create_task(self._use_bench(message))
                self._at_bench.add_done_callback(_read_result)

    def _finish(self, done: Done) -> None:
        if self._line is not None:
            self._loop.remove_reader(self._line.fileno())
        if not self._done.done():
            self._done.set_result(done)

    async def _tell_clock(self, start: bool) -> None:
        assert self._candidate is not None  # noqa: S101 - for the type checker: the judge runs, so it was made
        try:
            if start and not self._candidate.sealed.done() and not await self._box.seal():
                self._kill(Cause.DIED, "expected processes that can be stopped before time is taken; one could not be")
            seconds = await self._candidate.measure(start=start)
        except (BoxLost, OSError):
            seconds = GONE
        self._reply(seconds, [])

    async def _use_bench(self, message: Reference | Share | Hold | Turn) -> None:
        assert self._candidate is not None  # noqa: S101 - as above
        if self._bench is None:
            self._logs.append(sealed_memory("log", _LOG_SIZE))
            self._bench = Bench(self._job, self._box, self._candidate, self._references, self._logs[2])
        try:
            number, descriptors = await self._bench.answer(message)
        except (BoxLost, SandboxUnavailable, TimeoutError, OSError) as error:
            if not self._done.done():
                self._done.set_exception(BoxLost(f"the reference could not be timed: {error}"))
            return
        self._reply(number, descriptors)
        for descriptor in descriptors:
            os.close(descriptor)

    async def _clear_bench(self) -> None:
        if self._at_bench is not None and not self._at_bench.done():
            self._at_bench.cancel()
            await asyncio.wait({self._at_bench})
        if self._bench is not None:
            await self._bench.end_reference()

    def _reply(self, number: float, descriptors: list[int]) -> None:
        self._asked = False
        if self._line is not None:
            with contextlib.suppress(OSError):
                socket.send_fds(self._line, [_CLOCK.pack(number)], descriptors)

    def _watch(self) -> None:
        """Look at what both sides hold; end the candidate, or the evaluation, when it is beyond the limits."""
        assert self._candidate is not None  # noqa: S101 - for the type checker: armed after it was made
        assert self._judge is not None  # noqa: S101 - as above
        self._watching = self._loop.call_later(_WATCH_S, self._watch)
        if self._candidate.lives:
            self._candidate.look(self._bound)
        if self._judge.lives:
            self._judge.look(self._bound_judge)

    def _bound_judge(self, seen: Look) -> None:
        if seen.memory_mib > JUDGE_MEMORY_MIB:
            text = f"expected a judge that takes at most {JUDGE_MEMORY_MIB} MiB of memory; its processes took more"
            self._finish(Done("judge_error", text))

    def _bound(self, seen: Look) -> None:
        limits = self._job.limits
        memory_mib = seen.memory_mib + held_mib(self._memory_file)
        self._peak_mib = max(self._peak_mib, memory_mib)
        if memory_mib > limits.memory_mib:
            self._kill(Cause.OUT_OF_MEMORY, f"expected at most {limits.memory_mib} MiB of memory; its processes took more")
        elif seen.tasks > limits.processes:
            self._kill(Cause.DIED, f"expected at most {limits.processes} processes and threads; it started more")
        elif seen.files_mib > limits.files_mib:
            text = f"expected at most {MOST_FILES} files of {limits.files_mib} MiB together; it made more"
            self._kill(Cause.DIED, text)

    def _stop_watching(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            self._watching = None

    def _kill(self, cause: Cause, text: str) -> None:
        assert self._candidate is not None  # noqa: S101 - as above
        if self._killed is None and not self._done.done():
            self._killed = (cause, text)
            self._candidate.order_end()

    def _overdue(self) -> None:
        expected = f"within {self._job.timeout_s:g} s"
        if self._late is not None:
            self._finish(Done("timed_out", f"expected a result {expected}; there was none"))
        else:
            self._finish(Done("judge_error", f"expected the judge to end {expected}; it did not; raise timeout_s"))

    async def _let_the_dying_die(self, candidate: Fork) -> None:
        """The judge saw the candidate's end of the wire close: wait for how its process ends by itself."""
        await asyncio.wait({candidate.ended}, timeout=_GRACE_S)
        self._died_by_itself = candidate.ended.done()

    def _result(self, done: Done, candidate: Ended) -> JobResult:
        cause, text = cause_of(done), clean(done.message)
        value = None
        if cause is Cause.OK:
            try:
                value = value_of(done)
            except NotAMessage as error:
                cause, text = Cause.JUDGE_ERROR, str(error)
        elif cause in _BY_CANDIDATE or cause is Cause.LOAD_ERROR:
            cause, text = self._whose(cause, text, candidate)
        if self._killed is not None and cause is not Cause.OK:
            cause, text = self._killed
        log = self._logs[1] if cause is Cause.JUDGE_ERROR else self._logs[0]
        return JobResult(
            cause=cause,
            value=value,
            message=text,
            duration_s=time.monotonic() - self._started,
            cpu_s=candidate.cpu_s,
            peak_memory_mib=max(self._peak_mib, candidate.peak_kib / 1024),
            log_tail=_end_of(log),
        )

    def _whose(self, cause: Cause, text: str, ended: Ended) -> tuple[Cause, str]:
        """Refine what the judge saw from its end of the wire by how the candidate's process ended."""
        if cause is Cause.TIMED_OUT and self._late is not None and self._late < self._job.timeout_s / 2:
            text = f"the judge used most of the {self._job.timeout_s:g} s itself; raise timeout_s or do less in the judge"
            return Cause.JUDGE_ERROR, text
        return self._end_of(ended) if cause is Cause.DIED else (cause, text)

    def _end_of(self, ended: Ended) -> tuple[Cause, str]:
        if not self._died_by_itself:
            return Cause.DIED, "the candidate closed its connection to the judge and went on"
        if not os.WIFSIGNALED(ended.status):
            status = os.waitstatus_to_exitcode(ended.status)
            return Cause.DIED, f"the candidate's process ended by itself, with exit status {status}"
        match os.WTERMSIG(ended.status):
            case signal.SIGSYS:
                return Cause.FORBIDDEN, "the candidate made a system call of another architecture, which is forbidden"
            case signal.SIGKILL if self._tier is Tier.NAMESPACES:
                return self._killed_from_outside(ended)
            case signal.SIGSEGV if self._tier is Tier.NAMESPACES:
                # The kernel shields process 1 of a namespace from its own SIGABRT; abort() then ends it so.
                return Cause.DIED, "the candidate's process was ended by SIGSEGV: a bad access to memory, or abort()"
            case number:
                return Cause.DIED, f"the candidate's process was ended by {signal.Signals(number).name}"

    def _killed_from_outside(self, ended: Ended) -> tuple[Cause, str]:
        """Process 1 of a namespace cannot kill itself: it was the kernel, short of memory, or somebody's hand."""
        if ended.peak_kib / 1024 > self._job.limits.memory_mib / 2:
            return Cause.OUT_OF_MEMORY, "the machine ran out of memory and the candidate held much of it"
        return Cause.HOST_FAULT, "the candidate's process was killed from outside the sandbox; it is to be repeated"

    async def abandon(self) -> None:
        """Something does not answer: close what else may be in the way."""
        if self._bench is not None:
            await self._bench.abandon()

    def close(self) -> None:
        """Let every descriptor go."""
        if self._bench is not None:
            self._bench.close()
        if self._line is not None:
            self._loop.remove_reader(self._line.fileno())
            self._line.close()
            self._line = None
        for descriptor in (*self._logs, self._memory_file):
            if descriptor >= 0:
                os.close(descriptor)
        for fork in (self._candidate, self._judge):
            if fork is not None:
                fork.close()


def _read_result(task: asyncio.Task[None]) -> None:
    if not task.cancelled():
        task.result()


def _end_of(log: int) -> str:
    """The last of what was written; who writes could hide its own words by moving the place, and only these."""
    size = min(os.lseek(log, 0, os.SEEK_CUR), _LOG_SIZE)
    return tail(os.pread(log, _READ_BACK, max(0, size - _READ_BACK))) if size else ""
