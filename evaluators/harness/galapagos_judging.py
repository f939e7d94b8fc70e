"""The judge's process: call the judge's function, check what it returns, and tell the launcher."""

import re
import socket
import struct
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from math import isfinite
from types import ModuleType
from typing import Any, cast

import msgspec
import numpy as np
from galapagos_judge import Candidate, CandidateDied, CandidateError, Context, Rejected
from galapagos_log import BoundedLog
from galapagos_wire import Wire

_LENGTH = struct.Struct("<I")
_CLOCK = struct.Struct("<d")
_GONE, _ABSENT, _WOKE = -1.0, -2.0, -3.0
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]{0,63}")
_KEYS = {"score", "metrics", "features", "feedback", "fingerprint"}
_LONGEST_TEXT = 4000
_LONGEST_FINGERPRINT = 128
_LARGEST_PICTURE = 1 << 20
_MOST_NUMBERS = 256
_REHEARSALS = 12
_NO_FILE = -1


class NotAVerdict(Exception):
    """The judge returned what is no result. The text says what was expected, what came, and where."""


class Launcher:
    """The line from the judge's process to the launcher that measures and keeps time."""

    def __init__(self, stream: socket.socket) -> None:
        self._stream = stream

    def tell(self, **message: object) -> None:
        """Send one message."""
        body = msgspec.msgpack.encode(message)
        self._stream.sendall(_LENGTH.pack(len(body)) + body)

    def clock(self, start: bool) -> float:
        """Processor seconds of the candidate so far; `start` forbids it new processes first."""
        return self._ask(0, kind="clock", start=start)[0]

    def start_reference(self, path: str) -> tuple[int, int]:
        """Wire and memory file of a new process that runs the reference of this path."""
        wire, memory_file = self._ask(2, kind="reference", path=path)[1]
        return wire, memory_file

    def share(self, inputs: int, outputs: int) -> list[int]:
        """Descriptors of memory for inputs, the candidate's outputs, and the reference's, of these sizes in bytes."""
        return self._ask(3, kind="share", inputs=inputs, outputs=outputs)[1]

    def hold(self, on: bool) -> None:
        """Stop candidate and reference, or let both run."""
        self._ask(0, kind="hold", on=on)

    def turn(self, reference: bool, start: bool) -> float:
        """Let one of the two run, or stop it; the stop gives its processor seconds."""
        return self._ask(0, kind="turn", reference=reference, start=start)[0]

    def _ask(self, count: int, **question: object) -> tuple[float, list[int]]:
        self.tell(**question)
        answer, descriptors, _, _ = socket.recv_fds(self._stream, _CLOCK.size, count)
        number = float(_CLOCK.unpack(answer)[0]) if len(answer) == _CLOCK.size else _GONE
        if number >= 0:
            return number, descriptors
        if number == _WOKE:
            raise CandidateDied("forbidden", "the candidate ran while it had to stand still")
        if number == _ABSENT:
            raise RuntimeError(
                f"expected a reference that this sandbox can run, a file of the problem's folder; got {question['path']!r}"
            )
        raise CandidateDied("died", "the candidate's process ended before its time could be read")

    def late(self, waited: float) -> None:
        """The job's time ran out while the judge waited for the candidate."""
        self.tell(kind="late", waited=waited)


def judge(module: ModuleType, wire: Wire, line: socket.socket, request: Mapping[str, Any], data: str) -> None:
    """Run one evaluation and report it; nothing that the judge raises escapes."""
    sys.stdout = sys.stderr = BoundedLog(1)
    launcher = Launcher(line)
    deadline = float(request["deadline"])
    candidate = Candidate(wire, deadline, launcher.clock, launcher.late, launcher)
    context = Context(request["seed"], data, request["stage"], request["repeat"], request["purpose"])
    try:
        value = checked(_entry(module, request["entry"])(candidate, context))
        picture = request["picture"]
        drawn = None if picture is None else _picture(_entry(module, picture)(candidate, context), picture)
        launcher.tell(kind="done", cause="ok", **value, picture=drawn)
    except Rejected as rejection:
        launcher.tell(kind="done", cause="rejected", message=str(rejection)[:_LONGEST_TEXT])
    except CandidateError as error:
        launcher.tell(kind="done", cause=error.cause, message=str(error)[:_LONGEST_TEXT])
    except NotAVerdict as error:
        launcher.tell(kind="done", cause="judge_error", message=str(error)[:_LONGEST_TEXT])
    except BaseException as error:  # noqa: BLE001 - a judge may raise anything, SystemExit included
        text = "".join(traceback.format_exception(error))[-_LONGEST_TEXT:]
        launcher.tell(kind="done", cause="judge_error", message=text.encode("utf-8", "replace").decode())


def _entry(module: ModuleType, name: str) -> Callable[..., object]:
    entry = getattr(module, name, None)
    if not callable(entry):
        raise NotAVerdict(
            f"expected a function {name!r} in {module.__file__}; there is none; define it or correct problem.toml"
        )
    return entry


