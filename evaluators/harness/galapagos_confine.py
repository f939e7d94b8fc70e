"""The walls that a process puts around itself before it runs code that nobody trusts. Linux only, through ctypes."""

import ctypes
import errno
import os
import resource
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

_libc = ctypes.PyDLL(None, use_errno=True)
_syscall: Callable[..., int] = _libc.syscall
_syscall.restype = ctypes.c_long  # type: ignore[attr-defined]  # ctypes functions carry their signature as attributes

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_KEEPCAPS, _PR_SET_SECCOMP = 1, 4, 8, 22
_PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS, _PR_GET_TID_ADDRESS, _PR_CAP_AMBIENT = 36, 38, 40, 47
_SECCOMP_MODE_FILTER = 2
_CAPABILITIES_VERSION_3 = 0x20080522
_CAP_DAC_READ_SEARCH = 1 << 2

_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_BIND = 1, 2, 4, 8, 4096
_CLONE_PIDFD, _CLONE_CHILD_CLEARTID, _CLONE_CHILD_SETTID = 0x1000, 0x00200000, 0x01000000
_NEW_NAMESPACES = 0x00020000 | 0x02000000 | 0x08000000 | 0x10000000 | 0x20000000
"""mount, cgroup, ipc, user and pid; the network namespace of the box is empty already."""
_SYS_CLONE3, _SYS_LANDLOCK_CREATE, _SYS_LANDLOCK_ADD, _SYS_LANDLOCK_RESTRICT = 435, 444, 445, 446
_SYS_CAPSET = {"x86_64": 126, "aarch64": 91}

_READ = 1 << 2 | 1 << 3
_EXECUTE = 1 << 0
_LANDLOCK_V1 = (1 << 13) - 1
_LANDLOCK_BY_VERSION = {2: 1 << 13, 3: 1 << 14, 5: 1 << 15}


class ConfinementFailed(RuntimeError):
    """A wall could not be put up, so the candidate must not run here: the machine's fault."""


@dataclass(frozen=True, slots=True)
class ResourceLimits:
    """Kernel limits of one process.

    Bytes of address space (baseline included) and of one file, processor seconds, processes (threads count), open files.
    CUDA reserves more address space than any machine has memory: None is no bound.
    """

    address_space: int | None
    file_size: int
    cpu_s: int
    processes: int
    open_files: int = 128


def _checked(what: str, result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise ConfinementFailed(f"{what}: {errno.errorcode.get(number, number)} ({os.strerror(number)})")
    return result


_prctl_call: Callable[..., int] = _libc["prctl"]
_prctl_call.argtypes = [ctypes.c_int, *[ctypes.c_void_p] * 4]  # type: ignore[attr-defined]  # as above


def _prctl(what: str, option: int, first: Any, second: Any = 0) -> int:
    return _checked(what, _prctl_call(option, first, second, 0, 0))


def set_dumpable(*, on: bool) -> None:
    """A process that is not dumpable cannot be traced, nor its memory read, by others of its uid."""
    _prctl("prctl(PR_SET_DUMPABLE)", _PR_SET_DUMPABLE, int(on))


def adopt_orphans() -> None:
    """Become the parent of every process that a descendant leaves behind, so that it can be found and killed."""
    _prctl("prctl(PR_SET_CHILD_SUBREAPER)", _PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent(signal: int) -> None:
    """Ask for `signal` when the parent ends. Hostile code can undo it, and a change of uid does."""
    _prctl("prctl(PR_SET_PDEATHSIG)", _PR_SET_PDEATHSIG, signal)


class _CloneArguments(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_uint64)
        for name in ("flags", "pidfd", "child_tid", "parent_tid", "exit_signal", "stack", "stack_size", "tls")
    ]


class NamespaceFork:
    """`os.fork`, with the child as process 1 of fresh user, PID, mount, IPC and cgroup namespaces.

    One system call does it all, so no intermediate process is needed and the parent needs no capability. A call
    returns (0, -1) in the child and (pid, pidfd) in the parent, which must be single-threaded.
    """

    def __init__(self) -> None:
        thread_id = ctypes.c_void_p()
        flags = _NEW_NAMESPACES | _CLONE_PIDFD
        if _libc.prctl(_PR_GET_TID_ADDRESS, ctypes.byref(thread_id), 0, 0, 0) == 0 and thread_id.value:
            # The C library caches the thread's id at this address; fork() lets the kernel correct it, and so do we.
            flags |= _CLONE_CHILD_SETTID | _CLONE_CHILD_CLEARTID
        self._pidfd = ctypes.c_int(-1)
        self._arguments = _CloneArguments(
            flags=flags, pidfd=ctypes.addressof(self._pidfd), child_tid=thread_id.value or 0, exit_signal=17
        )
        size = ctypes.c_size_t(ctypes.sizeof(self._arguments))
        self._clone = partial(_syscall, ctypes.c_long(_SYS_CLONE3), ctypes.byref(self._arguments), size)
        self._before = ctypes.pythonapi.PyOS_BeforeFork
        self._in_child = ctypes.pythonapi.PyOS_AfterFork_Child
        self._in_parent = ctypes.pythonapi.PyOS_AfterFork_Parent

    def __call__(self) -> tuple[int, int]:
        """Fork."""
        self._before()
        pid = self._clone()
        if pid == 0:
            self._in_child()
            return 0, -1
        self._in_parent()
        return _checked("clone3 with fresh namespaces", pid), self._pidfd.value


def _write(path: str, text: str) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY)
        try:
            os.write(descriptor, text.encode())
        finally:
            os.close(descriptor)
    except OSError as error:
        raise ConfinementFailed(f"writing {path}: {error}") from None


