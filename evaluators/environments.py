"""Environments: the packages of a problem, resolved and locked by hash once, cached, and never changed again."""

import asyncio
import fcntl
import hashlib
import json
import os
import platform
import re
import resource
import shutil
import signal
import sys
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from tempfile import mkdtemp

from uv import find_uv_bin

from evaluators.sandbox import Packages
from evolution.problem import Environment

INSTALL_TIMEOUT_S = 900.0
LARGEST_FILE = 8 << 30
"""Bytes of one file of a package; the largest library of a deep learning framework has an eighth of it."""
LEAST_FREE = 1 << 30
"""Bytes that an installation leaves free, so that a package which unpacks without end fills no disk."""
_LOOK_S = 0.2
LOCK_FILE = "requirements.lock"
FOLDER = "site"

# Names and versions only: an option, a URL or a path in a problem file could make the installer read or run anything.
_SPECIFIER = r"(?:===|==|~=|!=|<=|>=|<|>)\s*[A-Za-z0-9.*+!_-]+"
_REQUIREMENT = re.compile(
    rf"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?(?:\s*\[[A-Za-z0-9._,\s-]*\])?\s*(?:{_SPECIFIER}(?:\s*,\s*{_SPECIFIER})*)?"
)
# What the installer may need to know of our environment; keys and passwords of ours are not among it.
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_", "TMPDIR", "XDG_", "UV_", "SSL_", "NETRC", "HTTP", "NO_PROXY", "ALL_PROXY")


class ResolutionError(RuntimeError):
    """The packages of a problem cannot be installed. The text names them and ends with the installer's own words."""


class Environments:
    """The environments of this machine, below the folder `cache`, which several processes may share.

    An environment is a read-only folder of importable packages without numpy, which every box has: the resolver is
    bound to that version of it, so that nothing shadows it.
    """

    def __init__(self, cache: Path) -> None:
        self._folder = cache / "environments"

    async def prepare(self, environment: Environment) -> Packages:
        """The folders for candidate and judge, made now if they are not yet there; no packages, no folder.

        Raises:
            ResolutionError: a requirement is malformed, unknown, without a wheel for this machine, or in conflict.
        """
        return Packages(
            candidate=await self._folder_of(environment.packages),
            judge=await self._folder_of(environment.judge_packages),
        )

    async def _folder_of(self, requirements: Iterable[str]) -> Path | None:
        wanted = sorted({requirement.strip() for requirement in requirements})
        if not wanted:
            return None
        for requirement in wanted:
            if not _REQUIREMENT.fullmatch(requirement):
                raise ResolutionError(
                    f"[environment] packages must be names with optional extras and versions, such as 'scipy>=1.10'; "
                    f"got {requirement!r}: URLs, paths, markers and installer options are not accepted"
                )
        key = _key(wanted)
        folder = self._folder / key
        if not folder.exists():
            await asyncio.to_thread(self._folder.mkdir, mode=0o755, parents=True, exist_ok=True)
            async with _locked(self._folder / f"{key}.lock"):
                if not folder.exists():
                    await self._create(wanted, folder)
        return folder / FOLDER

    async def _create(self, wanted: list[str], folder: Path) -> None:
        for left_over in self._folder.glob(f"{folder.name}.*.part"):
            shutil.rmtree(left_over, ignore_errors=True)
        part = Path(mkdtemp(prefix=f"{folder.name}.", suffix=".part", dir=self._folder))
        try:
            await _resolve(wanted, part)
            await _install(wanted, part)
            await asyncio.to_thread(_make_read_only, part)
            await asyncio.to_thread(part.rename, folder)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise


def _key(wanted: list[str]) -> str:
    facts = [wanted, platform.python_implementation(), platform.python_version(), version("numpy"), _system()]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]


def _system() -> list[str]:
    return [sys.platform, platform.machine(), *platform.libc_ver()]


async def _resolve(wanted: list[str], part: Path) -> None:
    (part / "requirements.in").write_text("\n".join(wanted) + "\n")
    (part / "constraints.txt").write_text(f"numpy=={version('numpy')}\n")
    await _uv(
        wanted, part, "pip", "compile", "requirements.in", "--constraints", "constraints.txt", "--output-file", LOCK_FILE,
        "--generate-hashes", "--only-binary", ":all:", "--no-emit-package", "numpy", "--no-header", "--no-annotate",
        "--python", sys.executable,
    )  # fmt: skip


async def _install(wanted: list[str], part: Path) -> None:
    (part / FOLDER).mkdir()
    await _uv(
        wanted, part, "pip", "install", "--target", FOLDER, "--require-hashes", "--no-deps", "--only-binary", ":all:",
        "--link-mode", "copy", "--compile-bytecode", "--python", sys.executable, "--requirements", LOCK_FILE,
    )  # fmt: skip


async def _uv(wanted: list[str], folder: Path, *arguments: str) -> None:
    environ = {name: value for name, value in os.environ.items() if name.upper().startswith(_PASSED_ON)}
    process = await asyncio.create_subprocess_exec(
        find_uv_bin(), "--no-progress", "--color", "never", *arguments, cwd=folder, env=environ,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))
    talk = asyncio.create_task(process.communicate())
    try:
        async with asyncio.timeout(INSTALL_TIMEOUT_S):
            while not (await asyncio.wait({talk}, timeout=_LOOK_S))[0]:
                if shutil.disk_usage(folder).free < LEAST_FREE:
                    raise ResolutionError(
                        f"installing {', '.join(wanted)} leaves less than {LEAST_FREE >> 20} MiB free in {folder.parent}; "
                        f"make room there, or name smaller packages"
                    )
    except TimeoutError:
        raise ResolutionError(f"installing {', '.join(wanted)} took over {INSTALL_TIMEOUT_S:.0f} s; try again") from None
    finally:
        if process.returncode is None:
            process.kill()
        _, stderr = await talk
    if process.returncode != 0:
        raise ResolutionError(
            f"the packages {', '.join(wanted)} cannot be installed for Python {platform.python_version()} with numpy "
            f"{version('numpy')} from wheels alone; correct [environment] in problem.toml. The installer said:\n"
            f"{_said(process.returncode, stderr)}"
        )


def _said(status: int | None, stderr: bytes) -> str:
    if status == -signal.SIGXFSZ:
        return f"nothing; it was ended at a file of more than {LARGEST_FILE >> 20} MiB"
    return "\n".join(stderr.decode(errors="replace").strip().splitlines()[-12:])[-2000:]


def _make_read_only(folder: Path) -> None:
    for path in folder.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o555 if path.is_dir() else 0o444)
    folder.chmod(0o555)


@asynccontextmanager
async def _locked(path: Path) -> AsyncGenerator[None]:
    """Hold `path` against other processes and tasks; the kernel lets go of it when its holder dies."""
    with path.open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                await asyncio.sleep(0.1)
        yield
