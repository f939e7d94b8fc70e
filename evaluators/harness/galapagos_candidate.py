"""The candidate's process, once its walls stand: load the program, then answer the judge's calls until it hangs up."""

import linecache
import os
import socket
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from galapagos_log import BoundedLog
from galapagos_values import NotPlainData
from galapagos_wire import Closed, Wire

if TYPE_CHECKING:
    from galapagos_batch import Batch

READY, FAILED, RESULTS = 0, 1, 2
_LONGEST_TEXT = 4000
_READ_ONLY_FILE_SYSTEM = 30
_REHEARSALS = 12
_NO_FILE = -1
Bind = Callable[[str, Sequence[Any]], Callable[[], object]]
"""Makes the call of a function of the program, by name and with these arguments, ready."""
_BATCHED = ("\0share", "\0run")
_REHEARSAL = """
import math
def answer(number, array, table):
    return [math.sqrt(number), array + 1, table]
def fail(number, array, table):
    raise ValueError("of the rehearsal")
"""


class CompilationFailed(Exception):
    """The compiler refused the program; the text is its own."""


def cause_of(error: BaseException, otherwise: str) -> str:
    """Name the cause of an exception that candidate code raised."""
    if isinstance(error, MemoryError):
        return "out_of_memory"
    if isinstance(error, PermissionError) or (isinstance(error, OSError) and error.errno == _READ_ONLY_FILE_SYSTEM):
        return "forbidden"
    if isinstance(error, NotPlainData):
        return "invalid_output"
    return otherwise


def text_of(error: BaseException) -> str:
    """The end of an exception's traceback, without the frames of this harness."""
    if isinstance(error, CompilationFailed | NotPlainData):
        return str(error)[:_LONGEST_TEXT]
    try:
        entries = traceback.extract_tb(error.__traceback__)
        own = [entry for entry in entries if not entry.filename.startswith(os.path.dirname(__file__))]  # noqa: PTH120
        lines = traceback.format_list(own[-8:]) + traceback.format_exception_only(error)
        return "".join(lines)[-_LONGEST_TEXT:].encode("utf-8", "replace").decode()
    except Exception as second:  # noqa: BLE001 - the candidate's own __str__ or __repr__ may raise anything
        return f"{type(error).__name__} (its text could not be read: {type(second).__name__})"


class _SourceLoader(Loader):
    def __init__(self, path: str, text: str) -> None:
        self._path = path
        self._text = text

    def create_module(self, spec: ModuleSpec) -> None:  # noqa: ARG002 - the import system's signature
        return None

    def exec_module(self, module: ModuleType) -> None:
        module.__file__ = self._path
        # The lines are cut when a traceback asks for them.
        linecache.cache[self._path] = (partial(str, self._text),)
        exec(compile(self._text, self._path, "exec", dont_inherit=True), module.__dict__)  # noqa: S102 - this is its purpose


class SourceFinder(MetaPathFinder):
    """Imports the program's own files from memory."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self._files = files

    def find_spec(self, fullname: str, path: object, target: object = None) -> ModuleSpec | None:  # noqa: ARG002 - as above
        """Find `package.module` as package/module.py or package/module/__init__.py among the files."""
        stem = fullname.replace(".", "/")
        for candidate, package in ((f"{stem}.py", False), (f"{stem}/__init__.py", True)):
            if candidate in self._files:
                loader = _SourceLoader(candidate, self._files[candidate])
                return ModuleSpec(fullname, loader, origin=candidate, is_package=package)
        folder = f"{stem}/"
        if any(name.startswith(folder) for name in self._files):
            return ModuleSpec(fullname, None, is_package=True)
        return None


def load_python(files: Mapping[str, str], main: str) -> Bind:
    """Import the program; the result makes calls of its main file's functions ready."""
    sys.meta_path.insert(0, SourceFinder(files))
    name = main.removesuffix(".py").replace("/", ".")
    module = ModuleType(name)
    sys.modules[name] = module
    _SourceLoader(main, files[main]).exec_module(module)
    namespace = module.__dict__

    def bind(function: str, arguments: Sequence[Any]) -> Callable[[], object]:
        target = namespace.get(function)
        if target is None:
            raise AttributeError(f"expected a function {function!r} in {main}; there is none; define it")
        return partial(target, *arguments)

    return bind


def serve(wire: Wire, load: Callable[[], Bind]) -> None:
    """Load the program and answer until the judge hangs up. Whatever the program does, it can only fail itself."""
    sys.stdout = sys.stderr = BoundedLog(1)
    try:
        bind = load()
    except BaseException as error:  # noqa: BLE001 - whatever it raises is its own failure
        wire.send(0, (FAILED, cause_of(error, "load_error"), text_of(error)))
        return
    wire.send(0, (READY, "", ""))
    batch: Batch | None = None
    while True:
        try:
            nonce, request = wire.receive()
        except Closed:
            return
        function, calls = cast("tuple[str, list[list[Any]]]", request)
        if function not in _BATCHED:
            _answer(wire, nonce, bind, function, calls)
            continue
        batch = batch or _batch(wire, bind)
        _answer(wire, nonce, batch.bind, function, calls)
        # After the answer, so that nothing else lies in the stream before the descriptors.
        batch.take_memory()


def _batch(wire: Wire, bind: Bind) -> "Batch":
    # Only candidates that are compared pay for it.
    from galapagos_batch import Batch

    return Batch(wire, bind)


def _answer(wire: Wire, nonce: int, bind: Bind, function: str, calls: Sequence[Sequence[Any]]) -> None:
    try:
        wire.send(nonce, (RESULTS, [bind(function, arguments)() for arguments in calls]))
    except Closed:
        raise
    except BaseException as error:  # noqa: BLE001 - whatever it raises is its own failure
        wire.send(nonce, (FAILED, cause_of(error, "call_error"), text_of(error)))


def rehearse() -> None:
    """Load and call a program of ours in the zygote, so that forks find the interpreter's caches warm.

    Half of a small evaluation's time is otherwise spent on filling them anew in every fork.
    """
    streams, finders = (sys.stdout, sys.stderr), list(sys.meta_path)
    for _ in range(_REHEARSALS):
        judge, own = socket.socketpair()
        with judge, own:
            wire = Wire(judge, _NO_FILE)
            for function in ("answer", "fail"):
                wire.send(1, (function, [[1.0, np.ones(2), {"key": ["text", b"", None]}]]))
            judge.shutdown(socket.SHUT_WR)
            serve(Wire(own, _NO_FILE), partial(load_python, {"rehearsal.py": _REHEARSAL}, "rehearsal.py"))
            for _ in ("ready", "answer", "fail"):
                wire.receive(time.monotonic() + 1)
        del sys.modules["rehearsal"]
        linecache.cache.clear()
        sys.meta_path[:] = finders
        sys.stdout, sys.stderr = streams
