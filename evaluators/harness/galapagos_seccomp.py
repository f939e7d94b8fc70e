"""The system calls that a confined process may not make, as a seccomp filter for x86_64 and aarch64.

The filter answers EPERM to what is denied, ENOSYS to clone3 (its flags lie in memory where no filter can look; the
C library then uses clone), success to setsid without doing it, and kills on another architecture's calling convention.
"""

import errno
import platform
import struct

_ALLOW = 0x7FFF0000
_KILL = 0x80000000
_ERRNO = 0x00050000
_LOAD = 0x20
_JUMP_EQUAL = 0x15
_JUMP_NOT_BELOW = 0x35
_JUMP_ANY_BIT = 0x45
_AND = 0x54
_RETURN = 0x06
_OFFSET_NUMBER, _OFFSET_ARCHITECTURE, _OFFSET_ARGUMENTS = 0, 4, 16

NEW_NAMESPACES = 0x7E020080
_AF_UNIX = 1
_SOCK_STREAM, _SOCK_SEQPACKET, _SOCK_TYPE_MASK = 1, 5, 0xF
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C
_MAP_SHARED, _MAP_ANONYMOUS = 0x01, 0x20
_FIOSETOWN, _SIOCSPGRP = 0x8901, 0x8902
_F_SETOWN, _F_SETSIG, _F_SETOWN_EX = 8, 10, 15
_CLONE_PARENT = 0x8000
_RLIMIT_CPU, _RLIMIT_CORE = 0, 4

# name: (x86_64, aarch64); None where the architecture has no such call.
_DENIED: dict[str, tuple[int | None, int | None]] = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    # Pages that a pipe holds are in no process's resident memory.
    "vmsplice": (278, 75),
    "process_mrelease": (448, 448),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "open_tree_attr": (467, 467),
    "unshare": (272, 97),
    "setns": (308, 268),
    "personality": (135, 92),
    "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119),
    "sched_setaffinity": (203, 122),
    "sched_setattr": (314, 274),
    "setpriority": (141, 140),
    "ioprio_set": (251, 30),
    "acct": (163, 89),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "reboot": (169, 142),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "iopl": (172, None),
    "ioperm": (173, None),
    "modify_ldt": (154, None),
    "uselib": (134, None),
    "sysfs": (139, None),
    "ustat": (136, None),
    "lookup_dcookie": (212, 18),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "syslog": (103, 116),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "clock_adjtime": (305, 266),
    "adjtimex": (159, 171),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "vhangup": (153, 58),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "fanotify_init": (300, 262),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "semget": (64, 190),
    "semop": (65, 193),
    "semtimedop": (220, 192),
    "semctl": (66, 191),
    "msgget": (68, 186),
    "msgsnd": (69, 189),
    "msgrcv": (70, 188),
    "msgctl": (71, 187),
    "mq_open": (240, 180),
    "move_pages": (279, 239),
    "migrate_pages": (256, 238),
    "mbind": (237, 235),
    "set_mempolicy": (238, 237),
    "seccomp": (317, 277),
    "socket": (41, 198),
    "bind": (49, 200),
    "connect": (42, 203),
    "listen": (50, 201),
    "accept": (43, 202),
    "accept4": (288, 242),
    # Their number is limited for the whole machine or user, so who takes all of them starves others.
    "io_setup": (206, 0),
    "inotify_init": (253, None),
    "inotify_init1": (294, 26),
}
_METADATA: dict[str, tuple[int | None, int | None]] = {
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, None),
    "fchown": (93, 55),
    "lchown": (94, None),
    "fchownat": (260, 54),
    "utime": (132, None),
    "utimes": (235, None),
    "futimesat": (261, None),
    "utimensat": (280, 88),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "setxattrat": (463, 463),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "removexattrat": (466, 466),
    "file_setattr": (469, 469),
}
"""What changes a file's mode, owner, times and attributes: no rule by path (Landlock) covers them."""
_SIGNALLING: dict[str, tuple[int, int]] = {
    "pidfd_send_signal": (424, 424),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
}
_SOCKETPAIR = (53, 199)
_MMAP = (9, 222)
_CLONE = (56, 220)
_CLONE3 = (435, 435)
_FORK = (57, None)
_VFORK = (58, None)
_EXECVE = (59, 221)
_EXECVEAT = (322, 281)
_PRLIMIT64 = (302, 261)
_SETRLIMIT = (160, 164)
_SETSID = (112, 157)
_IOCTL = (16, 29)
_FCNTL = (72, 25)
_KILL_CALL = (62, 129)
_TKILL = (200, 130)
_TGKILL = (234, 131)
_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}