def be_first_to_go() -> None:
    """If the machine runs out of memory, this process goes before any other."""
    _write("/proc/self/oom_score_adj", "1000")


class Walls:
    """What a fork in fresh namespaces does first, laid out before the fork so that it touches little memory.

    Within its user namespace it becomes the same uid and gid as outside and nobody else, and the first to go if the
    machine runs out of memory. At `scratch` it mounts an empty space of limited size and file count, which vanishes
    with the namespace, and it hides /proc below the empty folder `empty`.
    """

    def __init__(self, ids: tuple[int, int], scratch: str, empty: str, size_mib: int, inodes: int) -> None:
        uid, gid = ids
        self._writes = (
            (b"/proc/self/setgroups", b"deny"),
            (b"/proc/self/uid_map", b"%d %d 1" % (uid, uid)),
            (b"/proc/self/gid_map", b"%d %d 1" % (gid, gid)),
            (b"/proc/self/oom_score_adj", b"1000"),
        )
        options = f"size={size_mib}m,nr_inodes={inodes},mode=0700".encode()
        own, bind = ctypes.c_ulong(_MS_NOSUID | _MS_NODEV), ctypes.c_ulong(_MS_BIND)
        self._mounts = (
            (b"tmpfs", scratch.encode(), b"tmpfs", own, options),
            (empty.encode(), b"/proc", None, bind, None),
        )

    def put_up(self) -> None:
        """Do it; this process cannot undo it."""
        set_dumpable(on=True)
        for path, text in self._writes:
            try:
                descriptor = os.open(path, os.O_WRONLY)
                os.write(descriptor, text)
                os.close(descriptor)
            except OSError as error:
                raise ConfinementFailed(f"writing {path.decode()}: {error}") from None
        for arguments in self._mounts:
            if _libc.mount(*arguments) != 0:
                _checked(f"mounting at {arguments[1].decode()}", -1)


def limit_resources(limits: ResourceLimits, neighbours: int = 0) -> None:
    """Set the kernel's limits for this process and all that it starts.

    `neighbours` is how many processes and threads its user has besides, which the kernel counts too.
    """
    for kind, value in (
        # One byte, not none: only this keeps the kernel from starting a host's collector of core dumps.
        (resource.RLIMIT_CORE, 1),
        (resource.RLIMIT_FSIZE, limits.file_size),
        (resource.RLIMIT_NOFILE, limits.open_files),
        (resource.RLIMIT_NPROC, limits.processes + neighbours),
        (resource.RLIMIT_MSGQUEUE, 0),
        (resource.RLIMIT_SIGPENDING, 256),
    ):
        _limit(kind, value)
    if limits.address_space is not None:
        _limit(resource.RLIMIT_AS, limits.address_space)
    _limit(resource.RLIMIT_CPU, limits.cpu_s, limits.cpu_s + 1)


def _limit(kind: int, soft: int, hard: int | None = None) -> None:
    try:
        resource.setrlimit(kind, (soft, soft if hard is None else hard))
    except ValueError:
        # Whoever started us has a lower hard limit, which holds already.
        ceiling = resource.getrlimit(kind)[1]
        resource.setrlimit(kind, (min(soft, ceiling), ceiling))


_CAPSET = _SYS_CAPSET.get(os.uname().machine, -1)
_HEADER = (ctypes.c_uint32 * 2)(_CAPABILITIES_VERSION_3, 0)
_KEPT = {reading: (ctypes.c_uint32 * 6)(kept, kept, 0, 0, 0, 0) for reading, kept in ((False, 0), (True, _CAP_DAC_READ_SEARCH))}


