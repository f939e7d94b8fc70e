"""Whose fault a failure is: the candidate's becomes its verdict, anybody else's gives the evaluation back."""

import math

from evaluators.sandbox import Cause, JobResult
from evolution.evaluation import Verdict

TEXT_BYTES = 4096

VERDICTS = {
    Cause.OK: Verdict.SCORED,
    Cause.REJECTED: Verdict.WRONG,
    Cause.LOAD_ERROR: Verdict.CRASHED,
    Cause.CALL_ERROR: Verdict.CRASHED,
    Cause.DIED: Verdict.CRASHED,
    Cause.TIMED_OUT: Verdict.TIMED_OUT,
    Cause.OUT_OF_MEMORY: Verdict.OUT_OF_MEMORY,
    Cause.FORBIDDEN: Verdict.FORBIDDEN,
    Cause.PROTOCOL: Verdict.FORBIDDEN,
    Cause.INVALID_OUTPUT: Verdict.WRONG,
}
"""The candidate's own doings. An unreadable reply counts as forbidden: only a forger writes to the judge's socket."""


class NotTheCandidate(Exception):
    """An evaluation ended without a verdict and must be given back. The text is stored and shown to the user."""


class JudgeFault(NotTheCandidate):
    """The problem's judge raised, hung, or returned what is no score: the author must correct it."""


class HostFault(NotTheCandidate):
    """The machine failed: another try, here or elsewhere, may go well."""


def bounded(text: str) -> str:
    """At most `TEXT_BYTES` of UTF-8, the middle left out, without what Postgres cannot store (NUL, lone surrogates)."""
    data = text.replace("\0", "").encode(errors="replace")
    if len(data) <= TEXT_BYTES:
        return data.decode()
    gap = "\n[...]\n"
    half = (TEXT_BYTES - len(gap)) // 2
    return data[:half].decode(errors="ignore") + gap + data[-half:].decode(errors="ignore")


def verdict_of(result: JobResult, where: str) -> Verdict:
    """The verdict that a job's end means for its candidate; `where` names stage and repeat for the text of a fault.

    Raises:
        JudgeFault: the judge failed, or returned a number that is none.
        HostFault: box, zygote or machine failed.
    """
    if result.cause is Cause.JUDGE_ERROR:
        raise JudgeFault(bounded(f"the judge failed in {where}: {_with_log(result)}"))
    if result.cause is Cause.HOST_FAULT:
        raise HostFault(bounded(f"the sandbox failed in {where}: {_with_log(result)}"))
    if result.value is not None:
        value = result.value
        check_number("score", value.score, where)
        for table, numbers in (("metrics", value.metrics), ("features", value.features)):
            for name, number in numbers.items():
                check_number(f"{table}.{name}", number, where)
    return VERDICTS[result.cause]


def check_number(name: str, number: object, where: str) -> None:
    """Refuse all but finite numbers of exactly int or float: a bool, a string or NaN must never rank.

    Raises:
        JudgeFault: anything else, ints too large for a float included.
    """
    if type(number) is int:
        try:
            float(number)
        except OverflowError:
            raise JudgeFault(f"the judge returned {name} = an int beyond the range of floats in {where}") from None
    elif type(number) is not float or not math.isfinite(number):
        raise JudgeFault(bounded(f"the judge must return a finite int or float as {name}; got {number!r} in {where}"))


def _with_log(result: JobResult) -> str:
    return f"{result.message}\nlast log lines:\n{result.log_tail}" if result.log_tail else result.message
