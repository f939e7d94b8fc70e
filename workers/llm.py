"""The one client of an OpenAI-compatible endpoint. One call is one HTTP request: retries and money are its callers'.

Answers are streamed, so that a hang is noticed before the whole time is used and a cut answer is told from a whole one:
an answer counts only once the endpoint has said why it finished.
"""

import asyncio
import logging
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from enum import StrEnum

import msgspec
import openai

from database.encoding import storable
from evolution.models import Message, Model

_NEVER_SENT = frozenset({"ConnectError", "ConnectTimeout", "PoolTimeout"})
_CREDIBLE_TOKENS = 100_000_000
_DETAIL_LIMIT = 300
_LONGEST_ANSWER = 8_000_000
"""Characters. An endpoint that streams without end is cut off here, whatever its token limit promised."""


class Failure(StrEnum):
    """Why a call brought no answer."""

    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    REJECTED = "rejected"
    UNREACHABLE = "unreachable"
    HUNG = "hung"
    CUT = "cut"
    EMPTY = "empty"
    FILTERED = "filtered"


PASSING = frozenset(Failure) - {Failure.REJECTED, Failure.FILTERED}
"""Failures after which the same call may well succeed."""

UNBILLED = frozenset({Failure.RATE_LIMITED, Failure.SERVER_ERROR, Failure.REJECTED, Failure.UNREACHABLE})
"""Failures for which an endpoint charges nothing: it said no, or the request never reached it."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the endpoint reported them."""

    tokens_in: int
    tokens_out: int


@dataclass(frozen=True, slots=True)
class Completed:
    """A whole answer. `finish_reason` is the endpoint's word; `length` means cut at the limit of tokens.

    `usage` is None where the endpoint reported none that can be true.
    """

    text: str
    finish_reason: str
    usage: Usage | None
    latency_s: float


@dataclass(frozen=True, slots=True)
class Failed:
    """No answer. `retry_after_s` is what the endpoint asked for; `usage` is what it reported nonetheless."""

    failure: Failure
    detail: str
    latency_s: float = 0.0
    retry_after_s: float | None = None
    usage: Usage | None = None


