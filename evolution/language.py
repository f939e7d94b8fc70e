"""The languages of programs: one table of all that the rest of the service has to know about each."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Language(StrEnum):
    """The language of the evolvable files. What `LANGUAGES` names a compiler for is compiled inside the sandbox.

    `TEXT` is any other: models alone change it, and the evaluator of another system's folder runs it.
    """

    PYTHON = "python"
    C = "c"
    CPP = "cpp"
    RUST = "rust"
    TEXT = "text"


LIBRARY = "candidate.so"
"""What a compiler makes: a shared library, whose functions are called with the convention of C."""


@dataclass(frozen=True, slots=True)
class Compiler:
    """How a program becomes `LIBRARY`: `program`, `flags`, the sources, `libraries`.

    The sources are all files with a suffix of the language, or with `main_only` the first file alone, which names the
    others. `beside` are further programs that it needs. `export` says how a function is made callable; `install` are the
    words that end a message about a missing compiler.
    """

    program: str
    flags: tuple[str, ...]
    libraries: tuple[str, ...]
    export: str
    install: str
    main_only: bool = False
    beside: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LanguageTraits:
    """One row of the table.

    `suffixes` are those of sources, the first file of a seed among them; `comment` leads a line with a marker of an
    EVOLVE-BLOCK. `about` tells a language model what there is. `mutates`: whether mutation and tuning, which ask no
    model, can change it.
    """

    title: str
    suffixes: tuple[str, ...]
    comment: str
    compiler: Compiler | None
    about: str
    mutates: bool


def _gnu(program: str, *flags: str, export: str, install: str) -> Compiler:
    # Of a program that does not compile the first errors are read, so nothing else may stand before them.
    quiet = ("-w", "-fmax-errors=8")
    return Compiler(
        program=program,
        flags=(*flags, "-O3", "-march=native", "-shared", "-fPIC", "-fno-plt", *quiet, "-o", LIBRARY),
        libraries=("-lm",),
        export=export,
        install=install,
    )


_RUSTC = Compiler(
    program="rustc",
    flags=(
        "--edition=2021",
        "--crate-type=cdylib",
        "--crate-name=candidate",
        "-Copt-level=3",
        "-Ctarget-cpu=native",
        "-Ccodegen-units=1",
        "-Cpanic=abort",
        "-Cstrip=symbols",
        "-Clinker=gcc",
        # Newer versions would take a linker that starts a thread for every processor.
        "-Clink-arg=-fuse-ld=bfd",
        "-Awarnings",
        "-o",
        LIBRARY,
    ),
    libraries=(),
    export='#[no_mangle] pub extern "C"',
    install="sudo apt-get install -y rustc gcc libc6-dev, or install Rust with rustup",
    main_only=True,
    beside=("gcc",),
)

LANGUAGES: Mapping[Language, LanguageTraits] = MappingProxyType(
    {
        Language.PYTHON: LanguageTraits(
            title="Python",
            suffixes=(".py",),
            comment="#",
            compiler=None,
            about="with its standard library and numpy, and nothing else is there.",
            mutates=True,
        ),
        Language.C: LanguageTraits(
            title="C",
            suffixes=(".c",),
            comment="//",
            compiler=_gnu("gcc", export="not static", install="sudo apt-get install -y gcc libc6-dev"),
            about="compiled by gcc at its highest optimisation level for the machine at hand. Only the C library is there.",
            mutates=True,
        ),
        Language.CPP: LanguageTraits(
            title="C++",
            suffixes=(".cpp", ".cc", ".cxx"),
            comment="//",
            compiler=_gnu("g++", "-std=c++20", export='extern "C"', install="sudo apt-get install -y g++ libc6-dev"),
            about="in C++20, compiled by g++ at its highest optimisation level for the machine at hand. Only the standard "
            'library is there. Functions that are called from outside are extern "C" and let no exception out.',
            mutates=True,
        ),
        Language.RUST: LanguageTraits(
            title="Rust",
            suffixes=(".rs",),
            comment="//",
            compiler=_RUSTC,
            about="in edition 2021, compiled by rustc at its highest optimisation level for the machine at hand. Only std "
            'is there, no crate. Functions called from outside are #[no_mangle] pub extern "C"; a panic ends the program.',
            mutates=False,
        ),
        Language.TEXT: LanguageTraits(
            title="text",
            suffixes=("",),
            comment="#",
            compiler=None,
            about="of the kind that the program shows; the judge runs or reads it.",
            mutates=False,
        ),
    }
)
