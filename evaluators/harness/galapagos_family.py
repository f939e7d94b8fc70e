"""A process and all its living descendants, found through /proc, and the order to them to stay as few as they are."""

import os
import resource
import signal
import time
from collections.abc import Iterator
from math import inf

_KEPT_S = 1.0
_PATIENCE_S = 3.0
_ROUND_S = 0.0002


def family(pid: int) -> Iterator[int]:
    """`pid` and all its living descendants. Orphans of a namespace or a subreaper stay in the family."""
    waiting = [pid]
    while waiting:
        member = waiting.pop()
        yield member
        try:
            tasks = os.listdir(f"/proc/{member}/task")  # noqa: PTH208 - pathlib would be one more import in every zygote
        except OSError:
            continue
        for task in tasks:
            try:
                with open(f"/proc/{member}/task/{task}/children", "rb") as file:  # noqa: PTH123 - as above
                    waiting.extend(map(int, file.read().split()))
            except OSError:
                continue


class Neighbours:
    """How many processes and threads a user has, counted anew when asked more than a second later."""

    def __init__(self, uid: int) -> None:
        self._uid = uid
        self._count = 0
        self._counted_at = -inf

    def count(self) -> int:
        """The number of processes and threads."""
        if time.monotonic() - self._counted_at > _KEPT_S:
            self._count, self._counted_at = _tasks_of(self._uid), time.monotonic()
        return self._count


def _tasks_of(uid: int) -> int:
    """How many processes and threads the user `uid` has, as far as /proc shows them."""
    count = 0
    for name in os.listdir("/proc"):  # noqa: PTH208 - as above
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/status", "rb") as file:  # noqa: PTH123 - as above
                text = file.read()
        except OSError:
            continue
        owner, threads = text.partition(b"\nUid:")[2], text.partition(b"\nThreads:")[2]
        if owner and int(owner.split(None, 1)[0]) == uid:
            count += int(threads.split(None, 1)[0])
    return count


def hold_still(pid: int, but: frozenset[int] = frozenset()) -> set[int] | None:
    """Stop the family of `pid` but those in `but`, and say who they are; None if somebody cannot be stopped.

    A process that is in the middle of a fork stops only when its child is there, and the child is stopped in its turn.
    Two rounds in a row that find all of them at a stand and nobody new are proof: in one alone, a later one could
    have set an earlier one going again.
    """
    known = set(but)
    quiet = 0
    until = time.monotonic() + _PATIENCE_S
    while quiet < 2:
        moving = [member for member in family(pid) if member not in but and not (member in known and stands(member))]
        quiet = 0 if moving else quiet + 1
        for member in moving:
            known.add(member)
            signal_one(member, signal.SIGSTOP)
        if moving:
            if time.monotonic() > until:
                return None
            time.sleep(_ROUND_S)
    return known - but


def signal_one(pid: int, number: int) -> None:
    """Send a signal to a process that may have ended."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def stands(pid: int) -> bool:
    """Whether every thread is stopped or has ended."""
    try:
        threads = os.listdir(f"/proc/{pid}/task")  # noqa: PTH208 - as above
    except OSError:
        return True
    for thread in threads:
        try:
            with open(f"/proc/{pid}/task/{thread}/stat", "rb") as file:  # noqa: PTH123 - as above
                state = file.read().rpartition(b")")[2][1:2]
        except OSError:
            continue
        if state not in b"TtZX":
            return False
    return True


def forbid_new_tasks(pid: int, but: frozenset[int] = frozenset()) -> bool:
    """From now on nobody in the family of `pid` starts a process or a thread; asks for the uid of the family.

    They are stopped for it, so that no fork under way brings forth one that was forgotten. False if they would not stop.
    """
    members = hold_still(pid, but)
    if members is None:
        return False
    for member in members:
        try:
            resource.prlimit(member, resource.RLIMIT_NPROC, (0, 0))
        except ProcessLookupError:
            continue
    for member in members:
        signal_one(member, signal.SIGCONT)
    return True


def kill_all_of_this_user() -> bool:
    """End, in one system call that no fork is faster than, every process of our user but this one; always True.

    For a user whom nobody else is, or a PID namespace in which nobody else is.

    Raises:
        PermissionError: we are root, whose processes are the machine's.
    """
    if os.getuid() == 0:
        raise PermissionError("expected an unprivileged user of a sandbox's own; this is root")
    try:
        os.kill(-1, signal.SIGKILL)
    except ProcessLookupError:
        # They ended by themselves.
        return True
    return True
