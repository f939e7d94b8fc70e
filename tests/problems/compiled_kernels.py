"""Kernels of the built-in problems called in this process: those of this repository alone, never a candidate's."""

import ctypes
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from evolution.language import LANGUAGES, Language

Run = Callable[[Sequence[Any]], list[Any]]
"""Calls a function with a judge's arguments and gives its outputs as the judge's check gets them."""


def program(source: Path, function: str) -> Run:
    if source.suffix == ".py":
        names: dict[str, Any] = {}
        exec(compile(source.read_text(), str(source), "exec"), names)  # noqa: S102 - a file of this repository
        return lambda arguments: [names[function](*arguments)]
    target = _library(source)[function]
    target.restype = None

    def run(arguments: Sequence[Any]) -> list[Any]:
        outputs: list[Any] = []
        passed: list[Any] = []
        kept: list[Any] = []
        for argument in arguments:
            if isinstance(argument, int):
                passed.append(ctypes.c_int64(argument))
                continue
            array = _array(argument)
            kept.append(array)
            passed += [ctypes.c_void_p(array.ctypes.data), ctypes.c_int64(array.size)]
            outputs += [] if isinstance(argument, np.ndarray) else [array]
        target(*passed)
        return outputs

    return run


def inputs_of(arguments: Sequence[Any]) -> list[Any]:
    """What the judge's check gets beside the outputs."""
    named = [(type(argument).__name__, argument) for argument in arguments]
    return [argument.array if name == "InPlace" else argument for name, argument in named if name != "Output"]


def _array(argument: Any) -> np.ndarray[Any, Any]:
    if isinstance(argument, np.ndarray):
        return np.ascontiguousarray(argument)
    array = np.array(argument.array)
    if type(argument).__name__ == "Output":
        array.view(np.uint8)[...] = 255
    return array


def _library(source: Path) -> ctypes.CDLL:
    compiler = LANGUAGES[Language.C].compiler
    assert compiler is not None
    with tempfile.TemporaryDirectory() as folder:
        library = str(Path(folder) / "kernel.so")
        flags = [library if flag == "candidate.so" else flag for flag in compiler.flags]
        subprocess.run([compiler.program, *flags, str(source), *compiler.libraries], check=True)
        return ctypes.CDLL(library)
