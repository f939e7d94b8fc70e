"""What a box consists of in each tier: the command that starts its zygote, and what the zygote is told to be."""

import importlib.util
import os
import platform
import secrets
import shutil
import sys
import sysconfig
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from evaluators.gpu_access import GpuAccess
from evaluators.sandbox import SandboxUnavailable
from evaluators.toolchains import Toolchain, compiler_settings, find_toolchain
from evolution.evaluation import Tier
from evolution.language import LANGUAGES
from evolution.problem import Problem

HARNESS = Path(__file__).parent / "harness"
_PACKAGES = ("numpy", "msgspec")
_BOX_HARNESS = "/galapagos/harness"
_BOX_PACKAGES = "/galapagos/packages"
_BOX_ENVIRONMENT = "/galapagos/environment"
_BOX_COMPILER = "/galapagos/compiler"
_BOX_DRIVER = "/galapagos/driver"
_BOX_SLOT = "/galapagos/slot"
_BOX_PROBLEM = "/problem"
_BOX_SCRATCH = "/scratch/tmp"
_BOX_EMPTY = "/empty"
_SYSTEM = ("/usr", "/bin", "/lib", "/lib32", "/lib64", "/libx32")
# Not /dev/zero: mapped, it is shared memory that no limit counts.
_DEVICES = ("/dev/null", "/dev/urandom")
_WRITABLE_DEVICES = ("/dev/null",)
JUDGE_MEMORY_MIB = 4096
_LOWEST_UID = 1 << 30


class Role(StrEnum):
    """Whose box it is."""

    CANDIDATE = "candidate"
    JUDGE = "judge"


@dataclass(frozen=True, slots=True)
class Confinement:
    """How to start one box.

    `command` wants the control socket's descriptor appended; `variables` are its whole environment; `settings` are
    its zygote's first message. `counted` is the folder whose files are counted from outside, since the kernel does not.
    """

    command: list[str]
    variables: dict[str, str]
    settings: dict[str, Any]
    counted: Path | None = None


@dataclass(frozen=True, slots=True)
class Ground:
    """Where boxes stand: the folders of the host that they are made of, and who lives in them.

    `empty` holds nothing and covers what boxes must not see. `gpu` is the one that they can use. `uid` is the unprivileged
    one that the zygotes of a launcher with root's rights become; None without such rights.
    """

    tier: Tier
    problem: Problem
    problem_folder: Path
    scratch: Path
    empty: Path
    candidate_packages: Path | None
    judge_packages: Path | None
    gpu: GpuAccess | None = None
    uid: int | None = field(default_factory=lambda: unprivileged_uid() if os.geteuid() == 0 else None)


def unprivileged_uid() -> int:
    """A uid that no account and no other box has, so that limits and signals bound to a uid meet nobody else."""
    return _LOWEST_UID + secrets.randbelow(1 << 29)


def interpreter() -> Path:
    """The Python that runs in boxes: this one, without its virtual environment."""
    return Path(os.path.realpath(sys.executable))


def package_folders() -> dict[str, Path]:
    """What every box may import besides the standard library: name in the box's package folder to its place here."""
    found: dict[str, Path] = {}
    for name in _PACKAGES:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            raise SandboxUnavailable(f"expected the package {name} beside this program; install the requirements again")
        folder = Path(spec.origin).parent
        found[name] = folder
        libraries = folder.with_name(f"{name}.libs")
        if libraries.is_dir():
            found[libraries.name] = libraries
    return found


def confinement(ground: Ground, role: Role) -> Confinement:
    """Describe the box of `role`.

    Raises:
        SandboxUnavailable: something that the box is made of is missing or closed.
    """
    for folder in (ground.candidate_packages, ground.judge_packages):
        if folder is not None and (not folder.is_dir() or folder.stat().st_mode & 0o005 != 0o005):
            raise SandboxUnavailable(
                f"expected a folder of packages that every user may read; got {folder}; run: chmod -R a+rX {folder}"
            )
    if ground.tier is Tier.NAMESPACES:
        return _namespaces(ground, role)
    if ground.tier is Tier.CONTAINER:
        return _contained(ground, role)
    return _plain(ground, role)


