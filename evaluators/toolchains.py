"""Where this machine has the compilers that boxes need, and what a box must hold for each. Nothing is compiled here."""

import functools
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluators.sandbox import SandboxUnavailable
from evolution.language import LANGUAGES, LIBRARY, Compiler, Language

SYSTEM_PROGRAMS = "/usr/bin:/bin"
"""Where boxes look for programs; each holds the system's own."""
_SYSTEM = Path("/usr")
_ENTER = 0o001


@dataclass(frozen=True, slots=True)
class Toolchain:
    """A compiler's program; `folder` holds it with all that belongs to it, None where that is the system's own."""

    program: Path
    folder: Path | None


def find_toolchain(language: Language, *, mounted: bool) -> Toolchain | None:
    """The compiler of a language on this machine; None for a language that needs none.

    `mounted` says whether boxes get a folder of their own mounted, so that it does not matter who may enter those above.

    Raises:
        SandboxUnavailable: it is not installed, or boxes could not read it.
    """
    traits = LANGUAGES[language]
    compiler = traits.compiler
    if compiler is None:
        return None
    for program in compiler.beside:
        _system_program(program, traits.title, compiler)
    if compiler.program != "rustc":
        return Toolchain(_system_program(compiler.program, traits.title, compiler), None)
    found = shutil.which(compiler.program, path=SYSTEM_PROGRAMS)
    if found is not None and Path(found).resolve().is_relative_to(_SYSTEM) and _sysroot(found) == _SYSTEM:
        return Toolchain(Path(found), None)
    return _rust_of_a_user(traits.title, compiler, mounted=mounted)


def compiler_settings(language: Language, toolchain: Toolchain) -> dict[str, Any]:
    """What the harness is told of a compiler: the fields of `galapagos_compiled.Compiler`. Paths are those in the box."""
    traits = LANGUAGES[language]
    compiler = traits.compiler
    if compiler is None:
        raise ValueError(f"expected a language that is compiled, got {traits.title}")
    folder = toolchain.folder
    return {
        "title": traits.title,
        "command": [str(toolchain.program), *([] if folder is None else [f"--sysroot={folder}"]), *compiler.flags],
        "suffixes": [] if compiler.main_only else list(traits.suffixes),
        "libraries": list(compiler.libraries),
        # Found by this alone: without /proc the dynamic linker does not know where a program lies.
        "variables": {} if folder is None else {"LD_LIBRARY_PATH": str(folder / "lib")},
        "library": LIBRARY,
        "export": compiler.export,
    }


def _system_program(name: str, title: str, compiler: Compiler) -> Path:
    found = shutil.which(name, path=SYSTEM_PROGRAMS)
    if found is None:
        raise SandboxUnavailable(
            f"expected the compiler /usr/bin/{name} for a problem in {title}; it is not installed; run: {compiler.install}"
        )
    return Path(found)


def _rust_of_a_user(title: str, compiler: Compiler, *, mounted: bool) -> Toolchain:
    """What rustup or another installer put into a folder of its own."""
    found = shutil.which(compiler.program) or shutil.which(compiler.program, path=str(Path.home() / ".cargo" / "bin"))
    folder = None if found is None else _sysroot(found)
    if folder is None or not (folder / "bin" / compiler.program).is_file():
        raise SandboxUnavailable(
            f"expected the compiler {compiler.program} for a problem in {title}, in /usr/bin, on the PATH or in ~/.cargo/bin; "
            f"it is not installed; run: {compiler.install}"
        )
    shut = _first_closed(folder, above=not mounted)
    if shut is not None:
        raise SandboxUnavailable(
            f"expected a toolchain for {title} that the sandbox's own user may read; it lies in {folder}, and {shut} is "
            "closed to others; run: sudo apt-get install -y rustc gcc libc6-dev"
        )
    return Toolchain(folder / "bin" / compiler.program, folder)


def _first_closed(folder: Path, *, above: bool) -> Path | None:
    """What a sandbox that becomes another user could not enter: this folder, or one on the way to it."""
    if os.geteuid() != 0:
        return None
    way = [*reversed(folder.parents), folder] if above else [folder]
    return next((place for place in way if place.stat().st_mode & _ENTER != _ENTER), None)


@functools.cache
def _sysroot(program: str) -> Path | None:
    """What a Rust compiler calls its sysroot; None if it does not answer, as rustup without any toolchain."""
    # At the root, since rustup obeys a file in the current folder.
    asked = subprocess.run([program, "--print", "sysroot"], check=False, capture_output=True, text=True, timeout=30, cwd="/")
    return Path(asked.stdout.strip()) if asked.returncode == 0 else None
