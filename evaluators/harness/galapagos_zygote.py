"""A warm process in a box: it never runs a candidate's code, it forks the processes that do.

The launcher speaks to it over an inherited socket whose descriptor is the only argument. The first message says what
it is to be (candidates' zygote or judges'); each later one asks for one fork and brings its descriptors. Every fork
is reported twice: when it has started (with its pidfd) and when it has ended and all that it left behind is gone.
"""

import fcntl
import gc
import importlib
import os
import select
import signal
import socket
import struct
import sys
import traceback
from typing import Any

import msgspec
from galapagos_confine import (
    ConfinementFailed,
    Landlock,
    NamespaceFork,
    ResourceLimits,
    SystemCallFilter,
    adopt_orphans,
    ask_as,
    be_first_to_go,
    become,
    die_with_parent,
    drop_capabilities,
    forbid_new_privileges,
    limit_resources,
    set_dumpable,
)
from galapagos_family import Neighbours, forbid_new_tasks, hold_still, kill_all_of_this_user
from galapagos_hooks import ForkHooks
from galapagos_loading import loader
from galapagos_seccomp import confinement_filter, no_new_process_filter
from galapagos_settings import Bounds, Settings, address_space, gpu_nodes

_WIRE, _SECOND, _MEMORY_FILE, _FIRST_UNUSED = 3, 4, 5, 6
_LARGEST_MESSAGE = 1 << 16
_MIB = 1 << 20
_HOST_FAULT = 70
_SEAL = b"seal"
_FIRST_OF_MESSAGES = 0x80
"""Requests are msgpack tables; words, which may be said while a fork lives (see `galapagos_crowd`), begin with a letter."""
_MORE_NEIGHBOURS = 32
_MORE_NEIGHBOURS_OF_JUDGES = 512
_WRITABLE_DEVICES = ("/dev/null",)


def _send(control: socket.socket, message: dict[str, Any], descriptor: int = -1) -> None:
    rights = [] if descriptor < 0 else [(socket.SOL_SOCKET, socket.SCM_RIGHTS, _ONE.pack(descriptor))]
    control.sendmsg([msgspec.msgpack.encode(message)], rights)


_ONE, _FOUR = struct.Struct("i"), struct.Struct("4i")
_ANCILLARY = socket.CMSG_SPACE(_FOUR.size)


def _receive(control: socket.socket) -> tuple[bytes, tuple[int, ...]]:
    """A message with its four descriptors, if it has any. `socket.recv_fds` would touch many more pages."""
    data, ancillary, _, _ = control.recvmsg(_LARGEST_MESSAGE, _ANCILLARY)
    return data, _FOUR.unpack(ancillary[0][2]) if ancillary else ()


