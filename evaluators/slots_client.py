"""An evaluator's end of the line to the slots service: one connection is one slot."""

import asyncio
import contextlib
import os
import platform
import socket
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any, get_args

import msgspec

from database.settings import PREFIX
from evaluators.confinement import HARNESS
from evaluators.harness.galapagos_enter import digest
from evaluators.sandbox import SandboxUnavailable
from evaluators.settings import SlotSettings
from evaluators.slots_protocol import (
    LONGEST_LINE,
    WORDS,
    Done,
    Exited,
    Failed,
    Hello,
    Order,
    Recycle,
    Role,
    Word,
    socket_in,
)
from evolution.language import LANGUAGES, Language

_OF_SERVICE = frozenset(PREFIX + name.upper() for name in SlotSettings.model_fields)
_RETRY_S = 0.1
_ORDER_S = 120.0
"""Docker on a busy machine may take its time."""
_HELLO_S = 60.0


class SlotLine:
    """A connection to the service. `open` first; orders go one at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._answers: asyncio.Queue[Word | None] = asyncio.Queue()
        self._ends: dict[Role, asyncio.Future[str]] = {}
        self._renewed: tuple[Role, ...] = ()
        self._ordering = asyncio.Lock()

    @property
    def is_open(self) -> bool:
        """Whether the service holds this slot's containers for us."""
        return self._reading is not None and not self._reading.done()

    async def open(self, patience_s: float) -> Hello:
        """Connect, waiting up to `patience_s` for a service that is started again, and check what it offers.

        Raises:
            SandboxUnavailable: there is no service, or it has nothing to offer.
        """
        await self.close()
        reader, self._writer = await self._connect(patience_s)
        self._answers = asyncio.Queue()
        self._reading = asyncio.create_task(self._read(reader))
        hello = await self._answer(_HELLO_S)
        if not isinstance(hello, Hello):
            raise SandboxUnavailable(f"expected the greeting of the slots service in {self._folder}; got {hello}")
        if fault := unfit(hello):
            await self.close()
            raise SandboxUnavailable(fault)
        return hello

    async def _connect(self, patience_s: float) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        try:
            path = socket_in(self._folder)
        except ValueError as error:
            raise SandboxUnavailable(str(error)) from None
        deadline = asyncio.get_running_loop().time() + patience_s
        while True:
            try:
                return await asyncio.open_unix_connection(path, limit=LONGEST_LINE)
            except OSError as error:
                if asyncio.get_running_loop().time() > deadline:
                    raise SandboxUnavailable(
                        f"expected the slots service at {path}; it does not answer ({error.strerror}); "
                        "start it: python -m evaluators.slots"
                    ) from None
            await asyncio.sleep(_RETRY_S)

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            while line := await reader.readline():
                word = WORDS.decode(line)
                if isinstance(word, Exited):
                    self._has_ended(word)
                else:
                    self._renew()
                    self._answers.put_nowait(word)
        except (OSError, ValueError, msgspec.MsgspecError):
            # Whatever came instead of a word, the line is of no use any more.
            return
        finally:
            self._answers.put_nowait(None)

    def _renew(self) -> None:
        """An order was answered: what was told before of containers that it replaced does not concern the new ones."""
        for role in self._renewed:
            self._ends[role] = asyncio.get_running_loop().create_future()
        self._renewed = ()

    def _has_ended(self, word: Exited) -> None:
        end = self._ends.get(word.role)
        if end is not None and not end.done():
            end.set_result(word.text)

    async def _answer(self, patience_s: float) -> Word:
        try:
            async with asyncio.timeout(patience_s):
                word = await self._answers.get()
        except TimeoutError:
            await self.close()
            raise SandboxUnavailable(
                f"expected an answer of the slots service within {patience_s:g} s; there was none"
            ) from None
        if word is None:
            await self.close()
            raise SandboxUnavailable(f"the slots service in {self._folder} hung up; start it again: python -m evaluators.slots")
        return word

    async def order(self, order: Order) -> None:
        """Have an order carried out.

        Raises:
            SandboxUnavailable: the service is gone, or cannot; the text is its own.
        """
        # Loaded here: a command that only asks what this machine can do counts nothing.
        from evaluators.metrics import SLOT_ORDER_S, SLOT_ORDERS

        verb, outcome = order.__struct_config__.tag, "failed"
        try:
            async with self._ordering:
                with SLOT_ORDER_S.labels(verb).time():
                    await self._have_done(order)
            outcome = "done"
        finally:
            SLOT_ORDERS.labels(verb, outcome).inc()

    async def _have_done(self, order: Order) -> None:
        if self._writer is None:
            raise SandboxUnavailable("the slots service is gone; start it again: python -m evaluators.slots")
        self._renewed = (order.role,) if isinstance(order, Recycle) else get_args(Role)
        with contextlib.suppress(OSError):
            self._writer.write(msgspec.json.encode(order) + b"\n")
            await self._writer.drain()
        answer = await self._answer(_ORDER_S)
        if isinstance(answer, Failed):
            raise SandboxUnavailable(answer.text)
        if not isinstance(answer, Done):
            await self.close()
            raise SandboxUnavailable(f"expected the slots service to say whether it was done; got {answer}")

    def end_of(self, role: Role) -> "asyncio.Future[str]":
        """Becomes done when the container that was last ordered for a role ends by itself, with what is known of it."""
        return self._ends[role]

    async def close(self) -> None:
        """Hang up: the service removes the slot's containers."""
        reading, self._reading = self._reading, None
        if reading is not None:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