def drop_capabilities(*, keep_reading: bool = False) -> None:
    """Give up every capability; `keep_reading` keeps the one that reads files whatever their mode (Landlock bounds it)."""
    _prctl("prctl(PR_CAP_AMBIENT)", _PR_CAP_AMBIENT, 4)
    _checked("capset", _syscall(_CAPSET, _HEADER, _KEPT[keep_reading]))


def become(uid: int, *, keep_reading: bool) -> None:
    """Turn from root into the user and group `uid`, without any capability but the one that `keep_reading` keeps."""
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    if keep_reading:
        _prctl("prctl(PR_SET_KEEPCAPS)", _PR_SET_KEEPCAPS, 1)
    os.setresuid(uid, uid, uid)
    drop_capabilities(keep_reading=keep_reading)


def ask_as(uid: int, act: Callable[[], bool]) -> bool:
    """What `act` answers in a process of the user `uid`; False if it fails there."""
    helper = os.fork()
    if helper == 0:
        status = 1
        try:
            become(uid, keep_reading=False)
            status = 0 if act() else 1
        finally:
            os._exit(status)
    return os.waitpid(helper, 0)[1] == 0


def forbid_new_privileges() -> None:
    """From here on no program gains rights by being executed; seccomp and Landlock ask for it."""
    _prctl("prctl(PR_SET_NO_NEW_PRIVS)", _PR_SET_NO_NEW_PRIVS, 1)


class _FilterProgram(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


class SystemCallFilter:
    """A seccomp program, prepared once and installed by each process that asks."""

    def __init__(self, instructions: bytes) -> None:
        self._instructions = instructions
        self._program = _FilterProgram(len(instructions) // 8, instructions)

    def install(self) -> None:
        """Apply it to this process for good."""
        _prctl("installing the seccomp filter", _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(self._program))


def landlock_version() -> int:
    """The version of Landlock's interface that this kernel offers, 0 for none."""
    return max(0, _syscall(_SYS_LANDLOCK_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(1)))


class Landlock:
    """Rules by path: `readable` folders and files may be read and executed, `writable` folders also changed.

    Every right that this kernel's version knows is handled; TCP, abstract sockets and signals to processes outside
    are denied where it can. Without Landlock in the kernel `active` is False and `restrict` does nothing. With
    `writes_only` reading and executing are left to the rules that hold already.
    """

    def __init__(self, readable: Iterable[str], writable: Iterable[str], *, writes_only: bool = False) -> None:
        self._ruleset = -1
        self.version = landlock_version()
        if self.version == 0:
            return
        self._handled = _LANDLOCK_V1
        for version, right in _LANDLOCK_BY_VERSION.items():
            self._handled |= right if self.version >= version else 0
        if writes_only:
            self._handled &= ~(_READ | _EXECUTE)
        network = 0b11 if self.version >= 4 else 0
        scopes = 0b11 if self.version >= 6 else 0
        attributes = (ctypes.c_uint64 * 3)(self._handled, network, scopes)
        size = 24 if self.version >= 6 else 16 if self.version >= 4 else 8
        self._ruleset = _checked(
            "landlock_create_ruleset",
            _syscall(_SYS_LANDLOCK_CREATE, ctypes.byref(attributes), ctypes.c_size_t(size), ctypes.c_uint32(0)),
        )
        for path in readable:
            self._allow(path, _READ | _EXECUTE)
        for path in writable:
            self._allow(path, self._handled)

    @property
    def active(self) -> bool:
        """Whether the kernel knows Landlock."""
        return self._ruleset >= 0

    @property
    def bounds_signals(self) -> bool:
        """Whether it keeps signals inside."""
        return self.version >= 6

    def _allow(self, path: str, rights: int) -> None:
        try:
            descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError as error:
            raise ConfinementFailed(f"opening {path} for Landlock: {error}") from None
        try:
            rights &= self._handled
            if not os.path.isdir(path):  # noqa: PTH112 - pathlib would be one more import in every zygote
                rights &= _EXECUTE | 1 << 1 | 1 << 2 | 1 << 14 | 1 << 15
            attributes = ctypes.create_string_buffer(
                rights.to_bytes(8, "little") + descriptor.to_bytes(4, "little", signed=True), 12
            )
            _checked(
                f"landlock_add_rule for {path}",
                _syscall(
                    _SYS_LANDLOCK_ADD,
                    ctypes.c_int(self._ruleset),
                    ctypes.c_int(1),
                    ctypes.byref(attributes),
                    ctypes.c_uint32(0),
                ),
            )
        finally:
            os.close(descriptor)

    def restrict(self) -> None:
        """Apply the rules to this process for good."""
        if self.active:
            _checked(
                "landlock_restrict_self",
                _syscall(_SYS_LANDLOCK_RESTRICT, ctypes.c_int(self._ruleset), ctypes.c_uint32(0)),
            )