def checked(result: object) -> dict[str, object]:
    """The judge's result as plain data of exact types.

    Raises:
        NotAVerdict: it is no dict with a finite score, or holds what may not be there.
    """
    if not isinstance(result, dict):
        raise NotAVerdict(f"expected the judge to return a dict with a 'score'; got {type(result).__name__}")
    table = cast("dict[object, object]", result)
    if "score" not in table or not _KEYS.issuperset(table):
        keys = sorted(str(key)[:64] for key in table)[:10]
        raise NotAVerdict(f"expected the keys score, metrics, features, feedback, fingerprint; got {keys}")
    feedback = table.get("feedback", "")
    if not isinstance(feedback, str):
        raise NotAVerdict(f"feedback: expected a str; got {type(feedback).__name__}")
    fingerprint = table.get("fingerprint", "")
    if not isinstance(fingerprint, str) or len(fingerprint) > _LONGEST_FINGERPRINT:
        found = f"{type(fingerprint).__name__} {str(fingerprint)[:80]!r}"
        raise NotAVerdict(f"fingerprint: expected a str of at most {_LONGEST_FINGERPRINT} characters; got {found}")
    return {
        "score": _number("score", table["score"]),
        "metrics": _numbers("metrics", table.get("metrics", {})),
        "features": _numbers("features", table.get("features", {})),
        "feedback": feedback[:_LONGEST_TEXT].encode("utf-8", "replace").decode(),
        "fingerprint": fingerprint.encode("utf-8", "replace").decode(),
    }


def _numbers(where: str, value: object) -> dict[str, float]:
    if not isinstance(value, dict):
        raise NotAVerdict(f"{where}: expected a dict of numbers; got {type(value).__name__}")
    table = cast("dict[object, object]", value)
    if len(table) > _MOST_NUMBERS:
        raise NotAVerdict(f"{where}: expected at most {_MOST_NUMBERS} numbers; got {len(table)}")
    numbers: dict[str, float] = {}
    for name, number in table.items():
        if type(name) is not str or not _NAME.fullmatch(name):
            raise NotAVerdict(f"{where}: expected names like 'area' of at most 64 characters; got {str(name)[:80]!r}")
        numbers[name] = _number(f"{where}[{name!r}]", number)
    return numbers


def _number(where: str, value: object) -> float:
    # numpy's own scalars are the judge's arithmetic, never the candidate's objects: those cannot cross the wire.
    if isinstance(value, np.floating | np.integer):
        value = value.item()
    if type(value) is not int and type(value) is not float:
        raise NotAVerdict(f"{where}: expected an int or a float; got {type(value).__name__} {str(value)[:80]!r}")
    try:
        number = float(value)
    except OverflowError:
        number = float("inf")
    if not isfinite(number):
        raise NotAVerdict(f"{where}: expected a finite number; got {str(value)[:80]}; reject such a result with Rejected")
    return number


def _picture(drawn: object, name: str) -> str:
    if not isinstance(drawn, str) or len(drawn) > _LARGEST_PICTURE:
        raise NotAVerdict(f"{name}: expected SVG text of at most {_LARGEST_PICTURE} characters; got {type(drawn).__name__}")
    return drawn.encode("utf-8", "replace").decode()


def import_judge(path: str, name: str) -> ModuleType:
    """Import the judge's file from the folder `path`, whose other modules it may import."""
    sys.path.append(path)
    module = ModuleType(name.removesuffix(".py").replace("/", "."))
    module.__file__ = f"{path}/{name}"
    sys.modules[module.__name__] = module
    with open(module.__file__, encoding="utf-8") as file:  # noqa: PTH123 - pathlib would be one more import
        text = file.read()
    exec(compile(text, module.__file__, "exec", dont_inherit=True), module.__dict__)  # noqa: S102 - this is its purpose
    return module


def rehearse(data: str) -> None:
    """Judge a candidate of ours in the zygote, so that forks find the interpreter's caches warm.

    Its reply is sent before the request, so it is refused: the way there is the same.
    """
    module = ModuleType("rehearsal")
    module.__dict__["evaluate"] = _rehearsal
    request = {"entry": "evaluate", "picture": None, "seed": bytes(32), "stage": "", "repeat": 0, "purpose": "search"}
    streams = sys.stdout, sys.stderr
    for _ in range(_REHEARSALS):
        candidate, own = socket.socketpair()
        launcher, line = socket.socketpair()
        with candidate, own, launcher, line:
            for early in ((0, "", ""), (2, [np.ones(2)])):
                Wire(candidate, _NO_FILE).send(0, early)
            judge(module, Wire(own, _NO_FILE), line, {**request, "deadline": time.monotonic() + 5}, data)
    sys.stdout, sys.stderr = streams


def _rehearsal(candidate: Candidate, context: Context) -> dict[str, object]:
    try:
        candidate.call("f", 1.0, [np.ones(2)], timeout=1.0)
    except CandidateError as error:
        context.log("")
        return {"score": context.rng.random(), "metrics": {"a": np.float64(1)}, "features": {"b": 1}, "feedback": error.cause}
    raise NotAVerdict("expected a refusal of a reply that came before its request; got a result")