class _Delta(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None


class _Choice(msgspec.Struct):
    index: int = 0
    delta: _Delta | None = None
    finish_reason: str | None = None


class _Piece(msgspec.Struct):
    """One event of the stream. Read by ourselves: the SDK's own values take five times as long for each token."""

    choices: list[_Choice] | None = None
    usage: object = None


@dataclass(slots=True)
class _Stream:
    text: list[str] = field(default_factory=list[str])
    refusal: list[str] = field(default_factory=list[str])
    length: int = 0
    finish_reason: str | None = None
    usage: object = None

    def take(self, piece: _Piece) -> None:
        self.usage = piece.usage or self.usage
        for choice in piece.choices or ():
            if choice.index:
                continue
            self.finish_reason = choice.finish_reason or self.finish_reason
            if choice.delta is not None:
                self.text.append(choice.delta.content or "")
                self.length += len(self.text[-1])
                self.refusal.append(choice.delta.refusal or "")


class Endpoint:
    """A connection pool to one model's endpoint; close it when done."""

    def __init__(self, model: Model, key: str | None) -> None:
        self.model = model
        for library in ("httpx", "httpx2"):
            # They log a line for each request; what became of it stands in the program database.
            logging.getLogger(library).setLevel(logging.WARNING)
        self._client = openai.AsyncOpenAI(
            base_url=model.base_url, api_key=key or "no key needed", max_retries=0, timeout=model.timeout_s
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    async def complete(self, messages: Sequence[Message]) -> Completed | Failed:
        """Ask once. Everything that an endpoint or the way to it can do wrong comes back as `Failed`."""
        started = time.monotonic()
        stream = _Stream()
        failed = await self._attempt(messages, stream)
        latency_s = time.monotonic() - started
        if failed is None or stream.finish_reason is not None:
            # What breaks after the finish reason takes at most the reported usage with it.
            return self._whole(stream, latency_s)
        return replace(failed, latency_s=latency_s)

    async def _attempt(self, messages: Sequence[Message], stream: _Stream) -> Failed | None:
        try:
            async with asyncio.timeout(self.model.timeout_s) as limit:
                await self._receive(messages, stream, limit)
        except TimeoutError:
            return Failed(Failure.HUNG, self._timed_out)
        except openai.APITimeoutError as error:
            return _never_sent(error) or Failed(Failure.HUNG, self._timed_out)
        except openai.APIConnectionError as error:
            return _never_sent(error) or Failed(Failure.CUT, f"the connection broke off: {_cause(error)}")
        except openai.APIStatusError as error:
            return _refused(error)
        except (openai.APIError, ValueError) as error:
            # An error event, or a line that is no JSON, within the stream.
            return Failed(Failure.CUT, f"the stream broke off: {error}"[:_DETAIL_LIMIT])
        return None

    @property
    def _timed_out(self) -> str:
        model = self.model
        return f"no whole answer: it may take {model.timeout_s:g} s, and be silent for {model.silence_timeout_s:g} s"

    async def _receive(self, messages: Sequence[Message], stream: _Stream, limit: asyncio.Timeout) -> None:
        model = self.model
        now = asyncio.get_running_loop().time
        end = now() + model.timeout_s
        limit.reschedule(min(end, now() + model.silence_timeout_s))
        body: dict[str, object] = {
            "model": model.model,
            "messages": [message.model_dump() for message in messages],
            "stream": True,
            "stream_options": {"include_usage": True},
            model.answer_limit_field: model.max_tokens,
        }
        if model.temperature is not None:
            body["temperature"] = model.temperature
        kind = openai.AsyncStream[object]
        async with await self._client.post(
            "/chat/completions", cast_to=object, body=body, stream=True, stream_cls=kind
        ) as events:
            async for event in events:
                limit.reschedule(min(end, now() + model.silence_timeout_s))
                stream.take(msgspec.convert(event, _Piece))
                if stream.length > _LONGEST_ANSWER:
                    raise ValueError(f"more than {_LONGEST_ANSWER} characters came")

    def _whole(self, stream: _Stream, latency_s: float) -> Completed | Failed:
        # Escapes in JSON can spell characters that no file and no database can hold.
        text = storable("".join(stream.text))
        usage = _credible(stream.usage)
        if stream.finish_reason is None:
            return Failed(Failure.CUT, f"the stream ended after {len(text)} characters without a finish reason", latency_s)
        if stream.finish_reason == "content_filter":
            return Failed(Failure.FILTERED, "the endpoint's content filter stopped the answer", latency_s, usage=usage)
        if not text.strip():
            said = "".join(stream.refusal).strip() or f"finish reason {stream.finish_reason}"
            return Failed(Failure.EMPTY, f"the answer is empty: {said}"[:_DETAIL_LIMIT], latency_s, usage=usage)
        return Completed(text, stream.finish_reason, usage, latency_s)


def _credible(reported: object) -> Usage | None:
    """The reported usage, unless it cannot be true: every prompt and every answer has at least one token."""
    match reported:
        case {"prompt_tokens": int(tokens_in), "completion_tokens": int(tokens_out)} if (
            1 <= tokens_in <= _CREDIBLE_TOKENS and 1 <= tokens_out <= _CREDIBLE_TOKENS
        ):
            return Usage(tokens_in, tokens_out)
        case _:
            return None


def _refused(error: openai.APIStatusError) -> Failed:
    status = error.status_code
    detail = f"HTTP {status}: {error.message}"[:_DETAIL_LIMIT]
    retry_after = _retry_after(error.response.headers.get("retry-after"))
    if status == 429:
        return Failed(Failure.RATE_LIMITED, detail, retry_after_s=retry_after)
    if status >= 500 or status in {408, 409, 425}:
        return Failed(Failure.SERVER_ERROR, detail, retry_after_s=retry_after)
    return Failed(Failure.REJECTED, detail)


def _retry_after(header: str | None) -> float | None:
    """Seconds to wait, from a header that holds seconds or a date; None if it holds neither."""
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(header).timestamp() - time.time()
        except ValueError:
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _cause(error: openai.APIConnectionError) -> str:
    cause = error.__cause__
    return (f"{type(cause).__name__}: {cause}" if cause else error.message)[:_DETAIL_LIMIT]


def _never_sent(error: openai.APIConnectionError) -> Failed | None:
    if type(error.__cause__).__name__ not in _NEVER_SENT:
        return None
    return Failed(Failure.UNREACHABLE, f"cannot connect: {_cause(error)}")