def _namespaces(ground: Ground, role: Role) -> Confinement:
    environment = ground.candidate_packages if role is Role.CANDIDATE else ground.judge_packages
    readable = ["/usr", str(Path(sys.base_prefix)), "/galapagos", "/dev"]
    readable += [path for path in _SYSTEM[1:] if Path(path).is_dir() and not Path(path).is_symlink()]
    paths = [_BOX_HARNESS, _BOX_PACKAGES]
    command = [bubblewrap(), *_bubblewrap_walls(ground), *_bubblewrap_system(ground.empty)]
    for folder in (Path(_BOX_HARNESS).parent, Path(_BOX_PACKAGES)):
        # bwrap's own folders are root's alone; who imports after the zygote did is somebody else.
        command += ["--perms", "0755", "--dir", str(folder)]
    command += ["--ro-bind", str(HARNESS), _BOX_HARNESS]
    for name, folder in package_folders().items():
        command += ["--ro-bind", str(folder), f"{_BOX_PACKAGES}/{name}"]
    if environment is not None:
        command += ["--ro-bind", str(environment), _BOX_ENVIRONMENT]
        paths.insert(0, _BOX_ENVIRONMENT)
    if sees_problem(ground, role):
        command += ["--ro-bind", str(ground.problem_folder), _BOX_PROBLEM]
        readable.append(_BOX_PROBLEM)
    gpu = gpu_of(ground, role)
    variables = _variables(paths, _BOX_SCRATCH, gpu)
    if gpu is not None:
        command += _bubblewrap_gpu(gpu)
        if gpu_libraries(gpu):
            variables["LD_LIBRARY_PATH"] = _BOX_DRIVER
    toolchain = _toolchain(ground, role, mounted=True)
    if role is Role.CANDIDATE:
        command += ["--dir", _BOX_SCRATCH, *_temporary_names()]
        command += ["--dir", _BOX_EMPTY]
        if toolchain is not None and toolchain.folder is not None:
            command += ["--ro-bind", str(toolchain.folder), _BOX_COMPILER]
            toolchain = Toolchain(_BOX_COMPILER / toolchain.program.relative_to(toolchain.folder), Path(_BOX_COMPILER))
    command += ["--remount-ro", "/", "--chdir", "/", "--", *_python("galapagos_zygote.py", _BOX_HARNESS)]
    scratch = _BOX_SCRATCH if role is Role.CANDIDATE else ""
    settings = _settings(ground, role, readable, scratch, _BOX_PROBLEM, toolchain)
    if gpu is not None:
        settings["devices"] = gpu.in_box()
    return Confinement(command, variables, settings | {"empty": _BOX_EMPTY})


def gpu_of(ground: Ground, role: Role) -> GpuAccess | None:
    """The device that a role's box can use."""
    return ground.gpu if ground.gpu is not None and (role is Role.CANDIDATE or ground.gpu.judge) else None


def _bubblewrap_gpu(gpu: GpuAccess) -> list[str]:
    """The device's nodes, and those libraries of its driver that are not the system's."""
    mounts: list[str] = []
    for node, place in zip(gpu.nodes, gpu.in_box(), strict=True):
        mounts += ["--dev-bind", str(node), place]
    if libraries := gpu_libraries(gpu):
        mounts += ["--perms", "0755", "--dir", _BOX_DRIVER]
        for library in libraries:
            mounts += ["--ro-bind", str(library), f"{_BOX_DRIVER}/{library.name}"]
    return mounts


def gpu_libraries(gpu: GpuAccess) -> list[Path]:
    """Those of the driver that a box does not have with the system's."""
    return [library for library in gpu.libraries if not any(library.resolve().is_relative_to(place) for place in _SYSTEM)]


def sees_problem(ground: Ground, role: Role) -> bool:
    """A peer's evaluator runs beside the candidate that it imports, so its folder is there too."""
    return role is Role.JUDGE or not ground.problem.definition.score_isolated


def _toolchain(ground: Ground, role: Role, *, mounted: bool) -> Toolchain | None:
    """The compiler of a candidate's box; a peer's evaluator finds one itself, if it needs one."""
    definition = ground.problem.definition
    if role is Role.JUDGE or not definition.score_isolated:
        return None
    return find_toolchain(definition.language, mounted=mounted)


