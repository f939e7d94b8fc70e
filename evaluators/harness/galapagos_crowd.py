"""Who lives in a slot's container beside its zygote, which is process 1 there: whoever a fork leaves behind.

No namespace dies with a candidate here. So the zygote, which alone may signal every user of the container, kills all
others, removes what they left in the scratch folder, and gives each candidate a user of its own.
"""

import os
import signal
import stat
from collections.abc import Iterator
from typing import Any

from galapagos_confine import ask_as
from galapagos_family import stands
from galapagos_stopwatch import Stopwatch, WorkedWhileStopped
from galapagos_watch import clocks, held

LOOK, CLOCKS, END, HOLD, RESUME, PIN = b"look", b"clocks", b"end", b"hold", b"resume", b"pin"
_FIRST_USER, _USERS = 10_000, 50_000
_ALL_USERS = 1 << 31
_OPEN = 0o700


class NotClean(RuntimeError):
    """A candidate left something that cannot be removed: this container must serve no other one."""


class Crowd:
    """All processes of this container but ours. `uid` is where the numbers of users begin, None where nobody changes."""

    def __init__(self, uid: int | None, scratch: str) -> None:
        self._scratch = scratch
        self._uid = uid
        if uid is not None and not _every_user_is_there():
            # Docker was told to map users: only the first 65,536 exist.
            self._uid = _FIRST_USER + uid % _USERS
        self._serial = 0
        self._user: int | None = None
        self._stopwatch: Stopwatch | None = None

    def next_user(self) -> int | None:
        """The user of the next fork: no other candidate has been it for a long time, nor is in another slot now."""
        if self._uid is None:
            return None
        self._serial = (self._serial + 1) % 1000
        self._user = self._uid + self._serial
        return self._user

    def answer(self, word: bytes, pid: int) -> dict[str, Any] | None:
        """What the launcher is to be told of the fork `pid`; None where it is only to be obeyed.

        Judges are ended, never looked at: their zygote shares their walls and sees no /proc.
        """
        if word == END:
            self._kill()
            return None
        if word in {HOLD, RESUME} or word.startswith(PIN):
            return self._time(word, pid)
        members = list(self._members())
        if word == CLOCKS:
            return {"kind": "clocks", "pid": pid, "clocks": clocks(members)}
        memory_mib, tasks = held(members)
        return {"kind": "look", "memory_mib": memory_mib, "tasks": tasks}

    def _time(self, word: bytes, pid: int) -> dict[str, Any]:
        """Do with the family of `pid` what its launcher does itself to families that it can reach; see `Stopwatch`."""
        if self._stopwatch is None:
            self._stopwatch = Stopwatch(pid, self._members(), stands, clocks)
        watch, told = self._stopwatch, {"kind": "held", "pid": pid}
        try:
            if word == HOLD:
                return told | ({"status": 1, "seconds": watch.seconds()} if watch.halt() else {"status": 0})
            if word == RESUME:
                watch.start()
            elif self._user is not None:
                # Only a process of its own user may do this to it.
                ask_as(self._user, lambda: watch.pin(int(word.split()[1])) is None)
        except ProcessLookupError:
            return told | {"text": "gone"}
        except WorkedWhileStopped:
            return told | {"text": "worked"}
        return told | {"status": 1}

    def _members(self) -> Iterator[int]:
        own = os.getpid()
        return (int(name) for name in os.listdir("/proc") if name.isdecimal() and int(name) != own)  # noqa: PTH208 - one more import

    def _kill(self) -> None:
        try:
            # One call meets all of them: a process that is forked meanwhile is either among them or never born.
            os.kill(-1, signal.SIGKILL)
        except ProcessLookupError:
            return

    def clear(self, uid: int | None) -> None:
        """Kill whoever is left of the user `uid`, then remove what lies in the scratch folder."""
        if self._stopwatch is not None:
            self._stopwatch.close()
            self._stopwatch = None
        while True:
            self._kill()
            try:
                while True:
                    os.wait4(-1, 0)
            except ChildProcessError:
                break
        if not self._scratch or not os.listdir(self._scratch):  # noqa: PTH208 - as above
            return
        helper = os.fork()
        if helper == 0:
            status = 1
            try:
                _become_owner(uid)
                empty(self._scratch)
                status = 0
            finally:
                os._exit(status)
        _, status = os.waitpid(helper, 0)
        if status or os.listdir(self._scratch):  # noqa: PTH208 - as above
            raise NotClean(f"expected an empty {self._scratch} after a candidate; it cannot be emptied")


def _every_user_is_there() -> bool:
    with open("/proc/self/uid_map", encoding="ascii") as file:  # noqa: PTH123 - pathlib would be one more import
        return any(int(line.split()[2]) > _ALL_USERS for line in file)


def _become_owner(uid: int | None) -> None:
    if uid is not None:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)


def empty(folder: str) -> None:
    """Remove everything in `folder`, however deep and whatever its mode, without ever descending.

    What lies in a folder is moved up beside it before it goes, so that no path grows long and no recursion deep.
    """
    number, mark = 0, os.urandom(8).hex()
    while names := os.listdir(folder):  # noqa: PTH208 - as above
        for name in names:
            path = f"{folder}/{name}"
            if not stat.S_ISDIR(os.lstat(path).st_mode):
                os.unlink(path)  # noqa: PTH108 - as above
                continue
            os.chmod(path, _OPEN)  # noqa: PTH101 - as above
            for inner in os.listdir(path):  # noqa: PTH208 - as above
                number += 1
                _lift(f"{path}/{inner}", f"{folder}/{mark}-{number}")
            os.rmdir(path)  # noqa: PTH106 - as above


def _lift(path: str, place: str) -> None:
    if stat.S_ISDIR(os.lstat(path).st_mode):
        os.chmod(path, _OPEN)  # noqa: PTH101 - as above
        os.rename(path, place)  # noqa: PTH104 - as above
    else:
        os.unlink(path)  # noqa: PTH108 - as above
