"""Where compilers are looked for, and what is said where one is missing."""

import os
from pathlib import Path

import pytest

from evaluators import toolchains
from evaluators.sandbox import SandboxUnavailable
from evaluators.toolchains import find_toolchain
from evolution.language import LANGUAGES, Language

COMPILED = [language for language, traits in LANGUAGES.items() if traits.compiler is not None]


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine without any compiler: the only folder of programs, and the home, are empty."""
    monkeypatch.setattr(toolchains, "SYSTEM_PROGRAMS", str(tmp_path / "system"))
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("system", "path", "home"):
        (tmp_path / name).mkdir()
    return tmp_path


def program(place: Path, text: str = "exit 1") -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(f"#!/bin/sh\n{text}\n")
    place.chmod(0o755)
    return place


def toolchain(folder: Path) -> Path:
    """What rustup installs, with a program that answers where it lies."""
    program(folder / "bin" / "rustc", f"echo {folder}")
    (folder / "lib").mkdir()
    return folder


def test_python_needs_none(bare: Path) -> None:
    assert bare.is_dir()
    assert find_toolchain(Language.PYTHON, mounted=True) is None


@pytest.mark.parametrize("language", COMPILED)
def test_a_missing_compiler_is_told(bare: Path, language: Language) -> None:
    assert bare.is_dir()
    traits = LANGUAGES[language]
    assert traits.compiler is not None
    with pytest.raises(SandboxUnavailable) as told:
        find_toolchain(language, mounted=True)
    needed = [*traits.compiler.beside, traits.compiler.program]
    assert f"for a problem in {traits.title}; it is not installed" in str(told.value)
    assert traits.compiler.install in str(told.value)
    assert needed[0] in str(told.value)


def test_rust_needs_its_linker_and_itself(bare: Path) -> None:
    program(bare / "system" / "gcc")
    with pytest.raises(SandboxUnavailable, match=r"expected the compiler rustc .*~/\.cargo/bin"):
        find_toolchain(Language.RUST, mounted=True)
    program(bare / "path" / "rustc")
    with pytest.raises(SandboxUnavailable, match="rustup"):
        find_toolchain(Language.RUST, mounted=True)


@pytest.mark.parametrize("place", ["path/rustc", "home/.cargo/bin/rustc"])
def test_rust_is_found_by_its_sysroot(bare: Path, place: str) -> None:
    program(bare / "system" / "gcc")
    folder = toolchain(bare / "stable")
    program(bare / place, f"echo {folder}")
    found = find_toolchain(Language.RUST, mounted=True)
    assert found is not None
    assert (found.program, found.folder) == (folder / "bin" / "rustc", folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="only the sandbox of a launcher with root's rights becomes another user")
def test_rust_in_a_closed_folder_serves_only_where_it_is_mounted(bare: Path) -> None:
    program(bare / "system" / "gcc")
    folder = toolchain(bare / "shut" / "stable")
    program(bare / "path" / "rustc", f"echo {folder}")
    (bare / "shut").chmod(0o700)
    assert find_toolchain(Language.RUST, mounted=True) is not None
    with pytest.raises(SandboxUnavailable, match="closed to others"):
        find_toolchain(Language.RUST, mounted=False)
    folder.chmod(0o700)
    with pytest.raises(SandboxUnavailable, match=f"{folder} is closed to others"):
        find_toolchain(Language.RUST, mounted=True)


def test_a_compiler_that_is_no_system_program_is_not_taken(bare: Path) -> None:
    """Boxes see the system's folders alone: a gcc elsewhere on the PATH is of no use."""
    program(bare / "path" / "gcc")
    with pytest.raises(SandboxUnavailable, match="/usr/bin/gcc"):
        find_toolchain(Language.C, mounted=True)