def _contained(ground: Ground, role: Role) -> Confinement:
    """What a container's zygote is told; what the container is made of, the slots service knows alone."""
    environment = ground.candidate_packages if role is Role.CANDIDATE else ground.judge_packages
    paths = [_BOX_HARNESS, _BOX_PACKAGES]
    readable = ["/usr", _BOX_HARNESS, _BOX_PACKAGES, *_DEVICES, "/etc/ld.so.cache"]
    if environment is not None:
        readable.append(_BOX_ENVIRONMENT)
        paths.insert(0, _BOX_ENVIRONMENT)
    problem = f"{_BOX_SLOT}{_BOX_PROBLEM}"
    if sees_problem(ground, role):
        readable.append(problem)
    if role is Role.JUDGE:
        # This container has been nobody from its start.
        settings = _settings(ground, role, readable, "", problem, None) | {"uid": None}
    else:
        definition = ground.problem.definition
        compiler = LANGUAGES[definition.language].compiler if definition.score_isolated else None
        toolchain = None if compiler is None else Toolchain(Path("/usr/bin", compiler.program), None)
        settings = _settings(ground, role, readable, _BOX_SCRATCH, problem, toolchain)
    return Confinement([], _variables(paths, _BOX_SCRATCH, gpu_of(ground, role)), settings)


def _temporary_names() -> list[str]:
    """The names by which programs expect a place for temporary files, all meaning the candidate's own."""
    return [word for name in ("/tmp", "/dev/shm") for word in ("--symlink", _BOX_SCRATCH, name)]  # noqa: S108 - within a box


def bubblewrap() -> str:
    """The path of bubblewrap's program.

    Raises:
        SandboxUnavailable: it is not installed.
    """
    path = shutil.which("bwrap")
    if path is None:
        raise SandboxUnavailable("expected the program bwrap; it is not installed; run: apt-get install bubblewrap")
    return path


