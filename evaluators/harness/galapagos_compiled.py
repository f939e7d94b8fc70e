"""Programs in compiled languages: compiled in the candidate's own process tree, behind its walls, then loaded and called."""

import ctypes
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

import msgspec
import numpy as np
from galapagos_candidate import Bind, CompilationFailed
from galapagos_confine import SystemCallFilter

_OUTPUT = "compiler-output"
_LONGEST_OUTPUT = 16_000


class Compiler(msgspec.Struct, frozen=True):
    """How to make `library` in the current folder: `command`, the sources, `libraries`.

    `suffixes` are those of sources, none for the main file alone. `variables` are added to the compiler's environment.
    `title` and `export` are for messages: the language, and how a function is made callable.
    """

    title: str
    command: list[str]
    suffixes: list[str]
    libraries: list[str]
    variables: dict[str, str]
    library: str
    export: str


def load_compiled(files: Mapping[str, str], main: str, compiler: Compiler, no_new_process: SystemCallFilter) -> Bind:
    """Compile the program, give up starting processes, then load it: nothing of it runs before that.

    Raises:
        CompilationFailed: with the compiler's words.
    """
    for path, text in files.items():
        os.makedirs(str(PurePosixPath(path).parent), exist_ok=True)  # noqa: PTH103 - pathlib.Path would be one more import
        with open(path, "w", encoding="utf-8") as file:  # noqa: PTH123 - as above
            file.write(text)
    _compile(sorted(path for path in files if path.endswith(tuple(compiler.suffixes))) or [main], compiler)
    no_new_process.install()
    library = ctypes.CDLL(f"./{compiler.library}")

    def bind(function: str, arguments: Sequence[Any]) -> Callable[[], object]:
        try:
            target = library[function]
        except AttributeError:
            raise AttributeError(
                f"expected a {compiler.title} function {function!r} ({compiler.export}); there is none"
            ) from None
        target.restype = None
        passed: list[Any] = []
        for argument in arguments:
            passed.extend(_as_c(argument))

        def run() -> list[object]:
            target(*passed)
            return [argument for argument in arguments if isinstance(argument, np.ndarray)]

        return run

    return bind


def _compile(sources: Sequence[str], compiler: Compiler) -> None:
    # Into a file, whose size is limited: a compiler can be made to print without end.
    with open(_OUTPUT, "w+b") as output:  # noqa: PTH123 - as above
        finished = subprocess.run(
            [*compiler.command, *sources, *compiler.libraries],
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, **compiler.variables},
        )
        output.seek(0)
        said = output.read(_LONGEST_OUTPUT).decode("utf-8", "replace")
    os.unlink(_OUTPUT)  # noqa: PTH108 - as above
    if finished.returncode != 0:
        raise CompilationFailed(said.strip() or f"the compiler {_end_of(finished.returncode)} and said nothing")


def _end_of(status: int) -> str:
    return f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"


def _as_c(argument: object) -> list[Any]:
    if isinstance(argument, np.ndarray):
        return [ctypes.c_void_p(argument.ctypes.data), ctypes.c_int64(argument.size)]
    if isinstance(argument, int):
        return [ctypes.c_int64(argument)]
    if isinstance(argument, float):
        return [ctypes.c_double(argument)]
    raise TypeError(f"expected numpy arrays, int and float for a compiled function; got {type(argument).__name__}")