def greeting(folder: Path | None) -> Hello:
    """What the slots service offers: the one of `folder`, or the one that this machine could start.

    Blocks: to be asked at a start, or in a thread. Whatever is wrong is in the greeting's `fault`.
    """
    hello = _start_and_ask() if folder is None else _ask(folder)
    return Hello(fault=fault) if (fault := unfit(hello)) else hello


def _ask(folder: Path) -> Hello:
    try:
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(_HELLO_S)
            line.connect(str(socket_in(folder.absolute())))
            said = line.makefile("rb").readline(LONGEST_LINE)
        return _hello(said)
    except (OSError, ValueError) as error:
        return Hello(fault=f"expected the slots service in {folder}; {error}; start it: python -m evaluators.slots")


def _start_and_ask() -> Hello:
    # In a process of its own: nothing but the service loads Docker's client.
    command = [sys.executable, "-m", "evaluators.slots", "check"]
    variables = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX) or name in _OF_SERVICE}
    variables |= {f"{PREFIX}SLOT_FOLDER": tempfile.gettempdir()}
    done = subprocess.run(command, check=False, capture_output=True, env=variables, stdin=subprocess.DEVNULL)
    return _hello(done.stdout) if done.returncode == 0 else Hello(fault=done.stderr.decode("utf-8", "replace").strip()[-500:])


def _hello(said: bytes) -> Hello:
    try:
        word = WORDS.decode(said)
    except msgspec.MsgspecError as error:
        return Hello(fault=f"expected the greeting of the slots service; {error}")
    return word if isinstance(word, Hello) else Hello(fault=f"expected the greeting of the slots service; got {word}")


def missing_compiler(hello: Hello, language: Language) -> str:
    """Why the boxes' image cannot compile a language; nothing if it can, or need not."""
    compiler = LANGUAGES[language].compiler
    programs = () if compiler is None else (compiler.program, *compiler.beside)
    missing = [name for name in programs if name not in hello.facts.get("compilers", ())]
    if not missing:
        return ""
    return (
        f"expected {' and '.join(missing)} in the image of the boxes, for a problem in {LANGUAGES[language].title}; "
        "it is not there; build the image from a BASE that has it in /usr/bin"
    )


def unfit(hello: Hello) -> str:
    """Why boxes of the image cannot serve this launcher; nothing if they can."""
    if hello.fault:
        return hello.fault
    build = f"build it again: docker build -t galapagos-box --target box {HARNESS.parents[1]}"
    ours: dict[str, Any] = {
        "harness": digest(str(HARNESS)),
        "python": _minor(platform.python_version()),
        "numpy": version("numpy"),
    }
    theirs = hello.facts | {"python": _minor(str(hello.facts.get("python", "")))}
    for name, expected in ours.items():
        if theirs.get(name) != expected:
            base = f" --build-arg BASE=python:{ours['python']}-slim-bookworm" if name == "python" else ""
            return f"expected an image with the {name} of this launcher ({expected}); it has {theirs.get(name)}; {build}{base}"
    return ""


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])