def _bubblewrap_walls(ground: Ground) -> list[str]:
    walls = ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    walls += ["--as-pid-1", "--die-with-parent", "--new-session"]
    if ground.uid is None:
        return [*walls, "--unshare-user", "--cap-drop", "ALL"]
    # Root's mounts need no user namespace; all that the zygote keeps is the right to become somebody else.
    return [*walls, "--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]


def _bubblewrap_system(empty: Path) -> list[str]:
    """Read-only: the system's programs and libraries, and Python without its site-packages."""
    # Left to itself, bwrap makes folders above a mount that nobody but root may enter.
    mounts = ["--perms", "0755", "--dir", "/dev", "--perms", "0755", "--dir", "/etc"]
    for name in _SYSTEM:
        path = Path(name)
        if path.is_symlink():
            mounts += ["--symlink", str(path.readlink()), name]
        elif path.is_dir():
            mounts += ["--ro-bind", name, name]
    if Path("/etc/ld.so.cache").exists():
        mounts += ["--ro-bind", "/etc/ld.so.cache", "/etc/ld.so.cache"]
    prefix = Path(sys.base_prefix)
    if not prefix.is_relative_to("/usr"):
        for folder in list(reversed(prefix.parents))[1:]:
            mounts += ["--perms", "0755", "--dir", str(folder)]
        mounts += ["--ro-bind", str(prefix), str(prefix)]
    for folder in _foreign_packages():
        mounts += ["--ro-bind", str(empty), str(folder)]
    for device in _DEVICES:
        mounts += ["--dev-bind", device, device]
    mounts += ["--symlink", "urandom", "/dev/random"]
    return [*mounts, "--proc", "/proc"]


def _foreign_packages() -> list[Path]:
    """Folders of installed packages within what boxes see: none of them belongs there."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    prefix = Path(sys.base_prefix)
    candidates = {
        prefix / "lib" / version / "site-packages",
        prefix / "lib64" / version / "site-packages",
        Path("/usr/lib/python3/dist-packages"),
        Path("/usr/local/lib") / version / "dist-packages",
    }
    return sorted(folder for folder in candidates if folder.is_dir() and not folder.is_symlink())


def _plain(ground: Ground, role: Role) -> Confinement:
    environment = ground.candidate_packages if role is Role.CANDIDATE else ground.judge_packages
    packages = package_folders()
    readable = [str(HARNESS), *map(str, packages.values()), *map(str, _standard_library()), *_DEVICES, "/dev/random"]
    readable += [path for path in _SYSTEM if Path(path).is_dir() and not Path(path).is_symlink()]
    readable += [path for path in ("/etc/ld.so.cache",) if Path(path).exists()]
    # The folder of packages itself stays closed: only the named ones in it open.
    paths = [str(HARNESS), *dict.fromkeys(str(folder.parent) for folder in packages.values())]
    if environment is not None:
        readable.append(str(environment))
        paths.insert(0, str(environment))
    if sees_problem(ground, role):
        readable.append(str(ground.problem_folder))
    toolchain = _toolchain(ground, role, mounted=False)
    readable += [str(toolchain.folder)] if toolchain is not None and toolchain.folder is not None else []
    scratch = str(ground.scratch) if role is Role.CANDIDATE else ""
    settings = _settings(ground, role, readable, scratch, str(ground.problem_folder), toolchain)
    gpu = gpu_of(ground, role)
    if gpu is not None:
        settings["readable"] += map(str, gpu_libraries(gpu))
        settings["devices"] = list(map(str, gpu.nodes))
    counted = ground.scratch if role is Role.CANDIDATE else None
    variables = _variables(paths, str(ground.scratch), gpu)
    return Confinement(_python("galapagos_zygote.py", str(HARNESS)), variables, settings, counted)


def _standard_library() -> list[Path]:
    """The entries of the standard library without site-packages, and the interpreter with its shared library."""
    folder = Path(sysconfig.get_path("stdlib", vars={"base": sys.base_prefix, "installed_base": sys.base_prefix}))
    entries = [entry for entry in folder.iterdir() if entry.name not in {"site-packages", "dist-packages"}]
    libraries = Path(sys.base_prefix, "lib").glob("libpython*")
    return [*entries, *libraries, interpreter()]


def _python(script: str, folder: str) -> list[str]:
    return [str(interpreter()), "-s", "-S", "-P", "-B", f"{folder}/{script}"]


def _variables(paths: list[str], home: str, gpu: GpuAccess | None) -> dict[str, str]:
    threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1")
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": home,
        "TMPDIR": home,
        "LANG": "C.UTF-8",
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        # Whatever the dynamic linker resolves in the zygote, no fork has to.
        "LD_BIND_NOW": "1",
        **threads,
        **({} if gpu is None else gpu.variables()),
    }


def _settings(
    ground: Ground, role: Role, readable: list[str], scratch: str, problem_folder: str, toolchain: Toolchain | None
) -> dict[str, Any]:
    definition = ground.problem.definition
    return {
        "role": role.value,
        "namespaces": ground.tier is Tier.NAMESPACES,
        "contained": ground.tier is Tier.CONTAINER,
        # Judge and candidate are never the same user.
        "uid": None if ground.uid is None else ground.uid + (role is Role.JUDGE),
        "keep_reading": ground.tier is Tier.PLAIN and ground.uid is not None and not _open_to_all(),
        "readable": readable,
        # A rule for the folder above: what is mounted or made later is found by the path to it.
        "writable": [*_WRITABLE_DEVICES, *([str(Path(scratch).parent)] if scratch else [])],
        "scratch": scratch,
        "empty": "",
        "compiler": None if toolchain is None else compiler_settings(definition.language, toolchain),
        "peer": not definition.score_isolated,
        "main": definition.seed[0],
        "problem": problem_folder if role is Role.JUDGE else "",
        "judge": definition.judge,
        "memory_mib": JUDGE_MEMORY_MIB,
        "gpu": gpu_of(ground, role) is not None,
        "devices": list[str](),
    }


def _open_to_all() -> bool:
    """Whether every user can reach this Python, its packages and the harness."""
    places = [interpreter(), HARNESS, *package_folders().values()]
    return all(folder.stat().st_mode & 0o001 for place in places for folder in [*place.parents] if folder.is_dir())


def machine_is_known() -> bool:
    """Whether the walls know this processor's system calls."""
    return sys.platform == "linux" and platform.machine() in {"x86_64", "aarch64"}
