"""What this machine can offer: which tier, and where one is missing, what to do about it."""

import functools
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from database.settings import PREFIX
from evaluators.confinement import bubblewrap, interpreter, machine_is_known
from evaluators.harness.galapagos_confine import landlock_version
from evaluators.nvml import find_gpus, no_gpu
from evaluators.sandbox import SandboxUnavailable
from evaluators.slots_client import greeting, missing_compiler
from evaluators.slots_protocol import Hello
from evaluators.toolchains import find_toolchain
from evolution.evaluation import Tier
from evolution.language import Language

_APPARMOR = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
_DEBIAN_SWITCH = Path("/proc/sys/kernel/unprivileged_userns_clone")
_MOST_NAMESPACES = Path("/proc/sys/user/max_user_namespaces")
_TRIES = 3
"""bwrap walks through all mounts, and ends where one vanishes meanwhile, as those of Docker's containers come and go."""


@dataclass(frozen=True, slots=True)
class Probe:
    """The strongest tier that this machine offers, None for none; why no stronger one; and the commands that help."""

    tier: Tier | None
    reasons: tuple[str, ...]
    fix: tuple[str, ...]


def _switch(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def _namespaces_hindered() -> tuple[str, str] | None:
    """Why a box of namespaces does not come up, and the fix; None when it does. Tries a real one."""
    if shutil.which("bwrap") is None:
        return "expected the program bwrap (bubblewrap); it is not installed", "sudo apt-get install -y bubblewrap"
    # AppArmor lets a user namespace be made and then withholds its rights: only a mount within it tells.
    script = (
        "import ctypes, sys; c = ctypes.CDLL(None); "
        "sys.exit(c.unshare(0x10020000) or c.mount(b'/usr', b'/usr', None, ctypes.c_ulong(0x5000), None))"
    )
    command = [bubblewrap(), "--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--ro-bind", "/", "/"]
    command += ["--dev", "/dev", "--proc", "/proc", "--", str(interpreter()), "-I", "-S", "-c", script]
    said = ""
    for _ in range(_TRIES):
        tried = subprocess.run(command, check=False, capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL)
        if tried.returncode == 0:
            return None
        said = (tried.stderr.strip() or f"exit status {tried.returncode}")[-300:]
    return _explanation(said)


def _explanation(said: str) -> tuple[str, str]:
    if _switch(_APPARMOR) == "1":
        return (
            "expected user namespaces with their rights; AppArmor withholds these (Ubuntu 23.10 and later)",
            "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
        )
    if _switch(_DEBIAN_SWITCH) == "0":
        return "expected user namespaces; the kernel forbids them", "sudo sysctl -w kernel.unprivileged_userns_clone=1"
    if _switch(_MOST_NAMESPACES) == "0":
        return "expected user namespaces; their number is limited to 0", "sudo sysctl -w user.max_user_namespaces=10000"
    return (
        f"expected bwrap to start a box; it said: {said}",
        "run on a machine or in a container that allows user namespaces (in Docker: --security-opt seccomp=unconfined)",
    )


@functools.cache
def probe() -> Probe:
    """Look once at what this machine offers; a small box is really started."""
    if not machine_is_known():
        reason = "expected Linux on x86_64 or aarch64: the sandbox is made of its kernel's walls"
        return Probe(None, (reason,), ("run Galapagos in a Linux container or virtual machine (Docker)",))
    hindered = _namespaces_hindered()
    if hindered is None:
        return Probe(Tier.NAMESPACES, (), ())
    reason, fix = hindered
    hello = containers()
    if not hello.fault:
        return Probe(Tier.CONTAINER, (reason,), (fix,))
    if landlock_version() == 0:
        closed = "expected Landlock at least; this kernel does not offer it, so nothing would bound what candidates read"
        return Probe(None, (reason, closed, hello.fault), (fix,))
    return Probe(Tier.PLAIN, (reason, hello.fault), (fix,))


@functools.cache
def containers() -> Hello:
    """What boxes in containers are made of here, or in `fault` why there are none; asked once."""
    folder = os.environ.get(f"{PREFIX}SLOT_FOLDER")
    return greeting(Path(folder) if folder else None)


def require(tier: Tier, language: Language, gpus: int = 0) -> None:
    """Refuse, before anything runs, what this machine cannot do.

    Raises:
        SandboxUnavailable: with what was expected, what came, what to do.
    """
    if gpus:
        _require_gpu(tier)
    if tier is Tier.CONTAINER:
        if fault := containers().fault or missing_compiler(containers(), language):
            raise SandboxUnavailable(fault)
        return
    found = probe()
    lacking = found.tier is None if tier is Tier.PLAIN else found.tier is not tier
    if lacking:
        raise SandboxUnavailable(f"{'; '.join(found.reasons)}; to mend it: {'; '.join(found.fix)}")
    find_toolchain(language, mounted=tier is Tier.NAMESPACES)


def _require_gpu(tier: Tier) -> None:
    found = find_gpus(tier)
    if found.driver is None:
        raise SandboxUnavailable(no_gpu(found.reasons))
    found.driver.close()