class UnknownArchitecture(RuntimeError):
    """There is no table of system calls for this processor."""


def _architecture() -> tuple[int, int]:
    machine = platform.machine()
    if machine not in _ARCHITECTURES:
        raise UnknownArchitecture(f"expected a processor of {', '.join(_ARCHITECTURES)}; got {machine}; use one of these")
    return _ARCHITECTURES[machine]


def _instruction(code: int, if_true: int, if_false: int, value: int) -> bytes:
    return struct.pack("<HBBI", code, if_true, if_false, value)


def _answer(value: int) -> bytes:
    return _instruction(_RETURN, 0, 0, value)


_EPERM = _answer(_ERRNO | errno.EPERM)
_ENOSYS = _answer(_ERRNO | errno.ENOSYS)
_YES = _answer(_ALLOW)
_PRETEND = _answer(_ERRNO)
"""Success, and nothing done."""


def _argument(index: int, *, high: bool = False) -> bytes:
    return _instruction(_LOAD, 0, 0, _OFFSET_ARGUMENTS + 8 * index + (4 if high else 0))


def _deny_bits(index: int, bits: int) -> bytes:
    return _argument(index) + _instruction(_JUMP_ANY_BIT, 0, 1, bits) + _EPERM + _YES


def _allow_only(index: int, value: int) -> bytes:
    return _argument(index) + _instruction(_JUMP_EQUAL, 1, 0, value) + _EPERM + _YES


def _deny_values(index: int, *values: int) -> bytes:
    """Refuse these values of one argument; the last comparison falls through to the refusal."""
    tests = [_instruction(_JUMP_EQUAL, len(values) - place - 1, 0, value) for place, value in enumerate(values[:-1])]
    return _argument(index) + b"".join(tests) + _instruction(_JUMP_EQUAL, 0, 1, values[-1]) + _EPERM + _YES


def _prlimit_rule() -> bytes:
    """Limits of oneself alone, and of these neither processor time nor core dumps.

    Who reaches a limit of processor time of its own making is killed by the kernel, which looks like somebody's hand.
    """
    return (
        _argument(0)
        + _instruction(_JUMP_EQUAL, 1, 0, 0)
        + _EPERM
        + _argument(1)
        + _instruction(_JUMP_EQUAL, 1, 0, _RLIMIT_CPU)
        + _instruction(_JUMP_EQUAL, 0, 4, _RLIMIT_CORE)
        # Without new limits (a null pointer) it only reads.
        + _argument(2)
        + _instruction(_JUMP_EQUAL, 0, 3, 0)
        + _argument(2, high=True)
        + _instruction(_JUMP_EQUAL, 0, 1, 0)
        + _YES
        + _EPERM
    )


def _socketpair_rule() -> bytes:
    """AF_UNIX streams only: a datagram socket could be sent to any named socket in reach."""
    return (
        _argument(0)
        + _instruction(_JUMP_EQUAL, 1, 0, _AF_UNIX)
        + _EPERM
        + _argument(1)
        + _instruction(_AND, 0, 0, _SOCK_TYPE_MASK)
        + _instruction(_JUMP_EQUAL, 2, 0, _SOCK_STREAM)
        + _instruction(_JUMP_EQUAL, 1, 0, _SOCK_SEQPACKET)
        + _EPERM
        + _YES
    )