class Zygote:
    """One role's fork server. `serve` returns when the launcher is gone."""

    def __init__(self, control: socket.socket, settings: Settings) -> None:
        self._control = control
        self._settings = settings
        self._fork = NamespaceFork() if settings.namespaces and settings.role == "candidate" else _plain_fork
        self._crowd = _crowd(settings)
        self._uid = settings.uid
        readable = [*settings.readable, sys.base_prefix] if settings.contained else settings.readable
        self._devices = gpu_nodes() if settings.contained and settings.gpu else settings.devices
        self._landlock = Landlock(readable, [*settings.writable, *self._devices])
        # A judges' zygote has to signal its forks, so theirs never bounds signals.
        files_of_own = not settings.namespaces and not settings.contained and settings.uid is None
        self._filter = SystemCallFilter(confinement_filter(None, files_of_own=files_of_own))
        self._no_new_process = SystemCallFilter(no_new_process_filter())
        self._baseline = 0
        self._ids = (0, 0)
        self._bounds: dict[bytes, Bounds] = {}
        # The kernel counts processes by user, and only here does the user have others.
        shared = not settings.namespaces and settings.uid is None
        self._neighbours = Neighbours(os.getuid()) if shared else None
        self._judge: Any = None
        # Opened while it can be: judges may not look into /proc, and this process shares their walls.
        self._children = os.open(f"/proc/self/task/{os.getpid()}/children", os.O_RDONLY | os.O_CLOEXEC)

    def prepare(self) -> None:
        """Become who we are to be, before the first request; a judges' zygote puts its walls around itself."""
        settings = self._settings
        if settings.uid is not None and (settings.namespaces or settings.role == "judge"):
            become(settings.uid, keep_reading=settings.keep_reading)
        set_dumpable(on=False)
        with ForkHooks():
            _rehearse(settings)
        self._baseline = address_space()
        self._ids = os.getuid(), os.getgid()
        if settings.role == "judge":
            self._confine_judges()
        gc.collect()
        gc.freeze()

    def _confine_judges(self) -> None:
        from galapagos_judging import import_judge

        settings = self._settings
        limits = ResourceLimits(
            address_space=None if settings.gpu else self._baseline + settings.memory_mib * _MIB,
            file_size=_MIB,
            cpu_s=2**31,
            processes=64,
        )
        # This process lives long, and its user's other processes may become more meanwhile.
        neighbours = self._neighbours.count() + _MORE_NEIGHBOURS_OF_JUDGES if self._neighbours else 0
        forbid_new_privileges()
        limit_resources(limits, neighbours)
        self._landlock.restrict()
        self._filter.install()
        try:
            self._judge = import_judge(settings.problem, settings.judge)
        except BaseException as error:  # noqa: BLE001 - a judge's module may raise anything, SystemExit included
            self._judge = "".join(traceback.format_exception(error))[-4000:]

    def serve(self) -> None:
        """Answer requests until the launcher hangs up."""
        _send(self._control, {"kind": "ready"})
        while True:
            data, descriptors = _receive(self._control)
            if not data:
                return
            if data[0] < _FIRST_OF_MESSAGES:
                # It came too late: the fork it was meant for has ended.
                continue
            self._make_ready(data)
            try:
                pid, pidfd = self._fork()
            except (ConfinementFailed, OSError) as error:
                _send(self._control, {"kind": "failed", "text": f"a process could not be forked: {error}"})
                pid = -1
                pidfd = -1
            if pid == 0:
                self._child(data, descriptors)
            for descriptor in descriptors:
                os.close(descriptor)
            if pid > 0 and not self._watch(pid, pidfd):
                return

    def _make_ready(self, data: bytes) -> None:
        """Lay out before the fork what it is bound by, so that it touches little memory."""
        if self._settings.role == "candidate" and data not in self._bounds:
            # One problem asks for few different bounds; the latest is enough.
            self._bounds = {data: Bounds(self._ids, self._settings, data, self._baseline)}
        if self._neighbours and self._settings.role == "candidate":
            self._bounds[data].neighbours = self._neighbours.count() + _MORE_NEIGHBOURS
        if self._crowd is not None:
            self._uid = self._crowd.next_user()

    def _watch(self, pid: int, pidfd: int) -> bool:
        """Report the start and the end of a fork; False when the launcher hung up meanwhile."""
        _send(self._control, {"kind": "started"}, pidfd)
        poll = select.poll()
        poll.register(pidfd, select.POLLIN)
        poll.register(self._control, select.POLLIN)
        connected = True
        while True:
            ready = [descriptor for descriptor, _ in poll.poll()]
            if pidfd in ready:
                break
            if word := self._control.recv(_LARGEST_MESSAGE):
                self._heed(word, pid)
                continue
            connected = False
            os.kill(pid, signal.SIGKILL)
            poll.unregister(self._control)
        _, status, usage = os.wait4(pid, 0)
        os.close(pidfd)
        if self._crowd is not None:
            self._crowd.clear(self._uid)
        elif not (self._settings.namespaces and self._settings.role == "candidate"):
            self._kill_descendants()
        if connected:
            ended = {
                "kind": "ended",
                "status": status,
                "cpu_s": usage.ru_utime + usage.ru_stime,
                "peak_kib": usage.ru_maxrss,
            }
            _send(self._control, ended)
        return connected

    def _heed(self, word: bytes, pid: int) -> None:
        """Do what the launcher asks for while the fork `pid` lives; all but to seal it can be asked in a container only."""
        if word == _SEAL:
            _send(self._control, {"kind": "sealed", "status": 0 if self._seal(pid) else 1})
        elif self._crowd is not None and (answer := self._crowd.answer(word, pid)) is not None:
            _send(self._control, answer)

    def _seal(self, pid: int) -> bool:
        """Forbid new processes to the fork's family; only a process of its uid may. False if that did not succeed."""
        if self._settings.namespaces:
            return forbid_new_tasks(pid)
        # Orphans are ours now, not the fork's.
        own = os.getpid()
        if self._uid is None:
            return forbid_new_tasks(own, frozenset({own}))
        return ask_as(self._uid, lambda: forbid_new_tasks(own, frozenset({own, os.getpid()})))

    def _kill_descendants(self) -> None:
        """Kill what a fork left behind: orphans become our children, round by round, until none is left."""
        if not os.pread(self._children, 1, 0):
            return
        self._stop_breeding()
        # The list may name one twice that moved while it was read: who waits for a number of ends waits for ever.
        while children := {int(child) for child in os.pread(self._children, 1 << 16, 0).split()}:
            for child in children:
                os.kill(child, signal.SIGKILL)
            for child in children:
                os.wait4(child, 0)

    def _stop_breeding(self) -> None:
        """Be faster than processes that start others: kill all of their user at once, or else stop all of them first."""
        settings = self._settings
        if settings.uid is None and not settings.namespaces:
            own = os.getpid()
            hold_still(own, frozenset({own}))
        elif settings.uid is None or settings.role == "judge":
            # Nobody but our box is in sight, or of our user.
            kill_all_of_this_user()
        else:
            ask_as(settings.uid, kill_all_of_this_user)

    def _child(self, request: bytes, descriptors: tuple[int, ...]) -> None:
        """In the fork: take the descriptors, put up the walls, run, and never return."""
        status = _HOST_FAULT
        try:
            wire, second, memory_file, log = descriptors
            os.dup2(log, 1)
            os.dup2(log, 2)
            os.dup2(wire, _WIRE)
            os.dup2(second, _SECOND)
            os.dup2(memory_file, _MEMORY_FILE)
            if self._settings.role == "judge":
                os.closerange(_FIRST_UNUSED, 1 << 16)
                self._run_judge(msgspec.msgpack.decode(request))
            else:
                self._confine_candidate(self._bounds[request])
                os.closerange(_FIRST_UNUSED, 1 << 16)
                self._run_candidate()
            status = 0
        except (ConfinementFailed, OSError) as error:
            self._complain(error)
        except BaseException:  # noqa: BLE001 - nothing may unwind into the zygote's own loop
            status = 1
        finally:
            os._exit(status)

    def _complain(self, error: Exception) -> None:
        """Tell the launcher that no wall stood yet; impossible once the control socket is closed."""
        try:
            _send(self._control, {"kind": "failed", "text": f"a wall of the sandbox could not be put up: {error}"})
        except OSError:
            return

    def _confine_candidate(self, bounds: Bounds) -> None:
        settings = self._settings
        # Its processes share among themselves what one session gets of the processors, not with the zygote that ends them.
        os.setsid()
        if settings.namespaces:
            bounds.walls.put_up()
        else:
            set_dumpable(on=True)
            be_first_to_go()
        os.chdir(settings.scratch)
        if not settings.namespaces and self._uid is not None:
            become(self._uid, keep_reading=settings.keep_reading)
        limit_resources(bounds.limits, bounds.neighbours)
        forbid_new_privileges()
        if settings.namespaces or settings.uid is None:
            drop_capabilities()
        if not settings.namespaces:
            # Nothing else ends an honest candidate whose zygote was killed; a namespace would.
            die_with_parent(signal.SIGKILL)
        self._landlock.restrict()
        if settings.namespaces:
            self._filter.install()
            return
        # The folder is new for each candidate, so the rules made beforehand open the one above it; these close that.
        Landlock([], [*_WRITABLE_DEVICES, *self._devices, settings.scratch], writes_only=True).restrict()
        bounded = self._landlock.bounds_signals or settings.uid is not None
        own_pid = None if bounded else os.getpid()
        SystemCallFilter(confinement_filter(own_pid, files_of_own=settings.uid is None)).install()

    def _run_candidate(self) -> None:
        from galapagos_candidate import serve
        from galapagos_wire import Wire

        settings = self._settings
        files: dict[str, str] = msgspec.msgpack.decode(os.pread(_SECOND, os.fstat(_SECOND).st_size, 0))
        wire = Wire(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, _WIRE), _MEMORY_FILE)
        serve(wire, loader(files, settings.main, settings.compiler, self._no_new_process, peer=settings.peer))

    def _run_judge(self, request: dict[str, Any]) -> None:
        from galapagos_judging import Launcher, judge
        from galapagos_wire import Wire

        line = socket.socket(fileno=_SECOND)
        if isinstance(self._judge, str):
            Launcher(line).tell(kind="done", cause="judge_error", message=self._judge)
            return
        judge(self._judge, Wire(socket.socket(fileno=_WIRE), _MEMORY_FILE), line, request, self._settings.problem)


