"""A real HTTP server on the loopback interface that speaks the streaming part of the OpenAI protocol, by script.

    async with OpenAiServer([Says("hello"), Status(429, retry_after="1"), Hangs()]) as server:
        ...  # base_url = server.base_url; server.requests holds every body that came

A script is a list of replies, given in the order in which the requests come in (the last one again and again once it is
used up), or a function of the request's number from 0 and its body. `serving(script)` does the same from a thread, for
tests without an event loop. What was charged, had the endpoint prices, follows from `server.billed`.
"""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self


@dataclass(frozen=True)
class Says:
    """A whole answer in pieces. `usage` is (tokens in, tokens out), any JSON to be sent as it is, or None for no report.

    It is held back until `together` requests were under way at once.
    """

    text: str
    usage: Any = (100, 20)
    finish_reason: str | None = "stop"
    delay_s: float = 0.0
    pieces: int = 4
    done: bool = True
    together: int = 1


@dataclass(frozen=True)
class Status:
    """An HTTP error with a body."""

    code: int
    retry_after: str | None = None
    message: str = "no"


@dataclass(frozen=True)
class Hangs:
    """Silence for ever: before the status line, or after some text."""

    after_text: str | None = None


@dataclass(frozen=True)
class Cuts:
    """Some text, then the connection is closed; `tidy` ends the stream properly but without a finish reason."""

    text: str
    tidy: bool = False


@dataclass(frozen=True)
class Closes:
    """The connection is closed before a status line."""


@dataclass(frozen=True)
class Sends:
    """Raw server-sent events, as they are."""

    body: str


Reply = Says | Status | Hangs | Cuts | Closes | Sends
Script = Sequence[Reply] | Callable[[int, dict[str, Any]], Reply]


def prompt_of(body: dict[str, Any]) -> str:
    """All text of a request's messages."""
    return "\n".join(message["content"] for message in body["messages"])


@dataclass
class OpenAiServer:
    """Async context manager; listens on a free port of 127.0.0.1."""

    script: Script
    requests: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    billed: list[tuple[int, int]] = field(default_factory=list)
    in_flight: int = 0
    most_in_flight: int = 0
    port: int = 0
    _server: asyncio.Server | None = None
    _arrived: asyncio.Condition = field(default_factory=asyncio.Condition)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connection, "127.0.0.1", self.port, backlog=1024)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def received(self, count: int) -> None:
        """Wait until `count` requests have come."""
        async with self._arrived:
            await self._arrived.wait_for(lambda: len(self.requests) >= count)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while await self._exchange(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            # The client hung up, as clients of this server are meant to do, or the server ends.
            return
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
        body = json.loads(await reader.readexactly(int(headers.get("content-length", "0"))) or b"{}")
        if not head.startswith("POST /v1/chat/completions ") or not body.get("stream"):
            await _respond(writer, Status(404, message="only POST /v1/chat/completions with stream is served"))
            return True
        number = len(self.requests)
        self.requests.append(body)
        self.keys.append(headers.get("authorization", "").removeprefix("bearer "))
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        async with self._arrived:
            self._arrived.notify_all()
        try:
            return await self._answer(writer, self._reply(number, body))
        finally:
            self.in_flight -= 1

    def _reply(self, number: int, body: dict[str, Any]) -> Reply:
        if callable(self.script):
            return self.script(number, body)
        return self.script[min(number, len(self.script) - 1)]

    async def _answer(self, writer: asyncio.StreamWriter, reply: Reply) -> bool:
        match reply:
            case Status():
                await _respond(writer, reply)
                return True
            case Says():
                await self._say(writer, reply)
                return True
            case Sends(body):
                await _open_stream(writer)
                await _chunk(writer, body)
                await _chunk(writer, "")
                return True
            case Hangs(text):
                if text is not None:
                    await _open_stream(writer)
                    await _chunk(writer, _event(_delta(text)))
                await asyncio.Event().wait()
            case Cuts(text, tidy):
                await _open_stream(writer)
                await _chunk(writer, _event(_delta(text)))
                if tidy:
                    await _chunk(writer, "")
            case Closes():
                pass
        return False

    async def _say(self, writer: asyncio.StreamWriter, reply: Says) -> None:
        async with self._arrived:
            await self._arrived.wait_for(lambda: self.most_in_flight >= reply.together)
        await asyncio.sleep(reply.delay_s)
        await _open_stream(writer)
        size = max(1, -(-len(reply.text) // reply.pieces))
        events = [_delta(reply.text[start : start + size]) for start in range(0, len(reply.text), size)]
        events.append({"choices": [{"index": 0, "delta": {}, "finish_reason": reply.finish_reason}]})
        usage = reply.usage
        if isinstance(usage, tuple):
            self.billed.append(usage)
            usage = {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage)}
        if usage is not None:
            events.append({"choices": [], "usage": usage})
        await _chunk(writer, "".join(map(_event, events)) + ("data: [DONE]\n\n" if reply.done else ""))
        await _chunk(writer, "")


def _delta(text: str) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": None}]}


def _event(content: dict[str, Any]) -> str:
    whole = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "scripted", **content}
    return f"data: {json.dumps(whole)}\n\n"


async def _respond(writer: asyncio.StreamWriter, status: Status) -> None:
    body = json.dumps({"error": {"message": status.message, "type": "scripted"}}).encode()
    retry = f"Retry-After: {status.retry_after}\r\n" if status.retry_after is not None else ""
    head = f"HTTP/1.1 {status.code} Scripted\r\nContent-Type: application/json\r\n{retry}Content-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    await writer.drain()


async def _open_stream(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
    await writer.drain()


async def _chunk(writer: asyncio.StreamWriter, text: str) -> None:
    data = text.encode()
    writer.write(b"%x\r\n%s\r\n" % (len(data), data))
    await writer.drain()


@contextmanager
def serving(script: Script) -> Iterator[OpenAiServer]:
    """The server on a thread of its own, until the block ends."""
    server = OpenAiServer(script)
    ready, loop = threading.Event(), asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve() -> None:
        async with server:
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    assert ready.wait(10), "the scripted server did not start"
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()