def _mmap_rule() -> bytes:
    """No shared memory without a file: what was unmapped of it stays allocated, where no limit and no count sees it."""
    forbidden = _MAP_SHARED | _MAP_ANONYMOUS
    return _argument(3) + _instruction(_AND, 0, 0, forbidden) + _instruction(_JUMP_EQUAL, 0, 1, forbidden) + _EPERM + _YES


def _assemble(rules: dict[int, bytes], architecture: int) -> bytes:
    """A binary search over the call's number, so that no call pays for the length of the list."""
    start = (
        _instruction(_LOAD, 0, 0, _OFFSET_ARCHITECTURE)
        + _instruction(_JUMP_EQUAL, 1, 0, architecture)
        + _answer(_KILL)
        + _instruction(_LOAD, 0, 0, _OFFSET_NUMBER)
        # Numbers from 2^30 on are the x32 convention of x86_64.
        + _instruction(_JUMP_NOT_BELOW, 0, 1, 0x40000000)
        + _answer(_KILL)
    )
    return start + _search(sorted(rules), rules)


def _search(numbers: list[int], rules: dict[int, bytes]) -> bytes:
    if len(numbers) == 1:
        return _instruction(_JUMP_EQUAL, 1, 0, numbers[0]) + _YES + rules[numbers[0]]
    middle = len(numbers) // 2
    low, high = _search(numbers[:middle], rules), _search(numbers[middle:], rules)
    distance = len(low) // 8
    if distance <= 255:
        return _instruction(_JUMP_NOT_BELOW, distance, 0, numbers[middle]) + low + high
    # A conditional jump reaches 255 instructions; an unconditional one (code 0x05) reaches any.
    return _instruction(_JUMP_NOT_BELOW, 0, 1, numbers[middle]) + _instruction(0x05, 0, 0, distance) + low + high


def confinement_filter(own_pid: int | None, *, files_of_own: bool = False) -> bytes:
    """The filter of every confined process, as an array of struct sock_filter.

    `own_pid`, where given, is the only process that signals may go to: for a place where neither a PID namespace
    nor Landlock bounds them. `files_of_own` is for a process whose user owns files of the host: changes of modes, owners,
    times and attributes are then ignored, as if they had been made.
    """
    column, architecture = _architecture()
    rules = {numbers[column]: _EPERM for numbers in _DENIED.values()}
    rules[_CLONE3[column]] = _ENOSYS
    # A sister instead of a child would be nobody's in the accounts of memory and time.
    rules[_CLONE[column]] = _deny_bits(0, NEW_NAMESPACES | _CLONE_PARENT)
    # Most kernels share processors fairly between sessions: whoever opens many takes most of the machine.
    rules[_SETSID[column]] = _PRETEND
    rules[_PRLIMIT64[column]] = _prlimit_rule()
    rules[_SETRLIMIT[column]] = _deny_values(0, _RLIMIT_CPU, _RLIMIT_CORE)
    rules[_SOCKETPAIR[column]] = _socketpair_rule()
    rules[_MMAP[column]] = _mmap_rule()
    rules[_IOCTL[column]] = _deny_values(1, _TIOCSTI, _TIOCLINUX, _FIOSETOWN, _SIOCSPGRP)
    rules[_FCNTL[column]] = _deny_values(1, _F_SETOWN, _F_SETSIG, _F_SETOWN_EX)
    if files_of_own:
        rules |= {numbers[column]: _PRETEND for numbers in _METADATA.values()}
    if own_pid is not None:
        rules |= {numbers[column]: _EPERM for numbers in _SIGNALLING.values()}
        for call in (_KILL_CALL, _TKILL, _TGKILL):
            rules[call[column]] = _allow_only(0, own_pid)
    return _assemble({number: rule for number, rule in rules.items() if number is not None}, architecture)


def no_new_process_filter() -> bytes:
    """The second filter of a compiled candidate, before its code is loaded: one thread, one process, no other program."""
    column, architecture = _architecture()
    denied = (_CLONE, _CLONE3, _FORK, _VFORK, _EXECVE, _EXECVEAT)
    numbers = [call[column] for call in denied]
    return _assemble({number: _EPERM for number in numbers if number is not None}, architecture)