def _rehearse(settings: Settings) -> None:
    """Import what forks need, and run it once with a program of ours."""
    for name in ("numpy.fft", "numpy.linalg", "numpy.random"):
        importlib.import_module(name)
    if settings.role == "candidate":
        import galapagos_candidate

        galapagos_candidate.rehearse()
        if settings.peer or settings.compiler is not None:
            importlib.import_module("galapagos_peers" if settings.peer else "galapagos_compiled")
    else:
        import galapagos_judging

        galapagos_judging.rehearse(settings.problem)


def _crowd(settings: Settings) -> Any:
    if not settings.contained:
        return None
    # One more import, which the other tiers are spared.
    from galapagos_crowd import Crowd

    return Crowd(settings.uid, settings.scratch)


def _plain_fork() -> tuple[int, int]:
    pid = os.fork()
    return (0, -1) if pid == 0 else (pid, os.pidfd_open(pid))


def _out_of_the_way(descriptor: int) -> socket.socket:
    """Move the control socket up and fill the places below, so that no fork's descriptor is in another's way."""
    control = socket.socket(fileno=fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 32))
    for place in (_WIRE, _SECOND, _MEMORY_FILE):
        os.dup2(0, place)
    return control


def main() -> None:
    """Start as the launcher asks; report what hinders."""
    control = _out_of_the_way(int(sys.argv[1]))
    try:
        settings = msgspec.msgpack.decode(control.recv(_LARGEST_MESSAGE), type=Settings)
        adopt_orphans()
        zygote = Zygote(control, settings)
        zygote.prepare()
    except (ConfinementFailed, OSError, msgspec.MsgspecError) as error:
        _send(control, {"kind": "failed", "text": f"the zygote could not start: {error}"})
        return
    zygote.serve()


if __name__ == "__main__":
    main()
