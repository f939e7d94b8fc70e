"""GPU seconds: set aside before an evaluation is asked for, settled at what was measured. Amounts are milliseconds.

What is set aside follows from the search state alone, so a pass writes the difference to what its run held before: a crash
between two passes neither loses nor doubles any. Where the limits leave less room than that, what is kept for verifications
is the first to shrink; nothing is asked for that cannot be paid.
"""

import logging

from controller.current_pass import Pass
from database.allowances import CountedLimit
from evolution.events import VerificationAsked
from evolution.gpu_time import milliseconds
from evolution.limits import Resource

_log = logging.getLogger(__name__)


def note_used(now: Pass, seconds: float) -> None:
    """Take in for how long GPUs were held for an evaluation that is taken in."""
    now.gpu_used += milliseconds(seconds)


def spent(now: Pass) -> int:
    """What the run has used by now."""
    own = _own(now)
    return now.gpu_used + (0 if own is None else own.spent)


def evaluations_left(now: Pass) -> int | None:
    """How many more proposals can be paid, beside all that was asked for and the verifications; None: any number."""
    left, one = _left(now), now.run.gpu_time.search
    return None if left is None or not one else max(0, left) // one


def why_used_up(now: Pass) -> str:
    """Whose limit it is that leaves too little for one more evaluation."""
    limit = min((limit for limit in _limits(now) if limit.left is not None), key=lambda limit: limit.left or 0)
    most = Resource.GPU_MILLISECONDS.text(limit.most or 0)
    return (
        f"{limit.name} may use {most}, and too few are left for another evaluation, which may take "
        f"{now.run.gpu_time.search / 1000:g}, beside those kept to verify the best"
    )


def may_verify(now: Pass) -> bool:
    """Whether one more verification can be paid: from what is free, or from what is kept for that."""
    left, time = _left(now), now.run.gpu_time
    return left is None or left + time.kept(now.run.state) >= time.verification


def refuse_unpaid(now: Pass) -> None:
    """Note which verifications that the pass asked for cannot be paid: the last of them, so that better programs come first."""
    asked = [event.number for _, event in now.of_kind(VerificationAsked)]
    left, time = _left(now), now.run.gpu_time
    if left is None or not time.any:
        return
    room = left + time.kept(now.run.state)
    while room < 0 and asked:
        now.unpaid.append(asked.pop())
        room += time.verification


def why_unpaid(now: Pass) -> str:
    """What is said of such a verification."""
    return (
        f"a verification may take {Resource.GPU_MILLISECONDS.text(now.run.gpu_time.verification)}, and so many are not left "
        "to the run, its project or its person"
    )


def settled(now: Pass) -> tuple[int, int]:
    """What the pass adds to what is spent, and to what is set aside, so that no limit is exceeded."""
    own = _own(now)
    if own is None:
        return 0, 0
    held, used, room = _held(now), now.gpu_used, _room(now)
    if room is not None:
        used = min(used, room)
        held = min(held, room - used)
    if used < now.gpu_used:
        _log.error(
            "run %s held GPUs for %s ms, and the limits have room for %s: that is booked, the rest is not; something holds "
            "GPUs for longer than the time limits of its stages",
            now.run.id,
            now.gpu_used,
            used,
        )
    return used, held - own.reserved


def _limits(now: Pass) -> list[CountedLimit]:
    return [limit for limit in now.limits if limit.resource is Resource.GPU_MILLISECONDS]


def _own(now: Pass) -> CountedLimit | None:
    return next((limit for limit in _limits(now) if limit.own), None)


def _room(now: Pass) -> int | None:
    """What the run may have spent and set aside in all since the last pass; None: any amount."""
    own, left = _own(now), [limit.left for limit in _limits(now) if limit.left is not None]
    return None if own is None or not left else min(left) + own.reserved


def _held(now: Pass) -> int:
    time = now.run.gpu_time
    return time.held(now.run.state) - time.verification * len(now.unpaid)


def _left(now: Pass) -> int | None:
    room = _room(now)
    return None if room is None else room - now.gpu_used - _held(now)
